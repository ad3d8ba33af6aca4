#include "scheduler/calibration.h"

#include <algorithm>
#include <cmath>

namespace stoker::scheduler {
namespace {

constexpr double kFloorUs = 10e6;
constexpr double kAdaptation = 0.01;
constexpr double kMissLeast = 0.02;
constexpr double kMissMost = 0.5;

double floored(Duration d) {
  return static_cast<double>(d.us) + kFloorUs;
}

Duration scaled(Duration estimate, double ratio) {
  const double us = floored(estimate) * ratio - kFloorUs;
  return {us > 0 ? static_cast<std::int64_t>(us) : 0};
}

}  // namespace

void Calibration::Outcomes::add(double ratio) {
  if (recent.size() < kWindow) {
    recent.push_back(ratio);
  } else {
    recent[next] = ratio;
  }
  next = (next + 1) % kWindow;
}

DurationRange Calibration::range(EstimateClass of, Duration estimate) const {
  const Kind& kind = kinds_.at(of.kind);
  const Outcomes& own = kind.by_detail.at(of.detail);
  const Outcomes& outcomes = own.recent.size() >= kEnough ? own : kind.pooled;
  if (outcomes.recent.size() < kEnough) {
    return {{estimate.us * 6 / 10}, estimate, {estimate.us * 18 / 10 + seconds(10).us}};
  }
  std::vector<double> past = outcomes.recent;
  std::sort(past.begin(), past.end());
  const auto n = static_cast<double>(past.size());
  const auto low = static_cast<std::size_t>(std::max(0.0, own.miss_level / 2 * n - 1));
  const auto high = static_cast<std::size_t>(
      std::min(n - 1, (1 - own.miss_level / 2) * n));
  return {scaled(estimate, past[low]), scaled(estimate, past[past.size() / 2]),
          scaled(estimate, past[high])};
}

void Calibration::settle(EstimateClass of, Duration estimate, Duration actual,
                         const DurationRange& said) {
  Kind& kind = kinds_.at(of.kind);
  Outcomes& own = kind.by_detail.at(of.detail);
  const double ratio = floored(actual) / floored(estimate);
  own.add(ratio);
  kind.pooled.add(ratio);
  const bool missed = actual < said.low || said.high < actual;
  own.miss_level = std::clamp(own.miss_level + kAdaptation * (kMissTarget - (missed ? 1.0 : 0.0)),
                              kMissLeast, kMissMost);
}

}  // namespace stoker::scheduler
