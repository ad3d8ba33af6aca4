#include "diagnosis/findings.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <tuple>
#include <utility>

namespace stoker::diagnosis {
namespace {

struct Loss {
  JobId job;
  Duration lost;
  WallTime at;
};

using Losses = std::map<std::pair<FindingKind, ModelId>, std::vector<Loss>>;

bool has_cause(const JobFact& job, CauseKind kind) {
  return std::ranges::find(job.causes, kind) != job.causes.end();
}

Duration total(const JobFact& job) {
  return job.queued + job.loading + job.running;
}

FindingKind class_of(const JobFact& job) {
  switch (job.error.value_or(ErrorCode::internal)) {
    case ErrorCode::run_timeout:
      return FindingKind::timeout;
    case ErrorCode::backend_down:
    case ErrorCode::provider_down:
    case ErrorCode::provider_blocked:
    case ErrorCode::checker_down:
      return FindingKind::external_failure;
    case ErrorCode::misfit:
    case ErrorCode::queue_full:
    case ErrorCode::disk_full:
    case ErrorCode::budget_reached:
      return FindingKind::capacity;
    default:
      break;
  }
  if (has_cause(job, CauseKind::run_timeout)) return FindingKind::timeout;
  if (has_cause(job, CauseKind::backend_down)) return FindingKind::external_failure;
  if (has_cause(job, CauseKind::foreign_memory)) return FindingKind::foreign_memory;
  return FindingKind::crash;
}

Stage stage_of(const JobFact& job) {
  if (job.state == JobState::refused) return Stage::check;
  if (job.error == ErrorCode::load_failed || has_cause(job, CauseKind::load_failed))
    return Stage::load;
  if (job.running > Duration() || job.error == ErrorCode::run_timeout) return Stage::run;
  return job.loading > Duration() ? Stage::load : Stage::queue;
}

void note_job(const JobFact& job, Losses& losses) {
  const WallTime at = job.ended.ms != 0 ? job.ended : job.created;
  if (job.queued > Duration())
    losses[{FindingKind::contention, job.model}].push_back({job.job, job.queued, at});
  if (job.loading > Duration())
    losses[{FindingKind::cold_start, job.model}].push_back({job.job, job.loading, at});
  if (job.state == JobState::failed)
    losses[{class_of(job), job.model}].push_back({job.job, total(job), at});
}

void note_memory(const MemoryFact& fact, std::set<ModelId>& seen, Losses& losses) {
  switch (fact.event) {
    case MemoryEvent::loaded:
      if (!seen.insert(fact.model).second) {
        losses[{FindingKind::repeated_load, fact.model}].push_back({{}, fact.took, fact.at});
      }
      break;
    case MemoryEvent::load_failed:
      losses[{FindingKind::crash, fact.model}].push_back({{}, fact.took, fact.at});
      break;
    case MemoryEvent::unloaded:
      if (fact.cause == CauseKind::make_room) {
        losses[{FindingKind::capacity, fact.model}].push_back({{}, fact.took, fact.at});
      }
      break;
    case MemoryEvent::unloaded_by_others:
      losses[{FindingKind::external_unload, fact.model}].push_back({{}, fact.took, fact.at});
      break;
    case MemoryEvent::foreign_memory:
      losses[{FindingKind::foreign_memory, fact.model}].push_back({{}, fact.took, fact.at});
      break;
  }
}

Finding finding_of(FindingKind kind, ModelId model, std::vector<Loss> losses) {
  std::ranges::sort(losses, [](const Loss& a, const Loss& b) {
    return std::tuple(b.lost, a.job, a.at) < std::tuple(a.lost, b.job, b.at);
  });
  Finding finding{.kind = kind,
                  .model = model,
                  .longest = losses.front().lost,
                  .count = static_cast<std::uint32_t>(losses.size()),
                  .first = losses.front().at,
                  .last = losses.front().at};
  for (const Loss& loss : losses) {
    finding.lost += loss.lost;
    finding.first = std::min(finding.first, loss.at);
    finding.last = std::max(finding.last, loss.at);
    if (loss.job && finding.jobs.size() < kEvidenceJobsMax) finding.jobs.push_back(loss.job);
  }
  return finding;
}

std::vector<Failure> failures_of(const std::vector<JobFact>& jobs) {
  std::vector<Failure> failures;
  for (const JobFact& job : jobs) {
    if (job.state != JobState::failed && job.state != JobState::refused) continue;
    failures.push_back({.job = job.job,
                        .model = job.model,
                        .medium = job.medium,
                        .stage = stage_of(job),
                        .kind = class_of(job),
                        .code = job.error,
                        .attempts = job.attempts,
                        .created = job.created,
                        .ended = job.ended});
  }
  std::ranges::sort(failures, {}, [](const Failure& f) { return std::pair(f.ended, f.job); });
  if (failures.size() > kFailuresMax) {
    failures.erase(failures.begin(), failures.end() - static_cast<std::ptrdiff_t>(kFailuresMax));
  }
  return failures;
}

// Median (the lower of the two in the middle) and longest.
std::pair<Duration, Duration> middle_and_end(std::vector<Duration> values) {
  std::ranges::sort(values);
  return {values[(values.size() - 1) / 2], values.back()};
}

std::vector<Waits> waits_of(const std::vector<JobFact>& jobs) {
  std::map<ModelId, std::vector<const JobFact*>> by_model;
  for (const JobFact& job : jobs) {
    if (job.state == JobState::done) by_model[job.model].push_back(&job);
  }
  std::vector<Waits> out;
  for (const auto& [model, done] : by_model) {
    const auto share = [&done](Duration JobFact::* member) {
      std::vector<Duration> values;
      for (const JobFact* job : done) values.push_back(job->*member);
      return middle_and_end(std::move(values));
    };
    Waits waits{.model = model, .jobs = static_cast<std::uint32_t>(done.size())};
    std::tie(waits.queued_median, waits.queued_longest) = share(&JobFact::queued);
    std::tie(waits.loading_median, waits.loading_longest) = share(&JobFact::loading);
    std::tie(waits.running_median, waits.running_longest) = share(&JobFact::running);
    out.push_back(waits);
  }
  return out;
}

}  // namespace

std::string_view finding_name(FindingKind kind) {
  constexpr std::array<std::string_view, kFindingKindCount> kNames = {
      "contention", "cold_start",       "repeated_load",   "capacity",      "timeout",
      "crash",      "external_failure", "external_unload", "foreign_memory"};
  return kNames.at(static_cast<std::size_t>(kind));
}

std::string_view stage_name(Stage stage) {
  constexpr std::array<std::string_view, kStageCount> kNames = {"check", "queue", "load", "run"};
  return kNames.at(static_cast<std::size_t>(stage));
}

Report diagnose(const std::vector<JobFact>& jobs, std::vector<MemoryFact> memory) {
  Losses losses;
  for (const JobFact& job : jobs) note_job(job, losses);
  std::ranges::sort(memory, {},
                    [](const MemoryFact& f) { return std::tuple(f.at, f.model, f.event); });
  std::set<ModelId> seen;
  for (const MemoryFact& fact : memory) note_memory(fact, seen, losses);
  Report report{.findings = {}, .failures = failures_of(jobs), .waits = waits_of(jobs)};
  for (auto& [key, entries] : losses) {
    report.findings.push_back(finding_of(key.first, key.second, std::move(entries)));
  }
  std::ranges::sort(report.findings, [](const Finding& a, const Finding& b) {
    return std::tuple(b.lost, a.kind, a.model) < std::tuple(a.lost, b.kind, b.model);
  });
  return report;
}

}  // namespace stoker::diagnosis
