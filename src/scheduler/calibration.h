// How far estimates were off, and the range that follows from it.
//
// Purpose: a range that holds four of five times, whatever the estimates are worth.
// Threading: part of Scheduler; plain values.
// Limits: the last kWindow outcomes of each class.
// Method: split conformal prediction on ratios (actual + 10 s) / (estimate + 10 s): the range takes the quantiles of the
//   last outcomes of the class, and the level adapts to misses (adaptive conformal inference, Gibbs and Candès 2021).
//   Each class begins with ten outcomes that such estimates have shown in simulation, so that the first range is fair too.
//   Ratios instead of their logarithms: quantiles are the same, and every machine computes the same bits.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/time.h"
#include "scheduler/estimates.h"

namespace stoker::scheduler {

// What an estimate was for. Classes that are off in different ways are kept apart.
enum class EstimateKind : std::uint8_t { text, held_text, generation, chain };
inline constexpr std::size_t kEstimateKinds = 4;

struct EstimateClass {
  EstimateKind kind = EstimateKind::text;
  std::uint8_t detail = 0;
};

class Calibration {
 public:
  static constexpr std::size_t kWindow = 200;
  static constexpr std::size_t kDetails = 16;
  static constexpr double kMissTarget = 0.2;

  Calibration();

  DurationRange range(EstimateClass of, Duration estimate) const;
  void settle(EstimateClass of, Duration estimate, Duration actual, const DurationRange& said);

 private:
  struct Outcomes {
    std::vector<double> recent;  // ring of ratios
    std::size_t next = 0;
    double miss_level = kMissTarget;
    void add(double ratio);
  };

  std::array<std::array<Outcomes, kDetails>, kEstimateKinds> classes_;
};

}  // namespace stoker::scheduler
