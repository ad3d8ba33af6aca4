// How long runs and loads take: a declared hint that counts as three observations, then what was seen.
//
// Purpose: mean and relative spread per model. Only + - * / and sqrt, so that every machine computes the same bits.
// Limits: the weight of the past is capped at kObservationsMax, so that the estimate keeps following changes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/time.h"

namespace stoker::scheduler {

class DurationEstimate {
 public:
  static constexpr std::int64_t kHintWeight = 3;
  static constexpr std::int64_t kObservationsMax = 60;
  static constexpr double kHintSpread = 0.35;

  // Starts again from another hint only if nothing was seen yet.
  void set_hint(Duration hint);
  void observe(Duration took);

  Duration mean() const { return {static_cast<std::int64_t>(mean_us_)}; }
  // Standard deviation as a share of the mean.
  double relative_spread() const;

 private:
  double mean_us_ = 10e6;
  double squared_sum_ = kHintSpread * kHintSpread * static_cast<double>(kHintWeight);
  double weight_ = static_cast<double>(kHintWeight);
  std::int64_t observations_ = 0;
};

// How large a step is: resolution, sampling steps, length and the like as one number of the caller. 0: not known.
using StepSize = std::uint32_t;

// Runs of one model by size: what was seen for this size, drawn towards the model as long as little was.
class RunEstimates {
 public:
  static constexpr std::size_t kSizesMax = 64;  // of further ones only the model learns
  static constexpr double kModelWeight = 8;     // observations that the model's mean counts for

  void set_hint(Duration hint) { all_.set_hint(hint); }
  void observe(Duration took, StepSize size = 0);

  Duration mean(StepSize size = 0) const;
  double relative_spread() const { return all_.relative_spread(); }

 private:
  struct Seen {
    StepSize size = 0;
    double count = 0;
    double sum_us = 0;
  };
  DurationEstimate all_;
  std::vector<Seen> by_size_;  // ordered by size
};

// A range that holds about four of five times around a mean with the given variance, never below zero.
struct DurationRange {
  Duration low;
  Duration mid;
  Duration high;
};
DurationRange range_of(Duration mid, double variance_us2);

}  // namespace stoker::scheduler
