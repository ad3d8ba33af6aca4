// LocalAI and LM Studio: servers that load and unload by name and answer when it is done.
#include <algorithm>
#include <utility>

#include "backends/openai/openai_residency.h"
#include "protocol/openai/requests.h"

namespace stoker::openai {
namespace {

namespace wire = protocol::openai;

constexpr int kUnavailable = 503;

// A model without a process is an error of the server.
net::Task<Result<bool>> has_process(SharedSite site, std::string name, Duration deadline) {
  const auto answer =
      co_await ask_any(site, get("/backend/monitor?model=" + in_query(name), deadline));
  if (!answer) co_return fail(answer.error());
  if (answer->ok()) co_return wire::parse_monitor(answer->body);
  const bool not_there = answer->status == 500 || answer->status == 404;
  if (not_there) co_return false;
  co_return fail(error_of(*answer, Doing::asking));
}

net::Task<Result<wire::StudioModel>> studio_model(SharedSite site, std::string key,
                                                  Duration deadline) {
  const auto answer = co_await ask(site, get("/api/v1/models", deadline), Doing::asking);
  if (!answer) co_return fail(answer.error());
  const auto models = wire::parse_studio_models(answer->body);
  if (!models) co_return fail(ErrorCode::internal, "the engine's answer is not understood: models");
  const auto found = std::ranges::find(*models, key, &wire::StudioModel::key);
  if (found == models->end()) {
    co_return fail(ErrorCode::unknown_model, "the engine does not list the model");
  }
  co_return *found;
}

}  // namespace

net::Task<Result<LoadReport>> load_localai(SharedSite site, EngineModel model, Duration deadline) {
  const auto before = co_await has_process(site, model.upstream, deadline);
  if (!before) co_return fail(before.error());
  while (true) {
    const auto answer = co_await ask_any(
        site, post("/backend/load", wire::model_request(model.upstream), deadline));
    if (!answer) co_return fail(answer.error());
    if (answer->ok()) break;
    // It starts or cools down: a load waits for that until its deadline.
    if (answer->status != kUnavailable) co_return fail(error_of(*answer, Doing::loading));
    co_await site->http()->network().sleep(kPoll);
  }
  const auto after = co_await has_process(site, model.upstream, deadline);
  if (!after) co_return fail(after.error());
  if (!*after) {
    co_return fail(ErrorCode::load_failed, "the engine does not list what it loaded", "not_listed");
  }
  co_return LoadReport{.vram = {}, .took = {}, .was_there = *before};
}

net::Task<Result<void>> unload_localai(SharedSite site, EngineModel model, Duration deadline) {
  const auto before = co_await has_process(site, model.upstream, deadline);
  if (!before) co_return fail(before.error());
  if (!*before) co_return Result<void>();
  const auto answer =
      co_await ask(site, post("/backend/shutdown", wire::model_request(model.upstream), deadline),
                   Doing::asking);
  if (!answer) co_return fail(answer.error());
  while (true) {
    const auto still_there = co_await has_process(site, model.upstream, deadline);
    if (!still_there) co_return fail(still_there.error());
    if (!*still_there) co_return Result<void>();
    co_await site->http()->network().sleep(kPoll);
  }
}

net::Task<Result<std::vector<LoadedModel>>> observe_localai(SharedSite site,
                                                            std::vector<EngineModel> models,
                                                            Duration deadline) {
  std::vector<LoadedModel> loaded;
  for (const EngineModel& model : models) {
    const auto there = co_await has_process(site, model.upstream, deadline);
    if (!there) co_return fail(there.error());
    if (*there) loaded.push_back({model.id, model.planned});
  }
  co_return loaded;
}

net::Task<Result<LoadReport>> load_studio(SharedSite site, EngineModel model, Duration deadline) {
  const auto before = co_await studio_model(site, model.upstream, deadline);
  if (!before) co_return fail(before.error());
  LoadReport report{.vram = {}, .took = {}, .was_there = !before->instances.empty()};
  if (report.was_there) co_return report;  // a second load would make a second instance
  const auto answer =
      co_await ask(site,
                   post("/api/v1/models/load",
                        wire::model_request(model.upstream, model.load_options), deadline),
                   Doing::loading);
  if (!answer) co_return fail(answer.error());
  const auto after = co_await studio_model(site, model.upstream, deadline);
  if (!after) co_return fail(after.error());
  if (after->instances.empty()) {
    co_return fail(ErrorCode::load_failed, "the engine does not list what it loaded", "not_listed");
  }
  co_return report;
}

net::Task<Result<void>> unload_studio(SharedSite site, EngineModel model, Duration deadline) {
  const auto before = co_await studio_model(site, model.upstream, deadline);
  if (!before) co_return fail(before.error());
  for (const std::string& instance : before->instances) {
    const auto answer = co_await ask(
        site, post("/api/v1/models/unload", wire::instance_request(instance), deadline),
        Doing::asking);
    if (!answer) co_return fail(answer.error());
  }
  while (true) {
    const auto now = co_await studio_model(site, model.upstream, deadline);
    if (!now) co_return fail(now.error());
    if (now->instances.empty()) co_return Result<void>();
    co_await site->http()->network().sleep(kPoll);
  }
}

net::Task<Result<std::vector<LoadedModel>>> observe_studio(SharedSite site,
                                                           std::vector<EngineModel> models,
                                                           Duration deadline) {
  const auto answer = co_await ask(site, get("/api/v1/models", deadline), Doing::asking);
  if (!answer) co_return fail(answer.error());
  const auto listed = wire::parse_studio_models(answer->body);
  if (!listed) co_return fail(ErrorCode::internal, "the engine's answer is not understood: models");
  std::vector<LoadedModel> loaded;
  for (const EngineModel& model : models) {
    const auto found = std::ranges::find(*listed, model.upstream, &wire::StudioModel::key);
    if (found != listed->end() && !found->instances.empty()) {
      loaded.push_back({model.id, model.planned});
    }
  }
  co_return loaded;
}

}  // namespace stoker::openai
