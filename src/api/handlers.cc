#include "api/handlers.h"

#include "api/wire_ids.h"

namespace stoker::api {

Handlers::Handlers(Surroundings surroundings, const Options& options, std::shared_ptr<EventHub> hub)
    : around_(surroundings),
      options_(options),
      hub_(std::move(hub)),
      joins_(options.join_rate, options.rate_keys_max),
      wrong_codes_(options.wrong_code_rate, options.clocks.now()),
      started_(options.clocks.now()) {}

net::Task<Checked<std::string>> Handlers::read_bytes(Request& request) {
  auto bytes = co_await request.exchange.read_body(kBodyBytesMax);
  if (bytes) co_return std::move(*bytes);
  Refusal refusal = refusal_of(std::move(bytes.error()));
  refusal.field = "body";
  if (refusal.code == ErrorCode::too_large) refusal.value = std::to_string(kBodyBytesMax);
  co_return refuse(std::move(refusal));
}

net::Task<Checked<Body>> Handlers::read_body(Request& request) {
  auto bytes = co_await read_bytes(request);
  if (!bytes) co_return refuse(std::move(bytes.error()));
  co_return Body::parse(*bytes, request.head().headers.find("Content-Type"));
}

controller::Actor Handlers::actor_of(const Request& request) const {
  return {.role = request.who.role,
          .workshop = request.who.workshop,
          .person = request.who.person,
          .token = request.token};
}

Answer Handlers::job_answer(const Request& request, const Snapshot& snapshot, JobId id,
                            int status) const {
  const auto job = snapshot.jobs.find(id);
  if (job == snapshot.jobs.end())
    return refuse({.code = ErrorCode::not_found, .detail = "no such job"});
  const Prompts prompts =
      may_see_prompt(request.who, *job->second) ? Prompts::shown : Prompts::hidden;
  return json_reply(job_json(snapshot, *job->second, moment(), prompts), status);
}

Answer Handlers::workshop_answer(const Snapshot& snapshot, WorkshopId id, int status) const {
  const auto workshop = snapshot.workshops.find(id);
  if (workshop == snapshot.workshops.end()) {
    return refuse({.code = ErrorCode::not_found, .detail = "no such workshop"});
  }
  return json_reply(workshop_json(snapshot, *workshop->second, moment(), JoinCode::shown), status);
}

Checked<Handlers::JobPtr> Handlers::touchable_job(const Request& request) const {
  const auto id = id_from_wire<JobId>(request.parameters.front());
  const auto job = id ? request.snapshot->jobs.find(*id) : request.snapshot->jobs.end();
  if (job == request.snapshot->jobs.end() || !may_touch(request.who, *job->second)) {
    return refuse({.code = ErrorCode::not_found, .detail = "no such job"});
  }
  return job->second;
}

Checked<Handlers::WorkshopPtr> Handlers::led_workshop(const Request& request) const {
  const auto id = id_from_wire<WorkshopId>(request.parameters.front());
  const auto workshop =
      id ? request.snapshot->workshops.find(*id) : request.snapshot->workshops.end();
  if (workshop == request.snapshot->workshops.end() || !leads(request.who, *id)) {
    return refuse({.code = ErrorCode::not_found, .detail = "no such workshop"});
  }
  return workshop->second;
}

Checked<std::uint64_t> Handlers::number_of(const Request& request, std::string_view name,
                                           std::uint64_t normal, std::uint64_t max) const {
  const auto text = request.query(name);
  if (!text) return normal;
  const auto limit = number_from_wire<std::uint64_t>(*text);
  if (limit && *limit >= 1 && *limit <= max) return *limit;
  return refuse({.code = ErrorCode::bad_request,
                 .detail = "must be a whole number from 1 to " + std::to_string(max),
                 .field = std::string(name),
                 .value = std::to_string(max)});
}

}  // namespace stoker::api
