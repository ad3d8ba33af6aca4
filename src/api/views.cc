#include "api/views.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "api/wire_ids.h"

namespace stoker::api {
namespace {

using controller::DatedCause;
using controller::EtaView;
using controller::GroupView;
using controller::LoadView;
using controller::ModelView;
using controller::WorkshopView;

std::int64_t ms_since(Instant then, Instant now) {
  return std::max<std::int64_t>(0, (now - then).ms());
}

std::optional<std::int64_t> ms_or_null(const std::optional<WallTime>& at) {
  return at ? std::optional(at->ms) : std::nullopt;
}

void write_progress(JsonWriter& json, const std::optional<controller::ProgressView>& progress) {
  if (!progress) {
    json.null();
    return;
  }
  json.begin_object().field("step", progress->step).field("steps", progress->steps).end_object();
}

void write_load_numbers(JsonWriter& json, const LoadView& load, const Moment& moment) {
  json.key("done_mib").null();  // no engine tells
  json.field("total_mib", load.total.count)
      .field("since_ms", ms_since(load.since, moment.planning));
  json.key("eta");
  write_eta(json, load.eta, moment);
}

void write_job_load(JsonWriter& json, const Snapshot& snapshot, const controller::JobView& job,
                    const Moment& moment) {
  if (job.waiting_for != WaitingFor::model_load || !job.load) {
    json.null();
    return;
  }
  json.begin_object().field("model", model_name(snapshot, job.load->model));
  json.field("title", model_title(snapshot, job.load->model));
  write_load_numbers(json, *job.load, moment);
  json.end_object();
}

void write_results(JsonWriter& json, const controller::JobView& job) {
  json.begin_array();
  for (const controller::ResultView& result : job.results) {
    json.begin_object().field("n", result.n).field("medium", medium_name(result.medium));
    json.field("mime", format_mime(result.format)).field("bytes", result.bytes);
    json.field("simulated", result.simulated)
        .field("url", result_url(job.id, result.n))
        .end_object();
  }
  json.end_array();
}

void write_job_error(JsonWriter& json, const Snapshot& snapshot, const controller::JobView& job) {
  if (!job.error) {
    json.null();
    return;
  }
  json.begin_object().field("code", error_name(*job.error));
  json.key("params")
      .begin_object()
      .field("model", model_name(snapshot, job.model))
      .end_object()
      .end_object();
}

void write_times(JsonWriter& json, const controller::JobView& job, const Moment& moment) {
  const Shares shares = shares_of(job, moment.planning);
  json.field("created_at_ms", job.created.ms).field("queued_ms", shares.queued.ms());
  json.field("load_ms", shares.loading.ms()).field("run_ms", shares.running.ms());
}

void write_wait(JsonWriter& json, const Snapshot& snapshot, const controller::JobView& job,
                const Moment& moment) {
  json.field("ahead", job.ahead).key("eta");
  write_eta(json, job.eta, moment);
  json.field("eta_load_s", job.eta ? std::optional(tenths(job.eta_load)) : std::nullopt);
  json.field("waiting_for", waiting_for_name(job.waiting_for));
  json.field("texts_begin_s", job.texts_begin_by
                                  ? std::optional(tenths(*job.texts_begin_by - moment.planning))
                                  : std::nullopt);
  json.key("load");
  write_job_load(json, snapshot, job, moment);
  json.key("progress");
  write_progress(json, job.progress);
}

void write_groups(JsonWriter& json, const Snapshot& snapshot, const WorkshopView& workshop) {
  json.key("groups").begin_array();
  for (const GroupView& group : workshop.groups) {
    json.begin_object().field("id", wire_id(group.id)).field("title", group.title).key("focus");
    write_model_names(json, snapshot, group.focus);
    json.field("people", group.people).field("waiting", group.waiting).end_object();
  }
  json.end_array();
}

void write_settings(JsonWriter& json, const WorkshopView& workshop) {
  json.field("head_count", workshop.head_count).field("outstanding_max", workshop.outstanding_max);
  json.field("intake_open", workshop.intake_open).field("misfit", misfit_name(workshop.misfit));
  json.field("board_message", workshop.board_message)
      .field("starts_at_ms", ms_or_null(workshop.starts));
  json.field("ends_at_ms", ms_or_null(workshop.ends))
      .field("retention_days", workshop.retention_days);
}

bool is_rehearsal(const Snapshot& snapshot) {
  return std::ranges::any_of(snapshot.backends,
                             [](const auto& backend) { return backend.info.simulated; });
}

}  // namespace

double tenths(Duration duration) {
  return std::round(std::max(0.0, duration.seconds()) * 10) / 10;
}

void write_symbol(JsonWriter& json, Symbol symbol) {
  json.begin_object().field("animal", symbol.animal).field("colour", symbol.colour).end_object();
}

void write_seconds_range(JsonWriter& json, Duration low, Duration high) {
  json.begin_object()
      .field("low_s", tenths(low))
      .field("high_s", tenths(std::max(low, high)))
      .end_object();
}

void write_eta(JsonWriter& json, const std::optional<EtaView>& eta, const Moment& moment) {
  if (!eta) {
    json.null();
    return;
  }
  write_seconds_range(json, eta->low_at - moment.planning, eta->high_at - moment.planning);
}

void write_cause(JsonWriter& json, const Snapshot& snapshot, const DatedCause& cause) {
  json.begin_object().field("kind", cause_name(cause.cause.kind)).field("at_ms", cause.at.ms);
  if (cause.cause.model) {
    const bool for_another = cause.cause.kind == CauseKind::make_room;
    json.field(for_another ? "for_model" : "model", model_name(snapshot, cause.cause.model));
  }
  if (cause.cause.job) json.field("job", wire_id(cause.cause.job));
  json.field("by", by_name(cause.by)).end_object();
}

std::string job_json(const Snapshot& snapshot, const controller::JobView& job, const Moment& moment,
                     Prompts prompts) {
  JsonWriter json;
  json.begin_object().field("id", wire_id(job.id)).field("workshop", wire_id(job.workshop));
  json.field("person", wire_id(job.person)).key("symbol");
  write_symbol(json, job.symbol);
  json.field("group", wire_id_or_null(job.group)).field("medium", medium_name(job.medium));
  json.field("model", model_name(snapshot, job.model))
      .field("model_title", model_title(snapshot, job.model));
  json.field("state", job_state_name(job.state));
  write_wait(json, snapshot, job, moment);
  json.field("attempt", job.attempt).key("prompt");
  if (prompts == Prompts::shown && job.prompt) {
    json.value(*job.prompt);
  } else {
    json.null();
  }
  json.key("results");
  write_results(json, job);
  json.key("error");
  write_job_error(json, snapshot, job);
  json.key("cancelled_by");
  if (job.cancelled_by) {
    json.value(by_name(*job.cancelled_by));
  } else {
    json.null();
  }
  json.field("released", job.released).key("causes").begin_array();
  for (const DatedCause& cause : job.causes) write_cause(json, snapshot, cause);
  json.end_array();
  write_times(json, job, moment);
  json.field("simulated", job.simulated).field("edited_from", wire_id_or_null(job.edited_from));
  return json.end_object().take();
}

std::string model_json(const Snapshot& snapshot, const ModelView& view, const FocusEyes& eyes,
                       const Moment& moment) {
  const Model& model = view.model;
  JsonWriter json;
  json.begin_object()
      .field("id", model.name)
      .field("title", model.title)
      .field("medium", medium_name(model.medium));
  json.field("backend", backend_name(snapshot, model.backend))
      .field("state", model_state_name(view.state));
  json.field("offered", model.offered).field("in_focus", in_focus(view, eyes));
  const auto off = off_reason(view, eyes);
  json.field("off_reason", off ? std::optional(off_reason_name(*off)) : std::nullopt);
  json.field("vram_mib", model.vram.count)
      .field("vram_source", size_source_name(model.vram_source));
  json.field("declared_mib", model.declared_vram.count);
  json.field("files_mib",
             model.files_vram.count > 0 ? std::optional(model.files_vram.count) : std::nullopt)
      .key("footprint");
  if (view.footprint) {
    json.begin_object().field("count", view.footprint->count);
    json.field("low_mib", view.footprint->low.count).field("high_mib", view.footprint->high.count);
    json.field("last_mib", view.footprint->last.count).end_object();
  } else {
    json.null();
  }
  json.field("pinned", model.pinned)
      .field("waiting", view.waiting)
      .field("running", view.running)
      .key("run");
  if (view.run_high > Duration()) {
    write_seconds_range(json, view.run_low, view.run_high);
  } else {
    json.null();
  }
  json.key("load");
  if (view.load) {
    json.begin_object();
    write_load_numbers(json, *view.load, moment);
    json.key("cause");
    write_cause(json, snapshot, view.load->cause);
    json.end_object();
  } else {
    json.null();
  }
  json.key("last_change");
  if (view.last_change) {
    write_cause(json, snapshot, *view.last_change);
  } else {
    json.null();
  }
  return json.end_object().take();
}

std::string workshop_json(const Snapshot& snapshot, const WorkshopView& workshop,
                          const Moment& moment, JoinCode code) {
  JsonWriter json;
  json.begin_object().field("id", wire_id(workshop.id)).field("title", workshop.title);
  json.field("state", workshop_state_name(workshop.state)).key("join_code");
  if (code == JoinCode::shown) {
    json.value(workshop.join_code);
  } else {
    json.null();
  }
  json.key("focus");
  write_model_names(json, snapshot, workshop.focus);
  write_groups(json, snapshot, workshop);
  write_settings(json, workshop);
  json.field("people", workshop.people)
      .field("waiting", workshop.waiting)
      .field("running", workshop.running);
  json.field("done", workshop.done).field("failed", workshop.failed).key("longest_wait_s");
  if (workshop.longest_wait_until) {
    json.value(tenths(*workshop.longest_wait_until - moment.planning));
  } else {
    json.null();
  }
  return json.field("simulated", is_rehearsal(snapshot)).end_object().take();
}

std::string backend_json(const Snapshot& snapshot, const controller::BackendView& backend,
                         const Moment& moment) {
  const BackendInfo& info = backend.info;
  JsonWriter json;
  json.begin_object()
      .field("id", info.name)
      .field("kind", info.kind)
      .field("device", wire_id(info.device));
  json.field("reachable", backend.reachable).key("version");
  if (backend.version.empty()) {
    json.null();
  } else {
    json.value(backend.version);
  }
  json.field("slots", info.slots).field("running", backend.running);
  json.field("granularity", granularity_name(info.granularity))
      .field("models_max", backend.models_max)
      .field("trouble", backend.trouble.empty() ? std::nullopt : std::optional(backend.trouble))
      .key("remarks")
      .begin_array();
  for (const EngineRemark remark : backend.remarks) json.value(engine_remark_name(remark));
  json.end_array();
  json.field("simulated", info.simulated).key("loaded");
  write_model_names(json, snapshot, backend.loaded);
  const std::int64_t since = backend.since.ms == 0 ? 0 : moment.wall.ms - backend.since.ms;
  return json.field("since_ms", std::max<std::int64_t>(0, since)).end_object().take();
}

std::string device_json(const Snapshot& snapshot, const controller::DeviceView& view) {
  JsonWriter json;
  json.begin_object().field("id", wire_id(view.device.id)).field("name", view.device.name);
  json.field("total_mib", view.device.vram.count).field("reserve_mib", view.device.reserve.count);
  json.field("used_mib", view.used ? std::optional(view.used->count) : std::nullopt);
  json.field("reserved_mib", view.reserved.count).field("foreign_mib", view.foreign.count);
  json.field("probe_ok", view.probe_ok);
  json.field("trouble", view.trouble.empty() ? std::nullopt : std::optional(view.trouble))
      .key("processes")
      .begin_array();
  for (const GpuProcess& process : view.processes) {
    json.begin_object().field("name", process.name);
    json.field("backend", process.backend ? std::optional(backend_name(snapshot, process.backend))
                                          : std::nullopt);
    json.field("mib", process.used.count).end_object();
  }
  return json.end_array().end_object().take();
}

std::string ledger_json(const Snapshot& snapshot, const controller::LedgerEntry& entry) {
  JsonWriter json;
  json.begin_object().field("id", ledger_id(entry)).field("at_ms", entry.at.ms);
  json.field("what", controller::ledger_kind_name(entry.kind));
  json.field("model",
             entry.model ? std::optional(model_name(snapshot, entry.model)) : std::nullopt);
  json.field("title",
             entry.model ? std::optional(model_title(snapshot, entry.model)) : std::nullopt);
  json.field("device", entry.device ? std::optional(wire_id(entry.device)) : std::nullopt)
      .key("cause");
  write_cause(json, snapshot, entry.cause);
  json.field("predicted_mib",
             entry.predicted ? std::optional(entry.predicted->count) : std::nullopt);
  json.field("measured_mib", entry.measured ? std::optional(entry.measured->count) : std::nullopt);
  json.field("took_s", entry.took ? std::optional(tenths(*entry.took)) : std::nullopt);
  return json.end_object().take();
}

std::string person_json(const controller::PersonView& person) {
  JsonWriter json;
  json.begin_object().field("id", wire_id(person.id)).key("symbol");
  write_symbol(json, person.symbol);
  json.field("group", wire_id_or_null(person.group))
      .field("waiting", person.waiting)
      .field("running", person.running);
  return json.field("done", person.done).field("here", person.here).end_object().take();
}

std::string me_json(const Snapshot& snapshot, const Identity& who, std::uint32_t outstanding) {
  const controller::PersonView* person = person_of(snapshot, who.person);
  const bool makes = (role_bit(who.role) & kMakers) != 0;
  const std::vector<WhyNot> reasons =
      makes ? why_not_send(snapshot, who, outstanding) : std::vector<WhyNot>();
  JsonWriter json;
  json.begin_object()
      .field("role", role_name(who.role))
      .field("person", wire_id_or_null(who.person))
      .key("symbol");
  if (person != nullptr) {
    write_symbol(json, person->symbol);
  } else {
    json.null();
  }
  json.field("group", person != nullptr ? wire_id_or_null(person->group) : std::nullopt);
  json.field("workshop", wire_id_or_null(who.workshop)).field("outstanding", outstanding);
  json.field("can_send", makes && reasons.empty()).key("why_not").begin_array();
  for (const WhyNot reason : reasons) json.value(why_not_name(reason));
  return json.end_array().end_object().take();
}

}  // namespace stoker::api
