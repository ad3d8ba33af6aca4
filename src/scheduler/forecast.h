// What will happen if nobody does anything: the scheduler's own code, played forward on a copy of its state.
//
// Purpose: place and time of every job, previews of a focus change, the plan check; what is shown and what is done
//   cannot disagree, because both come from the same decisions.
// Threading: pure. Cost: one apply per expected event, so O(jobs x models x log jobs).
// Limits: kForecastJobsMax open jobs and kForecastHorizon; what lies beyond is not forecast.
// Method: mean durations; the variance of everything that comes before on the same backend is summed up.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "scheduler/estimates.h"
#include "scheduler/event.h"
#include "scheduler/state.h"

namespace stoker::scheduler {

inline constexpr std::size_t kForecastJobsMax = 300;
inline constexpr Duration kForecastHorizon = minutes(240);
inline constexpr Duration kUnloadEstimate = seconds(1);

struct JobForecast {
  Instant starts;  // expected start of its current step
  Instant ends;    // expected end of its chain
  double variance_us2 = 0;
  Duration loading;         // how much of the wait is loading
  std::uint32_t ahead = 0;  // open jobs of the same backend that end before it
};

struct Forecast {
  std::map<JobId, JobForecast> jobs;
  // When models that are loading or will be loaded are expected to be ready.
  std::map<ModelId, Instant> loads;
  // Models that will have been unloaded, in order.
  std::vector<ModelId> unloads;
};

Forecast forecast(const State& state, Instant now);

// The same after a wish of the leader or operator; plays on until the wished models are there.
Forecast forecast_wanted(const State& state, const WantedSet& wish, Instant now);

}  // namespace stoker::scheduler
