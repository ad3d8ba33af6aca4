#include "api/diagnosis_view.h"

#include "api/wire_ids.h"
#include "diagnosis/findings.h"

namespace stoker::api {
namespace {

using controller::LedgerKind;
using diagnosis::MemoryEvent;

std::vector<diagnosis::JobFact> job_facts(const Snapshot& snapshot, WorkshopId workshop,
                                          const Moment& moment) {
  std::vector<diagnosis::JobFact> facts;
  for (const auto& [id, job] : snapshot.jobs) {
    if (workshop && job->workshop != workshop) continue;
    const Shares shares = shares_of(*job, moment.planning);
    diagnosis::JobFact fact{.job = id,
                            .model = job->model,
                            .medium = job->medium,
                            .state = job->state,
                            .queued = shares.queued,
                            .loading = shares.loading,
                            .running = shares.running,
                            .error = job->error,
                            .attempts = job->attempt,
                            .created = job->created,
                            .ended = job->ended};
    for (const auto& cause : job->causes) fact.causes.push_back(cause.cause.kind);
    facts.push_back(std::move(fact));
  }
  return facts;
}

std::optional<MemoryEvent> memory_event(LedgerKind kind) {
  switch (kind) {
    case LedgerKind::load_finished:
      return MemoryEvent::loaded;
    case LedgerKind::load_failed:
    case LedgerKind::load_spilled:
      return MemoryEvent::load_failed;
    case LedgerKind::unload_finished:
      return MemoryEvent::unloaded;
    case LedgerKind::external_unload:
      return MemoryEvent::unloaded_by_others;
    case LedgerKind::foreign_memory:
      return MemoryEvent::foreign_memory;
    default:
      return std::nullopt;
  }
}

std::vector<diagnosis::MemoryFact> memory_facts(const Snapshot& snapshot) {
  std::vector<diagnosis::MemoryFact> facts;
  if (!snapshot.ledger) return facts;
  for (const controller::LedgerEntry& entry : *snapshot.ledger) {
    if (const auto event = memory_event(entry.kind)) {
      facts.push_back({.event = *event,
                       .model = entry.model,
                       .cause = entry.cause.cause.kind,
                       .at = entry.at,
                       .took = entry.took.value_or(Duration())});
    }
  }
  return facts;
}

std::optional<std::string> model_or_null(const Snapshot& snapshot, ModelId model) {
  return model ? std::optional(model_name(snapshot, model)) : std::nullopt;
}

void write_finding(JsonWriter& json, const Snapshot& snapshot, const diagnosis::Finding& finding) {
  json.begin_object()
      .field("kind", diagnosis::finding_name(finding.kind))
      .field("lost_s", tenths(finding.lost));
  json.field("model", model_or_null(snapshot, finding.model))
      .field("count", finding.count)
      .key("evidence");
  json.begin_object()
      .field("longest_s", tenths(finding.longest))
      .field("first_at_ms", finding.first.ms);
  json.field("last_at_ms", finding.last.ms).key("jobs").begin_array();
  for (const JobId job : finding.jobs) json.value(wire_id(job));
  json.end_array().end_object().end_object();
}

void write_failure(JsonWriter& json, const Snapshot& snapshot, const diagnosis::Failure& failure) {
  json.begin_object()
      .field("job", wire_id(failure.job))
      .field("model", model_or_null(snapshot, failure.model));
  json.field("medium", medium_name(failure.medium))
      .field("stage", diagnosis::stage_name(failure.stage));
  json.field("kind", diagnosis::finding_name(failure.kind));
  json.field("code", failure.code ? std::optional(error_name(*failure.code)) : std::nullopt);
  json.field("attempts", failure.attempts).field("created_at_ms", failure.created.ms);
  json.field("ended_at_ms", failure.ended.ms).end_object();
}

void write_waits(JsonWriter& json, const Snapshot& snapshot, const diagnosis::Waits& waits) {
  const auto share = [&json](std::string_view name, Duration median, Duration longest) {
    json.key(name)
        .begin_object()
        .field("median_s", tenths(median))
        .field("longest_s", tenths(longest));
    json.end_object();
  };
  json.begin_object()
      .field("model", model_or_null(snapshot, waits.model))
      .field("jobs", waits.jobs);
  share("queue", waits.queued_median, waits.queued_longest);
  share("load", waits.loading_median, waits.loading_longest);
  share("run", waits.running_median, waits.running_longest);
  json.end_object();
}

}  // namespace

std::string diagnosis_json(const Snapshot& snapshot, WorkshopId workshop, const Moment& moment) {
  const diagnosis::Report report =
      diagnosis::diagnose(job_facts(snapshot, workshop, moment), memory_facts(snapshot));
  JsonWriter json;
  json.begin_object().key("findings").begin_array();
  for (const auto& finding : report.findings) write_finding(json, snapshot, finding);
  json.end_array().key("failures").begin_array();
  for (const auto& failure : report.failures) write_failure(json, snapshot, failure);
  json.end_array().key("waits").begin_array();
  for (const auto& waits : report.waits) write_waits(json, snapshot, waits);
  return json.end_array().end_object().take();
}

}  // namespace stoker::api
