// The machine: models, backends, residency, ledger, diagnosis.
#include <algorithm>
#include <array>

#include "api/diagnosis_view.h"
#include "api/handlers.h"
#include "api/wire_ids.h"

namespace stoker::api {
namespace {

constexpr TextRule kModelNameRule{.characters_min = 1, .characters_max = 120};

void write_models(JsonWriter& json, const Request& request, const Moment& now) {
  const Snapshot& snapshot = *request.snapshot;
  const bool sees_all = (role_bit(request.who.role) & kLeaders) != 0;
  const FocusEyes eyes = eyes_of(snapshot, request.who);
  json.key("models").begin_array();
  for (const auto& [id, model] : snapshot.models) {
    if (sees_all || model->model.offered) json.raw(model_json(snapshot, *model, eyes, now));
  }
  json.end_array();
}

constexpr std::uint64_t kHistoryMinutesMax = 60;
constexpr std::uint64_t kHistoryMinutes = 10;

std::string_view mark_name(gpu::HistoryMark mark) {
  static constexpr std::array<std::string_view, 5> kNames = {"regular", "before_load", "after_load",
                                                             "before_unload", "after_unload"};
  return kNames.at(static_cast<std::size_t>(mark));
}

void write_history_point(JsonWriter& json, const Snapshot& snapshot, const gpu::HistoryPoint& point,
                         Instant now) {
  json.begin_object().field("ago_s", tenths(now - point.at)).field("mark", mark_name(point.mark));
  json.field("used_mib", point.used.count).field("foreign_mib", point.foreign.count);
  json.key("backends").begin_array();
  for (const BackendShare& share : point.shares()) {
    json.begin_object().field("backend", backend_name(snapshot, share.backend));
    json.field("mib", share.used.count).end_object();
  }
  json.end_array().end_object();
}

}  // namespace

net::Task<Answer> Handlers::get_models(Request& request) {
  JsonWriter json;
  json.begin_object();
  write_models(json, request, moment());
  co_return json_reply(json.end_object().take());
}

net::Task<Answer> Handlers::get_backends(Request& request) {
  JsonWriter json;
  json.begin_object().key("backends").begin_array();
  for (const auto& backend : request.snapshot->backends) {
    json.raw(backend_json(*request.snapshot, backend, moment()));
  }
  co_return json_reply(json.end_array().end_object().take());
}

net::Task<Answer> Handlers::get_residency(Request& request) {
  JsonWriter json;
  json.begin_object().key("devices").begin_array();
  for (const auto& device : request.snapshot->devices)
    json.raw(device_json(*request.snapshot, device));
  json.end_array();
  write_models(json, request, moment());
  co_return json_reply(json.end_object().take());
}

net::Task<Answer> Handlers::get_memory_history(Request& request) {
  const auto back = number_of(request, "minutes", kHistoryMinutes, kHistoryMinutesMax);
  if (!back) co_return refuse(back.error());
  const std::string named = request.query("device").value_or("");
  const auto& devices = request.snapshot->devices;
  const auto view = std::ranges::find_if(
      devices, [&](const auto& device) { return wire_id(device.device.id) == named; });
  if (view == devices.end()) {
    co_return refuse({.code = ErrorCode::not_found, .detail = "no such device", .field = "device"});
  }
  auto& controller = around_.controller;
  const Duration span = minutes(static_cast<std::int64_t>(*back));
  const auto history = co_await ask<controller::MemoryHistory>(
      around_, [&controller, device = view->device.id, span](auto done) mutable {
        controller.memory_history(device, span, std::move(done));
      });
  if (!history) co_return refuse(refusal_of(history.error()));
  JsonWriter json;
  json.begin_object().field("device", named).key("points").begin_array();
  for (const gpu::HistoryPoint& point : history->points)
    write_history_point(json, *request.snapshot, point, history->now);
  co_return json_reply(json.end_array().end_object().take());
}

net::Task<Answer> Handlers::get_ledger(Request& request) {
  const auto limit = number_of(request, "limit", kLedgerSentMax, controller::kLedgerShownMax);
  if (!limit) co_return refuse(limit.error());
  JsonWriter json;
  json.begin_object().key("entries").begin_array();
  if (request.snapshot->ledger) {
    const auto& entries = *request.snapshot->ledger;
    const std::size_t shown = std::min<std::size_t>(entries.size(), *limit);
    for (std::size_t i = entries.size() - shown; i < entries.size(); ++i) {
      json.raw(ledger_json(*request.snapshot, entries[i]));
    }
  }
  co_return json_reply(json.end_array().end_object().take());
}

// A leader sees what concerns their workshop, an admin everything.
net::Task<Answer> Handlers::get_diagnosis(Request& request) {
  WorkshopId workshop = request.who.role == Role::admin ? WorkshopId() : request.who.workshop;
  if (const auto named = request.query("workshop")) {
    workshop = id_from_wire<WorkshopId>(*named).value_or(WorkshopId());
    if (!request.snapshot->workshops.contains(workshop) || !leads(request.who, workshop)) {
      co_return refuse(
          {.code = ErrorCode::not_found, .detail = "no such workshop", .field = "workshop"});
    }
  }
  co_return json_reply(diagnosis_json(*request.snapshot, workshop, moment()));
}

net::Task<Answer> Handlers::put_preload(Request& request) {
  auto body = co_await read_body(request);
  if (!body) co_return refuse(std::move(body.error()));
  const auto names = body->texts("models", kModelsMax, kModelNameRule);
  body->require(names.has_value(), "models");
  if (auto read = body->finish(); !read) co_return refuse(std::move(read.error()));
  std::vector<ModelId> models;
  for (const std::string& name : *names) {
    const auto model = model_by_name(*request.snapshot, name);
    if (!model) {
      co_return refuse({.code = ErrorCode::unknown_model,
                        .detail = "no such model",
                        .field = "models",
                        .value = name});
    }
    models.push_back(*model);
  }
  auto& controller = around_.controller;
  auto started = co_await ask<void>(
      around_, [&controller, actor = actor_of(request), models](auto done) mutable {
        controller.preload(std::move(actor), std::move(models), std::move(done));
      });
  if (!started) co_return refuse(refusal_of(std::move(started.error())));
  JsonWriter json;
  json.begin_object().key("models");
  write_model_names(json, *request.snapshot, models);
  co_return json_reply(json.end_object().take(), 202);
}

}  // namespace stoker::api
