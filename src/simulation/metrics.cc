#include "simulation/metrics.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "simulation/quote_metrics.h"
#include "simulation/world_parts.h"

namespace stoker::simulation {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr int kDigits = 3;
constexpr int kShareDigits = 4;
constexpr int kFactorDigits = 2;

// Nearest rank.
Measure quantile(const std::vector<double>& sorted, double share) {
  if (sorted.empty()) return std::nullopt;
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(sorted.size())));
  return rounded(sorted[std::min(sorted.size(), rank) - 1], kDigits);
}

double length_of(const EndedIdea& idea) {
  return seconds_of(idea.end) - seconds_of(idea.begin);
}

bool has_failed(const EndedIdea& idea) {
  return idea.outcome == IdeaOutcome::gave_up || idea.outcome == IdeaOutcome::refused;
}

// For each participant: whether it is the only lane of its user.
std::vector<bool> single_lanes(const Setting& setting) {
  std::vector<std::uint32_t> lanes(setting.users.size());
  for (const ParticipantFacts& who : setting.participants) ++lanes[who.user];
  std::vector<bool> single;
  for (const ParticipantFacts& who : setting.participants) single.push_back(lanes[who.user] == 1);
  return single;
}

void count_ideas(const Scenario& scenario, const RunRecord& record, Metrics& metrics) {
  const std::vector<bool> single = single_lanes(scenario.setting);
  std::vector<double> times;
  std::vector<double> times_of_single;
  Instant first = scenario.horizon;
  for (const EndedIdea& idea : record.ideas) {
    if (has_failed(idea)) {
      ++metrics.failures;
      if (single[idea.participant]) ++metrics.failures_single_lane;
    }
    if (idea.outcome == IdeaOutcome::refused) ++metrics.refused;
    if (idea.outcome == IdeaOutcome::withdrawn) ++metrics.withdrawn;
    if (idea.outcome != IdeaOutcome::result) continue;
    first = metrics.results == 0 ? idea.end : std::min(first, idea.end);
    ++metrics.results;
    if (idea.end <= scenario.horizon) ++metrics.results_by_horizon;
    times.push_back(length_of(idea));
    if (single[idea.participant]) times_of_single.push_back(length_of(idea));
  }
  const double start_s = seconds_of(scenario.phases.front().start);
  metrics.first_result_s = metrics.results == 0
                               ? kInfinity
                               : rounded(rounded(seconds_of(first), kDigits) - start_s, kDigits);
  std::ranges::sort(times);
  metrics.p50_s = quantile(times, 0.50);
  metrics.p95_s = quantile(times, 0.95);
  if (!times.empty()) metrics.max_s = rounded(times.back(), kDigits);
  times.resize(times.size() + metrics.failures, kInfinity);
  metrics.p50_with_failures_s = quantile(times, 0.50);
  metrics.p95_with_failures_s = quantile(times, 0.95);
  std::ranges::sort(times_of_single);
  times_of_single.resize(times_of_single.size() + metrics.failures_single_lane, kInfinity);
  metrics.p95_single_lane_s = quantile(times_of_single, 0.95);
}

void count_loads(const Scenario& scenario, const RunRecord& record, Metrics& metrics) {
  for (ModelIndex model = 0; model < record.loads.size(); ++model) {
    if (record.loads[model] == 0) continue;
    metrics.loads += record.loads[model];
    metrics.loads_per_model.emplace_back(scenario.setting.models[model].name, record.loads[model]);
  }
  std::ranges::sort(metrics.loads_per_model);
  metrics.reloads = record.reloads;
  metrics.load_s = rounded(record.load_s, kDigits);
  metrics.loads_aborted = record.loads_aborted;
  metrics.loads_failed = record.loads_failed;
  metrics.switches = record.evictions;
  metrics.pinned_evictions = record.pinned_evictions;
  const double window_s = seconds_of(scenario.horizon) - seconds_of(scenario.phases.front().start);
  if (window_s > 0) metrics.busy_fraction = rounded(record.busy_s / window_s, kShareDigits);
  metrics.foreign_overrun_s = rounded(record.foreign_overrun_s, kDigits);
}

// Time over all ended ideas against the same work alone, for users with one lane.
void compare_people(const Scenario& scenario, const RunRecord& record, Metrics& metrics) {
  const std::vector<bool> single = single_lanes(scenario.setting);
  std::vector<double> spent_s(single.size());
  std::vector<double> alone_s(single.size());
  for (const EndedIdea& idea : record.ideas) {
    if (idea.outcome != IdeaOutcome::result && idea.outcome != IdeaOutcome::gave_up) continue;
    spent_s[idea.participant] += length_of(idea);
    alone_s[idea.participant] += idea.alone.seconds();
  }
  double sum = 0;
  double squares = 0;
  double worst = 0;
  std::size_t people = 0;
  for (std::size_t who = 0; who < single.size(); ++who) {
    if (!single[who] || alone_s[who] <= 0) continue;
    const double slowdown = spent_s[who] / alone_s[who];
    sum += slowdown;
    squares += slowdown * slowdown;
    worst = std::max(worst, slowdown);
    ++people;
  }
  if (people == 0) return;
  metrics.worst_slowdown = rounded(worst, kFactorDigits);
  if (squares > 0) {
    metrics.jain_slowdown =
        rounded(sum * sum / (static_cast<double>(people) * squares), kShareDigits);
  }
}

void measure_steps(const Scenario& scenario, const RunRecord& record, Metrics& metrics) {
  double longest_s = -1;
  double longest_flow_s = -1;
  Instant last;
  for (const StepFacts& step : record.steps) {
    const std::string& name = scenario.setting.participants[step.participant].name;
    const double wait_s = seconds_of(step.ended) - seconds_of(step.released);
    if (wait_s > longest_s || (wait_s == longest_s && name > metrics.worst_wait_participant)) {
      longest_s = wait_s;
      metrics.worst_wait_participant = name;
    }
    last = std::max(last, step.ended);
    if (step.outcome == StepOutcome::finished) longest_flow_s = std::max(longest_flow_s, wait_s);
  }
  if (!record.steps.empty()) {
    metrics.worst_wait_s = rounded(longest_s, kDigits);
    metrics.makespan_s = rounded(seconds_of(last), kDigits);
  }
  if (longest_flow_s >= 0) metrics.flow_max_s = rounded(longest_flow_s, kDigits);
  metrics.flow_sum_s = rounded(record.flow_sum_s, kDigits);
}

}  // namespace

double rounded(double value, int digits) {
  if (!std::isfinite(value)) return value;
  // Through decimal text: correct for every value, where scaling and dividing is not.
  std::array<char, 400> text;
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed, digits)
          .ptr;
  double result = value;
  std::from_chars(text.data(), end, result);
  return result == 0 ? 0 : result;  // no negative zero
}

Metrics metrics_of(const Scenario& scenario, const RunRecord& record) {
  Metrics metrics;
  count_ideas(scenario, record, metrics);
  count_loads(scenario, record, metrics);
  compare_people(scenario, record, metrics);
  measure_steps(scenario, record, metrics);
  metrics.participants_out_of_ideas = record.participants_out_of_ideas;
  metrics.eta = quote_metrics_of(record);
  return metrics;
}

}  // namespace stoker::simulation
