// Work: send, look, cancel, edit, try again, move, release.
#include <algorithm>

#include "api/handlers.h"
#include "api/wire_ids.h"

namespace stoker::api {
namespace {

constexpr TextRule kPromptRule{
    .characters_min = 1, .characters_max = kPromptCharactersMax, .lines = Lines::many};
constexpr TextRule kNameRule{.characters_min = 1, .characters_max = 120};
constexpr std::size_t kIdempotencyKeyMax = 128;
constexpr std::uint64_t kJobsListedMax = 1000;

Checked<std::string> idempotency_key(const Request& request) {
  const auto key = request.head().headers.find("Idempotency-Key");
  if (!key) return std::string();
  const bool printable = std::ranges::all_of(*key, [](char c) { return c >= 0x20 && c < 0x7f; });
  if (key->empty() || key->size() > kIdempotencyKeyMax || !printable) {
    return refuse({.code = ErrorCode::bad_request,
                   .detail = "must be 1 to 128 printable ASCII characters",
                   .field = "Idempotency-Key"});
  }
  return std::string(*key);
}

// No model takes options yet, so every member is an unknown one.
void read_options(Body& body) {
  std::optional<Body> options = body.object("options");
  if (!options) return;
  if (auto read = options->finish(); !read) body.fault(std::move(read.error()));
}

Checked<ModelId> model_wanted(const Request& request, const std::optional<std::string>& name,
                              const std::optional<std::string>& medium) {
  const Snapshot& snapshot = *request.snapshot;
  if (name) {
    const auto model = model_by_name(snapshot, *name);
    if (model) return *model;
    return refuse({.code = ErrorCode::unknown_model,
                   .detail = "no such model",
                   .field = "model",
                   .value = *name});
  }
  const Medium wanted = *medium_from_name(*medium);
  if (const auto* model = model_for_medium(snapshot, wanted, eyes_of(snapshot, request.who)))
    return model->model.id;
  // Somewhere else there may be one.
  if (model_for_medium(snapshot, wanted, {}) == nullptr) {
    return refuse({.code = ErrorCode::unknown_model,
                   .detail = "no model makes this",
                   .field = "medium",
                   .value = *medium});
  }
  return refuse({.code = ErrorCode::out_of_focus,
                 .detail = "not part of today",
                 .field = "medium",
                 .value = *medium});
}

Checked<controller::SubmitCommand> read_submit(const Request& request, Body& body) {
  controller::SubmitCommand command;
  const auto model = body.text("model", kNameRule);
  const auto medium = body.word("medium", {"text", "image", "video", "audio", "music"});
  const auto prompt = body.text("prompt", kPromptRule);
  command.seed = body.whole("seed", {.max = std::numeric_limits<std::uint64_t>::max()});
  read_options(body);
  body.require(model.has_value() || medium.has_value(), "model");
  body.require(prompt.has_value(), "prompt");
  if (model && medium) {
    body.fault({.code = ErrorCode::bad_request,
                .detail = "either a model or a medium",
                .field = "medium"});
  }
  if (auto read = body.finish(); !read) return refuse(std::move(read.error()));
  auto chosen = model_wanted(request, model, medium);
  if (!chosen) return refuse(std::move(chosen.error()));
  command.model = *chosen;
  command.prompt = *prompt;
  return command;
}

Refusal conflict(std::string detail) {
  return {.code = ErrorCode::conflict, .detail = std::move(detail)};
}

bool is_waiting(JobState state) {
  return state == JobState::accepted || state == JobState::checking || state == JobState::queued;
}

}  // namespace

// The same key with the same path and body is the same request.
net::Task<Checked<Body>> Handlers::read_keyed_body(Request& request,
                                                   controller::SubmitCommand& command) {
  auto key = idempotency_key(request);
  if (!key) co_return refuse(std::move(key.error()));
  command.idempotency_key = std::move(*key);
  auto bytes = co_await read_bytes(request);
  if (!bytes) co_return refuse(std::move(bytes.error()));
  command.body_hash = hash_of(request.head().path + "\n" + *bytes);
  co_return Body::parse(*bytes, request.head().headers.find("Content-Type"));
}

net::Task<Answer> Handlers::submit(Request& request, controller::SubmitCommand command) {
  auto& controller = around_.controller;
  auto submitted = co_await ask<controller::SubmitReply>(
      around_, [&controller, command = std::move(command)](auto done) mutable {
        controller.submit(std::move(command), std::move(done));
      });
  if (!submitted) co_return refuse(refusal_of(std::move(submitted.error())));
  const JobId id = submitted->job;
  const auto snapshot = co_await until_shown(
      around_, [id](const Snapshot& candidate) { return candidate.jobs.contains(id); });
  Answer answer = job_answer(request, *snapshot, id, submitted->replayed ? 200 : 201);
  if (answer) answer->headers.add("Location", "/api/v1/jobs/" + wire_id(id));
  co_return answer;
}

net::Task<Answer> Handlers::post_jobs(Request& request) {
  controller::SubmitCommand keyed;
  auto body = co_await read_keyed_body(request, keyed);
  if (!body) co_return refuse(std::move(body.error()));
  auto command = read_submit(request, *body);
  if (!command) co_return refuse(std::move(command.error()));
  command->actor = actor_of(request);
  command->idempotency_key = std::move(keyed.idempotency_key);
  command->body_hash = keyed.body_hash;
  co_return co_await submit(request, std::move(*command));
}

net::Task<Answer> Handlers::post_retry(Request& request) {
  auto job = touchable_job(request);
  if (!job) co_return refuse(std::move(job.error()));
  const controller::JobView& before = **job;
  controller::SubmitCommand command;
  auto body = co_await read_keyed_body(request, command);
  if (!body) co_return refuse(std::move(body.error()));
  const auto prompt = body->text("prompt", kPromptRule);
  if (auto read = body->finish(); !read) co_return refuse(std::move(read.error()));
  if (!job_state_is_final(before.state)) co_return refuse(conflict("the job is not over"));
  if (!prompt && !before.prompt) co_return refuse(conflict("the text of the job is gone"));
  command.actor = actor_of(request);
  command.actor.workshop = before.workshop;
  command.actor.person = before.person;  // a leader does it for the person
  command.model = before.model;
  command.prompt = prompt ? *prompt : *before.prompt;
  command.edited_from = before.id;
  co_return co_await submit(request, std::move(command));
}

net::Task<Answer> Handlers::get_jobs(Request& request) {
  const auto limit = number_of(request, "limit", 100, kJobsListedMax);
  if (!limit) co_return refuse(limit.error());
  const Snapshot& snapshot = *request.snapshot;
  const Moment now = moment();
  JsonWriter json;
  json.begin_object().key("jobs").begin_array();
  std::uint64_t written = 0;
  for (auto entry = snapshot.jobs.rbegin(); entry != snapshot.jobs.rend() && written < *limit;
       ++entry) {
    const controller::JobView& job = *entry->second;
    if (!may_touch(request.who, job)) continue;
    const Prompts prompts = may_see_prompt(request.who, job) ? Prompts::shown : Prompts::hidden;
    json.raw(job_json(snapshot, job, now, prompts));
    ++written;
  }
  co_return json_reply(json.end_array().end_object().take());
}

net::Task<Answer> Handlers::get_job(Request& request) {
  const auto job = touchable_job(request);
  if (!job) co_return refuse(job.error());
  co_return job_answer(request, *request.snapshot, (*job)->id);
}

net::Task<Answer> Handlers::delete_job(Request& request) {
  const auto job = touchable_job(request);
  if (!job) co_return refuse(job.error());
  const JobId id = (*job)->id;
  if (job_state_is_final((*job)->state)) co_return job_answer(request, *request.snapshot, id);
  auto& controller = around_.controller;
  auto cancelled =
      co_await ask<void>(around_, [&controller, actor = actor_of(request), id](auto done) mutable {
        controller.cancel(std::move(actor), id, std::move(done));
      });
  if (!cancelled) co_return refuse(refusal_of(std::move(cancelled.error())));
  // What runs ends when its engine says so; what waited is gone at once.
  const bool at_once = is_waiting((*job)->state);
  const auto snapshot = co_await until_shown(around_, [id, at_once](const Snapshot& candidate) {
    const auto found = candidate.jobs.find(id);
    return !at_once || found == candidate.jobs.end() || !is_waiting(found->second->state);
  });
  co_return job_answer(request, *snapshot, id);
}

net::Task<Answer> Handlers::post_edit(Request& request) {
  const auto job = touchable_job(request);
  if (!job) co_return refuse(job.error());
  auto body = co_await read_body(request);
  if (!body) co_return refuse(std::move(body.error()));
  const auto prompt = body->text("prompt", kPromptRule);
  body->require(prompt.has_value(), "prompt");
  if (auto read = body->finish(); !read) co_return refuse(std::move(read.error()));
  if (!is_waiting((*job)->state)) co_return refuse(conflict("the job has left the queue"));
  const JobId id = (*job)->id;
  auto& controller = around_.controller;
  auto edited = co_await ask<void>(
      around_, [&controller, actor = actor_of(request), id, text = *prompt](auto done) mutable {
        controller.edit(std::move(actor), id, std::move(text), std::move(done));
      });
  if (!edited) co_return refuse(refusal_of(std::move(edited.error())));
  const auto snapshot = co_await until_shown(around_, [id, &prompt](const Snapshot& candidate) {
    const auto found = candidate.jobs.find(id);
    return found == candidate.jobs.end() ||
           (found->second->prompt && *found->second->prompt == *prompt);
  });
  co_return job_answer(request, *snapshot, id);
}

net::Task<Answer> Handlers::post_move(Request& request) {
  const auto job = touchable_job(request);
  if (!job) co_return refuse(job.error());
  auto body = co_await read_body(request);
  if (!body) co_return refuse(std::move(body.error()));
  body->require(body->word("to", {"front"}).has_value(), "to");
  if (auto read = body->finish(); !read) co_return refuse(std::move(read.error()));
  const JobId id = (*job)->id;
  auto& controller = around_.controller;
  auto moved =
      co_await ask<void>(around_, [&controller, actor = actor_of(request), id](auto done) mutable {
        controller.move_to_front(std::move(actor), id, std::move(done));
      });
  if (!moved) co_return refuse(refusal_of(std::move(moved.error())));
  co_return job_answer(request, *controller.snapshot(), id);
}

net::Task<Answer> Handlers::post_release(Request& request) {
  const auto job = touchable_job(request);
  if (!job) co_return refuse(job.error());
  auto body = co_await read_body(request);
  if (!body) co_return refuse(std::move(body.error()));
  const auto released = body->flag("released");
  body->require(released.has_value(), "released");
  if (auto read = body->finish(); !read) co_return refuse(std::move(read.error()));
  const JobId id = (*job)->id;
  auto& controller = around_.controller;
  auto done_it = co_await ask<void>(
      around_, [&controller, actor = actor_of(request), id, to = *released](auto done) mutable {
        controller.set_released(std::move(actor), id, to, std::move(done));
      });
  if (!done_it) co_return refuse(refusal_of(std::move(done_it.error())));
  const auto snapshot =
      co_await until_shown(around_, [id, to = *released](const Snapshot& candidate) {
        const auto found = candidate.jobs.find(id);
        return found == candidate.jobs.end() || found->second->released == to;
      });
  co_return job_answer(request, *snapshot, id);
}

}  // namespace stoker::api
