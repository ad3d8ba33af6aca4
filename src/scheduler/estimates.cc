#include "scheduler/estimates.h"

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

DurationRange range_of(Duration mid, double variance_us2) {
  const double half = kEightyPercentZ * std::sqrt(variance_us2);
  const auto half_us = static_cast<std::int64_t>(half);
  const std::int64_t low = mid.us - half_us;
  return {{low > 0 ? low : 0}, mid, {mid.us + half_us}};
}

}  // namespace stoker::scheduler
