// Workshops: create, set, check, act, focus, delete.
#include <algorithm>

#include "api/handlers.h"
#include "api/wire_ids.h"

namespace stoker::api {
namespace {

constexpr TextRule kTitleRule{.characters_min = 1, .characters_max = kTitleCharactersMax};
constexpr TextRule kMessageRule{.characters_min = 0, .characters_max = 200, .lines = Lines::many};
constexpr TextRule kModelNameRule{.characters_min = 1, .characters_max = 120};
constexpr TextRule kIdRule{.characters_min = 1, .characters_max = 24};
constexpr std::uint64_t kWallMsMax = 32'503'680'000'000;  // the year 3000
constexpr std::uint64_t kOutstandingMax = 50;
constexpr std::uint64_t kRetentionDaysMax = 366;

std::optional<std::vector<ModelId>> read_models(Body& body, std::string_view field,
                                                const Snapshot& snapshot) {
  const auto names = body.texts(field, kModelsMax, kModelNameRule);
  if (!names) return std::nullopt;
  std::vector<ModelId> models;
  for (const std::string& name : *names) {
    const auto model = model_by_name(snapshot, name);
    if (!model) {
      body.fault({.code = ErrorCode::unknown_model,
                  .detail = "no such model",
                  .field = std::string(field),
                  .value = name});
      return std::nullopt;
    }
    if (std::ranges::find(models, *model) == models.end()) models.push_back(*model);
  }
  return models;
}

std::optional<std::uint32_t> read_u32(Body& body, std::string_view name, const WholeRule& rule) {
  const auto number = body.whole(name, rule);
  return number ? std::optional(static_cast<std::uint32_t>(*number)) : std::nullopt;
}

std::optional<WallTime> read_instant(Body& body, std::string_view name) {
  const auto ms = body.whole(name, {.min = 1, .max = kWallMsMax});
  return ms ? std::optional(WallTime{static_cast<std::int64_t>(*ms)}) : std::nullopt;
}

controller::WorkshopPatch read_patch(Body& body) {
  controller::WorkshopPatch patch;
  patch.title = body.text("title", kTitleRule);
  patch.head_count = read_u32(body, "head_count", {.min = 1, .max = kHeadCountMax});
  patch.outstanding_max = read_u32(body, "outstanding_max", {.min = 1, .max = kOutstandingMax});
  patch.intake_open = body.flag("intake_open");
  patch.board_message = body.text("board_message", kMessageRule);
  if (const auto misfit = body.word("misfit", {"refuse", "turns"})) {
    patch.misfit = *misfit == "refuse" ? MisfitRule::refuse : MisfitRule::turns;
  }
  patch.retention_days = read_u32(body, "retention_days", {.min = 0, .max = kRetentionDaysMax});
  patch.starts = read_instant(body, "starts_at_ms");
  patch.ends = read_instant(body, "ends_at_ms");
  if (patch.starts && patch.ends && *patch.ends <= *patch.starts) {
    body.fault({.code = ErrorCode::bad_request,
                .detail = "must be later than starts_at_ms",
                .field = "ends_at_ms"});
  }
  return patch;
}

std::vector<controller::NewGroup> read_groups(Body& body, const Snapshot& snapshot) {
  std::vector<controller::NewGroup> groups;
  auto fields = body.objects("groups", kGroupsMax);
  if (!fields) return groups;
  for (Body& field : *fields) {
    const auto title = field.text("title", kTitleRule);
    field.require(title.has_value(), "title");
    auto focus = read_models(field, "focus", snapshot);
    if (auto read = field.finish(); !read) {
      body.fault(std::move(read.error()));
      return {};
    }
    groups.push_back({.title = *title, .focus = focus.value_or(std::vector<ModelId>())});
  }
  return groups;
}

Checked<controller::CreateWorkshop> read_create(Body& body, const Snapshot& snapshot) {
  controller::CreateWorkshop command;
  command.settings = read_patch(body);
  command.focus = read_models(body, "focus", snapshot).value_or(std::vector<ModelId>());
  command.groups = read_groups(body, snapshot);
  body.require(command.settings.title.has_value(), "title");
  if (auto read = body.finish(); !read) return refuse(std::move(read.error()));
  command.title = *command.settings.title;
  return command;
}

void write_plan_models(JsonWriter& json, const Snapshot& snapshot,
                       const controller::PlanCheck& check) {
  json.key("models").begin_array();
  for (const ModelId id : check.models) {
    const auto found = snapshot.models.find(id);
    if (found == snapshot.models.end()) continue;
    const Model& model = found->second->model;
    json.begin_object()
        .field("id", model.name)
        .field("title", model.title)
        .field("vram_mib", model.vram.count);
    json.field("vram_source", size_source_name(model.vram_source))
        .field("declared_mib", model.declared_vram.count);
    json.field("pinned", model.pinned).end_object();
  }
  json.end_array();
}

std::string plan_json(const Snapshot& snapshot, const controller::PlanCheck& check) {
  JsonWriter json;
  json.begin_object()
      .field("verdict", verdict_name(check.verdict))
      .field("needed_mib", check.needed.count);
  json.field("capacity_mib", check.capacity.count).field("reserve_mib", check.reserve.count);
  write_plan_models(json, snapshot, check);
  json.field("too_much_mib", std::max<std::int64_t>(0, (check.needed - check.capacity).count));
  json.key("ways_out").begin_array();
  for (const ModelId id : check.ways_out) {
    const auto found = snapshot.models.find(id);
    const MiB less = found == snapshot.models.end() ? MiB() : found->second->model.vram;
    json.begin_object()
        .field("drop", model_name(snapshot, id))
        .field("needed_mib", (check.needed - less).count);
    json.end_object();
  }
  return json.end_array().end_object().take();
}

std::string preview_json(const Snapshot& snapshot, const controller::FocusPreview& preview) {
  JsonWriter json;
  json.begin_object().key("unload");
  write_model_names(json, snapshot, preview.unload);
  json.key("load").begin_array();
  for (const ModelId id : preview.load) {
    json.begin_object().field("model", model_name(snapshot, id)).key("load");
    const auto found = snapshot.models.find(id);
    const Duration hint =
        found == snapshot.models.end() ? Duration() : found->second->model.load_hint;
    write_seconds_range(json, hint, hint);
    json.end_object();
  }
  json.end_array().key("waits").begin_array();
  for (const JobId job : preview.waits) json.value(wire_id(job));
  json.end_array().key("takes");
  write_seconds_range(json, preview.takes_low, preview.takes_high);
  return json.field("verdict", verdict_name(preview.check.verdict)).end_object().take();
}

bool has_effect(controller::WorkshopAction action, WorkshopState state) {
  switch (action) {
    case controller::WorkshopAction::warm:
      return state != WorkshopState::planned;
    case controller::WorkshopAction::start:
    case controller::WorkshopAction::resume:
      return state == WorkshopState::running;
    case controller::WorkshopAction::pause:
      return state == WorkshopState::paused;
    case controller::WorkshopAction::end:
      return state == WorkshopState::ended;
  }
  return true;
}

const std::vector<ModelId>* focus_shown(const Snapshot& snapshot, WorkshopId id,
                                        const std::optional<GroupId>& group) {
  const FocusEyes eyes = eyes_of(snapshot, id, group.value_or(GroupId()));
  if (group) return eyes.group == nullptr ? nullptr : &eyes.group->focus;
  return eyes.workshop == nullptr ? nullptr : &eyes.workshop->focus;
}

}  // namespace

net::Task<Answer> Handlers::get_workshops(Request& request) {
  const Snapshot& snapshot = *request.snapshot;
  const Moment now = moment();
  JsonWriter json;
  json.begin_object().key("workshops").begin_array();
  for (const auto& [id, workshop] : snapshot.workshops) {
    if (leads(request.who, id)) json.raw(workshop_json(snapshot, *workshop, now, JoinCode::shown));
  }
  co_return json_reply(json.end_array().end_object().take());
}

net::Task<Answer> Handlers::post_workshops(Request& request) {
  auto body = co_await read_body(request);
  if (!body) co_return refuse(std::move(body.error()));
  auto command = read_create(*body, *request.snapshot);
  if (!command) co_return refuse(std::move(command.error()));
  const std::string leader_token = make_token();
  const std::string board_token = make_token();
  command->leader_token = hash_of(leader_token);
  command->board_token = hash_of(board_token);
  auto& controller = around_.controller;
  const auto created = co_await ask<WorkshopId>(
      around_,
      [&controller, actor = actor_of(request), command = std::move(*command)](auto done) mutable {
        controller.create_workshop(std::move(actor), std::move(command), std::move(done));
      });
  if (!created) co_return refuse(refusal_of(created.error()));
  const auto snapshot = co_await until_shown(around_, [id = *created, hash = hash_of(leader_token)](
                                                          const Snapshot& candidate) {
    return candidate.workshops.contains(id) && candidate.tokens && candidate.tokens->contains(hash);
  });
  Answer answer = workshop_answer(*snapshot, *created, 201);
  if (!answer) co_return answer;
  answer->body.pop_back();
  answer->body +=
      R"(,"leader_token":")" + leader_token + R"(","board_token":")" + board_token + "\"}";
  answer->headers.add("Location", "/api/v1/workshops/" + wire_id(*created));
  co_return answer;
}

