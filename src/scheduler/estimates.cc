#include "scheduler/estimates.h"

#include <algorithm>
#include <cmath>

namespace stoker::scheduler {
namespace {

constexpr double kEightyPercentZ = 1.2815515655446004;

}  // namespace

void DurationEstimate::set_hint(Duration hint) {
  if (observations_ == 0) mean_us_ = static_cast<double>(hint.us);
}

void DurationEstimate::observe(Duration took) {
  const auto x = static_cast<double>(took.us > 0 ? took.us : 0);
  const double relative = mean_us_ > 0 ? (x - mean_us_) / mean_us_ : 0.0;
  const auto cap = static_cast<double>(kObservationsMax);
  if (weight_ >= cap) {
    squared_sum_ *= (cap - 1) / cap;
    weight_ = cap - 1;
  }
  mean_us_ = (mean_us_ * weight_ + x) / (weight_ + 1);
  squared_sum_ += relative * relative;
  weight_ += 1;
  ++observations_;
}

double DurationEstimate::relative_spread() const {
  return std::sqrt(squared_sum_ / weight_);
}

void RunEstimates::observe(Duration took, StepSize size) {
  all_.observe(took);
  if (size == 0) return;
  const auto place = std::lower_bound(by_size_.begin(), by_size_.end(), size,
                                      [](const Seen& seen, StepSize x) { return seen.size < x; });
  const bool known = place != by_size_.end() && place->size == size;
  if (!known && by_size_.size() >= kSizesMax) return;
  Seen& seen = known ? *place : *by_size_.insert(place, Seen{size});
  const auto cap = static_cast<double>(DurationEstimate::kObservationsMax);
  if (seen.count >= cap) {
    seen.sum_us *= (cap - 1) / cap;
    seen.count = cap - 1;
  }
  seen.sum_us += static_cast<double>(std::max<std::int64_t>(took.us, 0));
  seen.count += 1;
}

Duration RunEstimates::mean(StepSize size) const {
  if (size == 0 || by_size_.empty()) return all_.mean();
  const auto place = std::lower_bound(by_size_.begin(), by_size_.end(), size,
                                      [](const Seen& seen, StepSize x) { return seen.size < x; });
  if (place == by_size_.end() || place->size != size) return all_.mean();
  const double model_us = static_cast<double>(all_.mean().us) * kModelWeight;
  return {static_cast<std::int64_t>((place->sum_us + model_us) / (place->count + kModelWeight))};
}

DurationRange range_of(Duration mid, double variance_us2) {
  const double half = kEightyPercentZ * std::sqrt(variance_us2);
  const auto half_us = static_cast<std::int64_t>(half);
  const std::int64_t low = mid.us - half_us;
  return {{low > 0 ? low : 0}, mid, {mid.us + half_us}};
}

}  // namespace stoker::scheduler
