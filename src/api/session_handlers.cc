// Coming, going and watching: meta, join, tickets, me, events.
#include <algorithm>

#include "api/handlers.h"
#include "api/wire_ids.h"

namespace stoker::api {
namespace {

constexpr TextRule kCodeRule{.characters_min = 1, .characters_max = 32};
constexpr TextRule kIdRule{.characters_min = 1, .characters_max = 24};

void write_workshop_card(JsonWriter& json, const controller::WorkshopView* workshop) {
  if (workshop == nullptr) {
    json.null();
    return;
  }
  json.begin_object().field("id", wire_id(workshop->id)).field("title", workshop->title);
  json.field("state", workshop_state_name(workshop->state)).end_object();
}

bool is_live(const controller::WorkshopView& workshop) {
  return workshop.state != WorkshopState::planned && workshop.state != WorkshopState::ended;
}

const controller::WorkshopView* newest_live_workshop(const Snapshot& snapshot) {
  const controller::WorkshopView* newest = nullptr;
  for (const auto& [id, workshop] : snapshot.workshops) {
    if (is_live(*workshop)) newest = workshop.get();
  }
  return newest;
}

Refusal too_often(Duration wait, std::string detail) {
  return {.code = ErrorCode::limit_reached,
          .detail = std::move(detail),
          .retry_after_s = retry_seconds(wait)};
}

std::optional<Symbol> read_symbol(Body& body) {
  std::optional<Body> field = body.object("symbol");
  if (!field) return std::nullopt;
  const auto animal = field->whole("animal", {.max = kAnimalCount - 1});
  const auto colour = field->whole("colour", {.max = kColourCount - 1});
  field->require(animal.has_value(), "animal");
  field->require(colour.has_value(), "colour");
  if (auto read = field->finish(); !read) {
    body.fault(std::move(read.error()));
    return std::nullopt;
  }
  return Symbol{static_cast<std::uint32_t>(*animal), static_cast<std::uint32_t>(*colour)};
}

Checked<controller::JoinCommand> read_join(Body& body) {
  controller::JoinCommand command;
  const auto code = body.text("code", kCodeRule);
  body.require(code.has_value(), "code");
  if (const auto group = body.text("group", kIdRule)) {
    command.group = id_from_wire<GroupId>(*group);
    if (!command.group) {
      body.fault(
          {.code = ErrorCode::bad_request, .detail = "is not the id of a group", .field = "group"});
    }
  }
  command.symbol = read_symbol(body);
  if (auto read = body.finish(); !read) return refuse(std::move(read.error()));
  command.code = *code;
  return command;
}

std::string joined_json(const Snapshot& snapshot, const controller::JoinReply& joined,
                        const std::string& token) {
  JsonWriter json;
  json.begin_object().field("token", token).field("person", wire_id(joined.person)).key("symbol");
  write_symbol(json, joined.symbol);
  json.field("group", wire_id_or_null(joined.group)).key("workshop");
  write_workshop_card(json, workshop_of(snapshot, joined.workshop));
  return json.end_object().take();
}

std::uint32_t outstanding_of(const Snapshot& snapshot, PersonId person) {
  if (!person) return 0;
  return static_cast<std::uint32_t>(
      std::ranges::count_if(snapshot.jobs, [person](const auto& entry) {
        return entry.second->person == person && !job_state_is_final(entry.second->state);
      }));
}

Roles roles_of(Topic topic) {
  switch (topic) {
    case Topic::me:
      return kMakers;
    case Topic::workshop:
      return kLeaders;
    case Topic::board:
      return kLeaders | role_bit(Role::board);
    case Topic::admin:
      return kAdmins;
  }
  return 0;
}

// Which topic, and of which workshop; an admin, and a leader of several, names it in ?workshop=.
Checked<EventHub::Watch> watch_of(const Request& request) {
  const auto topic = topic_from_name(request.query("topic").value_or(""));
  if (!topic) {
    return refuse({.code = ErrorCode::bad_request,
                   .detail = "me, workshop, board or admin",
                   .field = "topic"});
  }
  if ((roles_of(*topic) & role_bit(request.who.role)) == 0) {
    return refuse({.code = ErrorCode::forbidden, .detail = "not for this role", .field = "topic"});
  }
  EventHub::Watch watch{.token = request.token,
                        .who = request.who,
                        .topic = *topic,
                        .workshop = request.who.workshop};
  if (*topic == Topic::me || *topic == Topic::admin) return watch;
  if (const auto named = request.query("workshop")) {
    watch.workshop = id_from_wire<WorkshopId>(*named).value_or(WorkshopId());
  }
  const bool theirs = leads(request.who, watch.workshop) || request.who.workshop == watch.workshop;
  if (!request.snapshot->workshops.contains(watch.workshop) || !theirs) {
    return refuse(
        {.code = ErrorCode::not_found, .detail = "no such workshop", .field = "workshop"});
  }
  return watch;
}

}  // namespace

net::Task<Answer> Handlers::get_meta(Request& request) {
  JsonWriter json;
  json.begin_object()
      .field("name", "stoker")
      .field("version", options_.version)
      .field("build", options_.build);
  json.field("simulated", options_.simulated)
      .field("uptime_s", (options_.clocks.now() - started_).us / 1'000'000);
  json.field("speed", options_.speed).key("languages").begin_array();
  for (const std::string& language : options_.languages) json.value(language);
  json.end_array().key("workshop");
  write_workshop_card(json, newest_live_workshop(*request.snapshot));
  co_return json_reply(json.end_object().take());
}

net::Task<Answer> Handlers::get_openapi(Request&) {
  co_return json_reply(std::string(options_.openapi_json));
}

net::Task<Answer> Handlers::get_messages(Request& request) {
  const auto catalogue =
      options_.messages ? options_.messages(request.parameters.front()) : std::nullopt;
  if (!catalogue) co_return refuse({.code = ErrorCode::not_found, .detail = "no such language"});
  co_return json_reply(std::string(*catalogue));
}

net::Task<Answer> Handlers::post_join(Request& request) {
  const Instant now = options_.clocks.now();
  if (const auto wait = joins_.take(request.head().peer_address, now)) {
    co_return refuse(too_often(*wait, "too many attempts from this address"));
  }
  if (const auto wait = wrong_codes_.look(now))
    co_return refuse(too_often(*wait, "too many wrong codes"));
  auto body = co_await read_body(request);
  if (!body) co_return refuse(std::move(body.error()));
  auto command = read_join(*body);
  if (!command) co_return refuse(std::move(command.error()));
  const std::string token = make_token();
  command->token = hash_of(token);
  auto& controller = around_.controller;
  auto joined = co_await ask<controller::JoinReply>(
      around_, [&controller, command = *command](auto done) mutable {
        controller.join(std::move(command), std::move(done));
      });
  if (!joined) {
    if (joined.error().code == ErrorCode::wrong_code) wrong_codes_.take(now);
    co_return refuse(refusal_of(std::move(joined.error())));
  }
  const auto snapshot =
      co_await until_shown(around_, [hash = command->token](const Snapshot& candidate) {
        return candidate.tokens && candidate.tokens->contains(hash);
      });
  co_return json_reply(joined_json(*snapshot, *joined, token), 201);
}

net::Task<Answer> Handlers::post_tickets(Request& request) {
  auto ticket = tickets_.issue(request.token, options_.clocks.now());
  if (!ticket) co_return refuse(refusal_of(std::move(ticket.error())));
  JsonWriter json;
  json.begin_object().field("ticket", *ticket).field("expires_s", kTicketLife.us / 1'000'000);
  co_return json_reply(json.end_object().take(), 201);
}

net::Task<Answer> Handlers::get_me(Request& request) {
  const Snapshot& snapshot = *request.snapshot;
  co_return json_reply(
      me_json(snapshot, request.who, outstanding_of(snapshot, request.who.person)));
}

net::Task<Answer> Handlers::post_leave(Request& request) {
  auto& controller = around_.controller;
  auto left =
      co_await ask<void>(around_, [&controller, actor = actor_of(request)](auto done) mutable {
        controller.leave(std::move(actor), std::move(done));
      });
  if (!left) co_return refuse(refusal_of(std::move(left.error())));
  co_await until_shown(around_, [token = request.token](const Snapshot& snapshot) {
    return !snapshot.tokens || !snapshot.tokens->contains(token);
  });
  co_return json_reply({}, 204);
}

net::Task<Answer> Handlers::get_events(Request& request) {
  auto watch = watch_of(request);
  if (!watch) co_return refuse(std::move(watch.error()));
  auto subscription = hub_->subscribe(*watch, request.snapshot);
  if (!subscription) co_return refuse(refusal_of(std::move(subscription.error())));
  net::Headers extra;
  add_safety_headers(extra);
  extra.remove("Cache-Control");  // the stream brings its own
  co_await net::serve_event_stream(request.exchange, subscription->stream(), std::move(extra));
  co_return sent_reply();
}

net::Task<Answer> Handlers::get_state(Request& request) {
  const auto watch = watch_of(request);
  if (!watch) co_return refuse(watch.error());
  co_return json_reply(hub_->picture(*watch, request.snapshot));
}

}  // namespace stoker::api