net::Task<Answer> Handlers::get_workshop(Request& request) {
  const auto workshop = led_workshop(request);
  if (!workshop) co_return refuse(workshop.error());
  co_return workshop_answer(*request.snapshot, (*workshop)->id);
}

net::Task<Answer> Handlers::patch_workshop(Request& request) {
  const auto workshop = led_workshop(request);
  if (!workshop) co_return refuse(workshop.error());
  auto body = co_await read_body(request);
  if (!body) co_return refuse(std::move(body.error()));
  auto patch = read_patch(*body);
  if (auto read = body->finish(); !read) co_return refuse(std::move(read.error()));
  const WorkshopId id = (*workshop)->id;
  auto& controller = around_.controller;
  auto patched = co_await ask<void>(
      around_, [&controller, actor = actor_of(request), id, patch](auto done) mutable {
        controller.patch_workshop(std::move(actor), id, std::move(patch), std::move(done));
      });
  if (!patched) co_return refuse(refusal_of(std::move(patched.error())));
  const auto snapshot = co_await until_shown(around_, [id, &patch](const Snapshot& candidate) {
    const auto* view = workshop_of(candidate, id);
    return view == nullptr ||
           ((!patch.intake_open || *patch.intake_open == view->intake_open) &&
            (!patch.title || *patch.title == view->title) &&
            (!patch.head_count || *patch.head_count == view->head_count) &&
            (!patch.board_message || *patch.board_message == view->board_message));
  });
  co_return workshop_answer(*snapshot, id);
}

