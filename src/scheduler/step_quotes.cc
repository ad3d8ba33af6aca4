#include "scheduler/step_quotes.h"

#include <algorithm>

namespace stoker::scheduler {

DurationRange StepQuotes::quote(const State& state, JobId id, Instant now) {
  const JobEntry& job = state.jobs.at(id);
  Duration estimate = forecast_step_end(state, id, now);
  // Whoever waits longer leaves, so it cannot take longer.
  const Duration patience = state.patience_for(state.model(job.model()));
  const bool bounded = patience > Duration{};
  if (bounded) estimate = std::min(estimate, patience);
  const EstimateClass of = estimate_class(state, job, estimate, Extent::step);
  DurationRange range = calibration_.range(of, estimate);
  if (bounded) {
    range = {std::min(range.low, patience), std::min(range.mid, patience),
             std::min(range.high, patience)};
  }
  open_[id] = {of, estimate, now, range};
  return range;
}

void StepQuotes::finished(JobId id, Instant now) {
  const auto said = open_.find(id);
  if (said == open_.end()) return;
  calibration_.settle(said->second.of, said->second.estimate, now - said->second.at,
                      said->second.range);
  open_.erase(said);
}

}  // namespace stoker::scheduler
