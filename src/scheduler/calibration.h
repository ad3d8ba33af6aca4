// How far estimates were off, and the range that follows from it.
//
// Purpose: a range that holds four of five times, whatever the estimates are worth.
// Threading: part of Scheduler; plain values.
// Limits: the last kWindow outcomes of each class; kClassesMax classes.
// Method: split conformal prediction on ratios (actual + 10 s) / (estimate + 10 s): the range takes the quantiles of the
//   last outcomes of the class, and the level adapts to misses (adaptive conformal inference, Gibbs and Candès 2021).
//   Ratios instead of their logarithms: quantiles are the same, and every machine computes the same bits.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/time.h"
#include "scheduler/estimates.h"

namespace stoker::scheduler {

// What kind of estimate it was: classes that are off in different ways are kept apart.
struct EstimateClass {
  std::uint8_t kind = 0;    // pooled over `detail` while the class has few outcomes
  std::uint8_t detail = 0;
};

class Calibration {
 public:
  static constexpr std::size_t kWindow = 200;
  static constexpr std::size_t kEnough = 20;
  static constexpr std::size_t kKinds = 4;
  static constexpr std::size_t kDetails = 16;
  static constexpr double kMissTarget = 0.2;

  DurationRange range(EstimateClass of, Duration estimate) const;
  void settle(EstimateClass of, Duration estimate, Duration actual, const DurationRange& said);

 private:
  struct Outcomes {
    std::vector<double> recent;  // ring of ratios
    std::size_t next = 0;
    double miss_level = kMissTarget;
    void add(double ratio);
  };
  struct Kind {
    Outcomes pooled;
    std::array<Outcomes, kDetails> by_detail;
  };

  std::array<Kind, kKinds> kinds_;
};

}  // namespace stoker::scheduler
