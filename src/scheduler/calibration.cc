#include "scheduler/calibration.h"

#include <algorithm>

namespace stoker::scheduler {
namespace {

constexpr double kFloorUs = 10e6;
constexpr double kAdaptation = 0.01;
constexpr double kMissLeast = 0.02;
constexpr double kMissMost = 0.5;

// Outcomes at 5, 15, … 95 % over eleven kinds of simulated workshops (docs/reference/policies.md).
using Prior = std::array<double, 10>;
constexpr Prior kTextPrior = {0.75, 0.83, 0.88, 0.92, 0.96, 1.0, 1.04, 1.1, 1.19, 1.36};
constexpr Prior kHeldTextPrior = {0.45, 0.62, 0.74, 0.81, 0.87, 0.91, 0.96, 1.01, 1.08, 1.23};
constexpr Prior kGenerationPrior = {0.8, 0.9, 0.94, 0.97, 1.0, 1.03, 1.06, 1.1, 1.18, 1.4};

const Prior& prior_of(EstimateKind kind) {
  switch (kind) {
    case EstimateKind::text:
      return kTextPrior;
    case EstimateKind::held_text:
      return kHeldTextPrior;
    case EstimateKind::generation:
    case EstimateKind::chain:
      break;
  }
  return kGenerationPrior;
}

double floored(Duration d) {
  return static_cast<double>(d.us) + kFloorUs;
}

Duration scaled(Duration estimate, double ratio) {
  const double us = floored(estimate) * ratio - kFloorUs;
  return {us > 0 ? static_cast<std::int64_t>(us) : 0};
}

// Between the two neighbours of the quantile; `sorted` is not empty.
double quantile(const std::vector<double>& sorted, double share) {
  const auto last = static_cast<double>(sorted.size() - 1);
  const double place = std::clamp(share * static_cast<double>(sorted.size()) - 0.5, 0.0, last);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  const double part = place - static_cast<double>(below);
  return sorted[below] + (sorted[above] - sorted[below]) * part;
}

}  // namespace

Calibration::Calibration() {
  for (std::size_t kind = 0; kind < kEstimateKinds; ++kind) {
    const Prior& prior = prior_of(static_cast<EstimateKind>(kind));
    for (Outcomes& outcomes : classes_.at(kind)) {
      outcomes.recent.assign(prior.begin(), prior.end());
      outcomes.next = prior.size();
    }
  }
}

void Calibration::Outcomes::add(double ratio) {
  if (recent.size() < kWindow) {
    recent.push_back(ratio);
  } else {
    recent[next] = ratio;
  }
  next = (next + 1) % kWindow;
}

DurationRange Calibration::range(EstimateClass of, Duration estimate) const {
  const Outcomes& outcomes = classes_.at(static_cast<std::size_t>(of.kind)).at(of.detail);
  std::vector<double> past = outcomes.recent;
  std::sort(past.begin(), past.end());
  const double tail = outcomes.miss_level / 2;
  return {scaled(estimate, quantile(past, tail)), scaled(estimate, quantile(past, 0.5)),
          scaled(estimate, quantile(past, 1 - tail))};
}

void Calibration::settle(EstimateClass of, Duration estimate, Duration actual,
                         const DurationRange& said) {
  Outcomes& outcomes = classes_.at(static_cast<std::size_t>(of.kind)).at(of.detail);
  outcomes.add(floored(actual) / floored(estimate));
  const bool missed = actual < said.low || said.high < actual;
  outcomes.miss_level =
      std::clamp(outcomes.miss_level + kAdaptation * (kMissTarget - (missed ? 1.0 : 0.0)),
                 kMissLeast, kMissMost);
}

}  // namespace stoker::scheduler
