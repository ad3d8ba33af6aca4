#include "scheduler/forecast.h"

#include <algorithm>
#include <array>

#include "scheduler/rollout.h"

namespace stoker::scheduler {
namespace {

// One future says enough about so many.
constexpr std::size_t kManyJobs = 60;
constexpr Duration kShortText = seconds(12);

bool by_end(const SeenJob& a, const SeenJob& b) {
  return a.ends < b.ends;
}

// The future in the middle; a job that did not end in most of them is not known.
std::optional<SeenJob> in_the_middle(const std::vector<Rollout>& futures, JobId id) {
  std::vector<SeenJob> seen;
  for (const Rollout& future : futures) {
    const auto job = future.jobs.find(id);
    if (job != future.jobs.end() && job->second.ended) seen.push_back(job->second);
  }
  if (seen.size() * 2 <= futures.size()) return std::nullopt;
  std::sort(seen.begin(), seen.end(), by_end);
  return seen[seen.size() / 2];
}

Forecast forecast_of(const State& state, const std::vector<Rollout>& futures) {
  Forecast result;
  for (const auto& [id, job] : state.jobs) {
    if (const auto seen = in_the_middle(futures, id))
      result.jobs[id] = {seen->ends, seen->loading, seen->ahead};
  }
  const Rollout& middle = futures[futures.size() / 2];
  for (const auto& [model, ready] : middle.loads) result.loads.try_emplace(model, ready);
  result.unloads = middle.unloads;
  return result;
}

}  // namespace

Forecast forecast(const State& state, Instant now) {
  if (state.jobs.size() > kForecastJobsMax) return {};
  const std::uint32_t samples = state.jobs.size() > kManyJobs ? 1 : kFutures;
  std::vector<Rollout> futures;
  for (std::uint32_t sample = 0; sample < samples; ++sample) {
    RolloutOptions options;
    options.sample = sample;
    options.samples = samples;
    options.horizon = kForecastHorizon;
    futures.push_back(play_forward(state, now, options));
  }
  return forecast_of(state, futures);
}

Forecast forecast_wanted(const State& state, const WantedSet& wish, Instant now) {
  if (state.jobs.size() > kForecastJobsMax) return {};
  RolloutOptions options;
  options.horizon = kForecastHorizon;
  options.people_come_back = false;
  options.wish = wish;
  return forecast_of(state, {play_forward(state, now, options)});
}

Duration forecast_step_end(const State& state, JobId job, Instant now) {
  std::array<Duration, kFutures> ends;
  for (std::uint32_t sample = 0; sample < kFutures; ++sample) {
    RolloutOptions options;
    options.sample = sample;
    options.samples = kFutures;
    options.until = job;
    const Rollout future = play_forward(state, now, options);
    const auto seen = future.jobs.find(job);
    const bool ended = seen != future.jobs.end() && seen->second.step_ends != Instant{};
    ends.at(sample) = ended ? seen->second.step_ends - now : options.horizon;
  }
  std::sort(ends.begin(), ends.end());
  return ends[kFutures / 2];
}

// Steps that run, that wait for a resident model and that wait for a load are off in different ways.
EstimateClass estimate_class(const State& state, const JobEntry& job, Duration estimate,
                             Extent extent) {
  const ModelEntry& model = state.model(job.model());
  const bool runs = job.phase == Phase::running;
  const bool resident = model.residency == ResidencyState::resident;
  const auto minutes_left =
      static_cast<std::uint8_t>(std::min<std::int64_t>(estimate.us / minutes(1).us, 3));
  const auto by_minutes = static_cast<std::uint8_t>((resident ? 5 : 1) + minutes_left);
  if (extent == Extent::chain) return {EstimateKind::chain, runs ? std::uint8_t{0} : by_minutes};
  if (!model.is_text()) return {EstimateKind::generation, runs ? std::uint8_t{0} : by_minutes};
  if (runs) return {EstimateKind::text, 0};
  if (!resident) return {EstimateKind::text, 1};
  if (!state.devices.at(model.device).text_open)
    return {EstimateKind::held_text, estimate > kShortText ? std::uint8_t{1} : std::uint8_t{0}};
  return {EstimateKind::text, estimate > kShortText ? std::uint8_t{3} : std::uint8_t{2}};
}

}  // namespace stoker::scheduler
