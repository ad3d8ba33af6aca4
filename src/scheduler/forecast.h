// What will happen to everybody who waits, as far as can be said now.
//
// Purpose: place and time of every job, and previews of what the leader or operator may do.
// Threading: pure. Cost: kFutures rollouts (rollout.h).
// Limits: kForecastJobsMax open jobs and kForecastHorizon; what lies beyond is not forecast.
// Method: the median of a few futures.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "scheduler/calibration.h"
#include "scheduler/event.h"
#include "scheduler/state.h"

namespace stoker::scheduler {

inline constexpr std::uint32_t kFutures = 3;
inline constexpr std::size_t kForecastJobsMax = 300;
inline constexpr Duration kForecastHorizon = minutes(240);

struct JobForecast {
  Instant ends;             // of its chain
  Duration loading;         // how much of the wait is loading
  std::uint32_t ahead = 0;  // jobs of the same backend that start before it
};

struct Forecast {
  std::map<JobId, JobForecast> jobs;
  // When models that are loading or will be loaded are expected to be ready.
  std::map<ModelId, Instant> loads;
  // Models that will have been unloaded, in order.
  std::vector<ModelId> unloads;
};

Forecast forecast(const State& state, Instant now);

// The same after a wish of the leader or operator; plays on until nothing more is expected.
Forecast forecast_wanted(const State& state, const WantedSet& wish, Instant now);

// Time until the current step of a job ends; the horizon of a rollout if it does not end before.
Duration forecast_step_end(const State& state, JobId job, Instant now);

// How far an estimate was off depends on what it was for; the same for the whole chain and for the step.
enum class Extent : std::uint8_t { step, chain };
EstimateClass estimate_class(const State& state, const JobEntry& job, Duration estimate,
                             Extent extent);

}  // namespace stoker::scheduler