net::Task<Answer> Handlers::delete_workshop(Request& request) {
  const auto workshop = led_workshop(request);
  if (!workshop) co_return refuse(workshop.error());
  auto body = co_await read_body(request);
  if (!body) co_return refuse(std::move(body.error()));
  const auto confirm = body->text("confirm", kTitleRule);
  if (confirm != (*workshop)->title) {
    body->fault({.code = ErrorCode::bad_request,
                 .detail = "must be the title of the workshop",
                 .field = "confirm"});
  }
  if (auto read = body->finish(); !read) co_return refuse(std::move(read.error()));
  const WorkshopId id = (*workshop)->id;
  auto& controller = around_.controller;
  const auto erased = co_await ask<controller::Erased>(
      around_, [&controller, actor = actor_of(request), id](auto done) mutable {
        controller.delete_workshop(std::move(actor), id, std::move(done));
      });
  if (!erased) co_return refuse(refusal_of(erased.error()));
  JsonWriter json;
  json.begin_object()
      .field("jobs", erased->jobs)
      .field("files", erased->files)
      .field("bytes", erased->bytes);
  co_return json_reply(json.field("texts", erased->texts).end_object().take());
}

net::Task<Answer> Handlers::post_check(Request& request) {
  const auto workshop = led_workshop(request);
  if (!workshop) co_return refuse(workshop.error());
  auto body = co_await read_body(request);
  if (!body) co_return refuse(std::move(body.error()));
  auto focus = read_models(*body, "focus", *request.snapshot);
  // The budget does not depend on how many people come; the field is checked and told to nobody.
  static_cast<void>(body->whole("head_count", {.min = 1, .max = kHeadCountMax}));
  if (auto read = body->finish(); !read) co_return refuse(std::move(read.error()));
  auto& controller = around_.controller;
  const auto check = co_await ask<controller::PlanCheck>(
      around_, [&controller, models = focus.value_or((*workshop)->focus)](auto done) mutable {
        done(controller.check_plan(models));
      });
  if (!check) co_return refuse(refusal_of(check.error()));
  co_return json_reply(plan_json(*request.snapshot, *check));
}

