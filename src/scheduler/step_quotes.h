// How long until a step ends, said once when it is released, with a range that learns from its misses.
//
// Purpose: what a participant is told about the step in hand, and the measure of how good such words are.
// Threading: one owner. Cost: kFutures rollouts per quote.
// Method: the median of a few futures (rollout.h), ranged by calibration.h.
#pragma once

#include <unordered_map>

#include "scheduler/calibration.h"
#include "scheduler/forecast.h"
#include "scheduler/state.h"

namespace stoker::scheduler {

class StepQuotes {
 public:
  // For the current step of an open job, after the decisions that its release led to.
  DurationRange quote(const State& state, JobId job, Instant now);
  // The step has ended by finishing; other ends say nothing.
  void finished(JobId job, Instant now);
  void forget(JobId job) { open_.erase(job); }

 private:
  struct Said {
    EstimateClass of;
    Duration estimate;
    Instant at;
    DurationRange range;
  };

  Calibration calibration_;
  std::unordered_map<JobId, Said> open_;
};

}  // namespace stoker::scheduler
