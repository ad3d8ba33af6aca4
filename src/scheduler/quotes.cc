#include "scheduler/quotes.h"

#include <algorithm>

#include "scheduler/constraints.h"

namespace stoker::scheduler {
namespace {

// Places beyond are told as this one.
constexpr std::uint32_t kPlacesMax = 1000;

// Why a bound may have grown, read from the event that was just applied.
CauseKind reason_of(const Event& event) {
  if (const auto* failed = std::get_if<StepFailed>(&event)) return failed->cause;
  if (const auto* failed = std::get_if<LoadFailed>(&event)) return failed->cause;
  if (std::holds_alternative<ForeignMemory>(event)) return CauseKind::foreign_memory;
  if (std::holds_alternative<BackendReachable>(event)) return CauseKind::backend_down;
  if (std::holds_alternative<ExternalLoad>(event)) return CauseKind::external;
  if (std::holds_alternative<ExternalUnload>(event)) return CauseKind::external;
  if (std::holds_alternative<UnloadOrdered>(event)) return CauseKind::operator_action;
  if (std::holds_alternative<JobMovedToFront>(event)) return CauseKind::operator_action;
  if (std::holds_alternative<WantedSet>(event)) return CauseKind::focus_change;
  if (std::holds_alternative<GroupSet>(event)) return CauseKind::focus_change;
  if (std::holds_alternative<PlanSet>(event)) return CauseKind::focus_change;
  if (std::holds_alternative<PatienceSet>(event)) return CauseKind::operator_action;
  if (std::holds_alternative<DeviceSpeeds>(event)) return CauseKind::operator_action;
  if (const auto* workshop = std::get_if<WorkshopSet>(&event)) {
    return workshop->state == WorkshopState::paused ? CauseKind::paused : CauseKind::focus_change;
  }
  if (std::holds_alternative<JobSubmitted>(event)) return CauseKind::fair_order;
  if (std::holds_alternative<IdeaBegun>(event)) return CauseKind::fair_order;
  if (std::holds_alternative<StepAdded>(event)) return CauseKind::fair_order;
  if (std::holds_alternative<JobRestored>(event)) return CauseKind::recovery;
  return CauseKind::longer_than_usual;
}

// Without a forecast: the place by tag among the jobs of the same backend, counted up to kPlacesMax.
std::uint32_t ahead_by_tag(const State& state, const JobEntry& job) {
  const BackendId backend = state.model(job.model()).backend;
  std::uint32_t ahead = state.backends.at(backend).running;
  for (const auto& [id, model] : state.models) {
    if (model.backend != backend) continue;
    for (const QueueKey& key : model.waiting) {
      if (!(key < QueueKey{job.tag_us, job.id}) || ahead >= kPlacesMax) break;
      ++ahead;
    }
  }
  return ahead;
}

std::vector<JobId> sorted_jobs(const State& state) {
  std::vector<JobId> jobs;
  jobs.reserve(state.jobs.size());
  for (const auto& [id, job] : state.jobs) jobs.push_back(id);
  std::sort(jobs.begin(), jobs.end());
  return jobs;
}

bool has_grown(const Quote& shown, const Quote& fresh, Instant now) {
  if (!fresh.known) return true;
  if (fresh.high_at <= shown.high_at + kQuoteSlack) return false;
  const Duration was = std::max(shown.high_at - now, Duration{0});
  return fresh.high_at - now > was + was / 4 + kQuoteSlack;
}

}  // namespace

const Quote* Quotes::find(JobId job) const {
  const auto it = quotes_.find(job);
  return it == quotes_.end() ? nullptr : &it->second;
}

std::optional<Instant> Quotes::next_overdue(Instant now) const {
  std::optional<Instant> next;
  for (const auto& [id, quote] : quotes_) {
    if (!quote.known) continue;
    const Instant at = std::max(quote.high_at + milliseconds(1), now + milliseconds(100));
    if (!next || at < *next) next = at;
  }
  return next;
}

void Quotes::revise(JobId id, Quote& shown, const Quote& fresh, const Cause& cause, Instant now,
                    std::vector<Decision>& out) {
  const bool was_known = shown.known;
  const bool grown = was_known && (has_grown(shown, fresh, now) || shown.high_at < now);
  const Instant bound = shown.high_at;
  shown.ahead = fresh.ahead;
  shown.loading = fresh.loading;
  if (!was_known || grown) {
    shown.known = fresh.known;
    shown.low_at = fresh.low_at;
    shown.high_at = fresh.high_at;
  } else {
    shown.high_at = std::min(bound, fresh.high_at);
    shown.low_at = std::min(fresh.low_at, shown.high_at);
  }
  if (grown) out.emplace_back(Revise{id, shown.known, shown.low_at, shown.high_at, cause});
}

Quote Quotes::quote_of(const State& state, const JobEntry& job, const JobForecast& seen,
                       Instant now) {
  const Duration estimate = seen.ends - now;
  const EstimateClass of = estimate_class(state, job, estimate, Extent::chain);
  const DurationRange range = calibration_.range(of, estimate);
  said_.try_emplace(job.id, Said{of, estimate, now, range});
  return {.known = true,
          .low_at = now + range.low,
          .high_at = now + range.high,
          .loading = seen.loading,
          .ahead = seen.ahead};
}

// Learns from jobs that came to their result.
void Quotes::settle(const std::vector<Decision>& decisions, Instant now) {
  for (const Decision& decision : decisions) {
    const auto* finish = std::get_if<Finish>(&decision);
    if (finish == nullptr) continue;
    const auto said = said_.find(finish->job);
    if (said == said_.end()) continue;
    const Said& first = said->second;
    if (finish->state == JobState::done)
      calibration_.settle(first.of, first.estimate, now - first.at, first.range);
    said_.erase(said);
  }
}

void Quotes::update(const State& state, const Event& event, Instant now,
                    std::vector<Decision>& out) {
  settle(out, now);
  std::erase_if(quotes_, [&](const auto& entry) { return !state.jobs.contains(entry.first); });
  if (state.jobs.empty()) return;
  const Forecast seen = forecast(state, now);
  std::vector<std::pair<Instant, JobId>> order;
  for (const JobId id : sorted_jobs(state)) {
    const JobEntry& job = state.jobs.at(id);
    const auto known = seen.jobs.find(id);
    Quote fresh;
    if (known != seen.jobs.end()) {
      fresh = quote_of(state, job, known->second, now);
    } else {
      fresh.ahead = ahead_by_tag(state, job);
    }
    const auto [shown, is_new] = quotes_.try_emplace(id, fresh);
    const Cause cause{reason_of(event), id, job.model(), PersonId{}};
    if (!is_new) revise(id, shown->second, fresh, cause, now, out);
    order.emplace_back(fresh.known ? known->second.ends : Instant{INT64_MAX}, id);
  }
  std::sort(order.begin(), order.end());
  std::int64_t rank = 0;
  for (const auto& [at, id] : order) quotes_.at(id).order = rank++;
}

}  // namespace stoker::scheduler