net::Task<Answer> Handlers::act(Request& request, controller::WorkshopAction action, int status) {
  const auto workshop = led_workshop(request);
  if (!workshop) co_return refuse(workshop.error());
  auto body = co_await read_body(request);
  if (!body) co_return refuse(std::move(body.error()));
  if (auto read = body->finish(); !read) co_return refuse(std::move(read.error()));
  const WorkshopId id = (*workshop)->id;
  auto& controller = around_.controller;
  auto acted = co_await ask<void>(
      around_, [&controller, actor = actor_of(request), id, action](auto done) mutable {
        controller.act_on_workshop(std::move(actor), id, action, std::move(done));
      });
  if (!acted) co_return refuse(refusal_of(std::move(acted.error())));
  const auto snapshot = co_await until_shown(around_, [id, action](const Snapshot& candidate) {
    const auto* view = workshop_of(candidate, id);
    return view == nullptr || has_effect(action, view->state);
  });
  co_return workshop_answer(*snapshot, id, status);
}

net::Task<Answer> Handlers::post_warm(Request& request) {
  return act(request, controller::WorkshopAction::warm, 202);
}
net::Task<Answer> Handlers::post_start(Request& request) {
  return act(request, controller::WorkshopAction::start, 200);
}
net::Task<Answer> Handlers::post_pause(Request& request) {
  return act(request, controller::WorkshopAction::pause, 200);
}
net::Task<Answer> Handlers::post_resume(Request& request) {
  return act(request, controller::WorkshopAction::resume, 200);
}
net::Task<Answer> Handlers::post_end(Request& request) {
  return act(request, controller::WorkshopAction::end, 200);
}

net::Task<Answer> Handlers::preview_focus(const Request& request, WorkshopId id,
                                          std::optional<GroupId> group,
                                          std::vector<ModelId> focus) {
  auto& controller = around_.controller;
  const auto preview = co_await ask<controller::FocusPreview>(
      around_, [&controller, id, group, focus = std::move(focus)](auto done) mutable {
        done(controller.preview_focus(id, group, focus));
      });
  if (!preview) co_return refuse(refusal_of(preview.error()));
  co_return json_reply(preview_json(*request.snapshot, *preview));
}

net::Task<Answer> Handlers::post_focus(Request& request) {
  const auto workshop = led_workshop(request);
  if (!workshop) co_return refuse(workshop.error());
  auto body = co_await read_body(request);
  if (!body) co_return refuse(std::move(body.error()));
  const auto focus = read_models(*body, "focus", *request.snapshot);
  body->require(focus.has_value(), "focus");
  std::optional<GroupId> group;
  if (const auto text = body->text("group", kIdRule)) {
    group = id_from_wire<GroupId>(*text);
    const auto is_it = [&group](const controller::GroupView& candidate) {
      return candidate.id == group;
    };
    if (!group || std::ranges::none_of((*workshop)->groups, is_it)) {
      body->fault({.code = ErrorCode::not_found, .detail = "no such group", .field = "group"});
    }
  }
  if (auto read = body->finish(); !read) co_return refuse(std::move(read.error()));
  const WorkshopId id = (*workshop)->id;
  if (request.query("preview") == "1") co_return co_await preview_focus(request, id, group, *focus);
  auto& controller = around_.controller;
  auto set = co_await ask<void>(around_, [&controller, actor = actor_of(request), id, group,
                                          models = *focus](auto done) mutable {
    controller.set_focus(std::move(actor), id, group, std::move(models), std::move(done));
  });
  if (!set) co_return refuse(refusal_of(std::move(set.error())));
  const auto snapshot =
      co_await until_shown(around_, [id, &group, &focus](const Snapshot& candidate) {
        const auto* shown = focus_shown(candidate, id, group);
        return shown == nullptr || *shown == *focus;
      });
  co_return workshop_answer(*snapshot, id);
}

// A read-only link for a projector: the token is shown this once.
net::Task<Answer> Handlers::post_board(Request& request) {
  const auto workshop = led_workshop(request);
  if (!workshop) co_return refuse(workshop.error());
  const std::string token = make_token();
  const TokenRow row{.hash = hash_of(token),
                     .role = Role::board,
                     .workshop = (*workshop)->id,
                     .person = {},
                     .created = options_.clocks.wall()};
  auto& controller = around_.controller;
  auto issued = co_await ask<void>(around_, [&controller, row](auto done) mutable {
    controller.issue_token(row, std::move(done));
  });
  if (!issued) co_return refuse(refusal_of(std::move(issued.error())));
  co_await until_shown(around_, [hash = row.hash](const Snapshot& candidate) {
    return candidate.tokens && candidate.tokens->contains(hash);
  });
  JsonWriter json;
  co_return json_reply(json.begin_object().field("board_token", token).end_object().take(), 201);
}

}  // namespace stoker::api
