// llama.cpp's server, with one model and as a router of many.
#include <algorithm>
#include <utility>

#include "backends/openai/openai_residency.h"
#include "protocol/openai/errors.h"
#include "protocol/openai/requests.h"

namespace stoker::openai {
namespace {

namespace wire = protocol::openai;

constexpr int kUnavailable = 503;
constexpr std::string_view kLoaded = "loaded";
constexpr std::string_view kSleeping = "sleeping";
constexpr std::string_view kUnloaded = "unloaded";
constexpr std::string_view kFailed = "failed";

bool is_loading(const EngineAnswer& answer) {
  return answer.status == kUnavailable &&
         wire::trouble_of(wire::read_error(std::string_view(answer.body))) == "loading";
}

// Until the model that the server was started with is there. True: it was from the beginning.
net::Task<Result<bool>> await_health(SharedSite site, Duration deadline) {
  bool was_there = true;
  while (true) {
    const auto health = co_await ask_any(site, get("/health", deadline));
    if (!health) co_return fail(health.error());
    if (health->ok()) co_return was_there;
    if (!is_loading(*health)) co_return fail(error_of(*health, Doing::loading));
    was_there = false;
    co_await site->http()->network().sleep(kPoll);
  }
}

net::Task<Result<wire::LlamaProps>> props_of(SharedSite site, Duration deadline) {
  const auto answer = co_await ask(site, get("/props", deadline), Doing::asking);
  if (!answer) co_return fail(answer.error());
  const auto props = wire::parse_props(answer->body);
  if (!props) co_return fail(ErrorCode::internal, "the engine's answer is not understood: props");
  co_return *props;
}

net::Task<Result<wire::ListedModel>> routed(SharedSite site, std::string name, Duration deadline) {
  const auto models = co_await listed_models(site, "/models", deadline);
  if (!models) co_return fail(models.error());
  const auto found = std::ranges::find(*models, name, &wire::ListedModel::id);
  if (found == models->end()) {
    co_return fail(ErrorCode::unknown_model, "the engine does not list the model");
  }
  co_return *found;
}

net::Task<Result<void>> await_routed(SharedSite site, std::string name, Duration deadline) {
  while (true) {
    const auto model = co_await routed(site, name, deadline);
    if (!model) co_return fail(model.error());
    if (model->status == kLoaded) co_return Result<void>();
    if (model->failed || model->status == kFailed) {
      co_return fail(ErrorCode::load_failed, "the engine says that the load failed");
    }
    co_await site->http()->network().sleep(kPoll);
  }
}

}  // namespace

net::Task<Result<void>> ask_first_token(SharedSite site, EngineModel model, Duration deadline) {
  const auto answer = co_await ask(
      site, post("/v1/chat/completions", wire::first_token_request(model.upstream), deadline),
      Doing::loading);
  if (!answer) co_return fail(answer.error());
  if (!wire::is_plain_object(answer->body)) {
    co_return fail(ErrorCode::internal, "the engine's answer is not understood: chat", "garbage");
  }
  co_return Result<void>();
}

net::Task<Result<LoadReport>> load_llama(SharedSite site, EngineModel model, Duration deadline) {
  const auto was_there = co_await await_health(site, deadline);
  if (!was_there) co_return fail(was_there.error());
  // It serves its model under every name, so a wrong one would never be noticed.
  const auto models = co_await listed_models(site, "/v1/models", deadline);
  if (!models) co_return fail(models.error());
  const bool serves = std::ranges::any_of(*models, [&](const wire::ListedModel& listed) {
    return is_served_as(listed.id, model.upstream);
  });
  if (!serves) {
    co_return fail(ErrorCode::unknown_model, "the engine was started with another model");
  }
  const auto props = co_await props_of(site, deadline);
  if (!props) co_return fail(props.error());
  const auto answered = co_await ask_first_token(site, std::move(model), deadline);
  if (!answered) co_return fail(answered.error());
  co_return LoadReport{.vram = {}, .took = {}, .was_there = *was_there && !props->sleeping};
}

net::Task<Result<std::vector<LoadedModel>>> observe_llama(SharedSite site,
                                                          std::vector<EngineModel> models,
                                                          Duration deadline) {
  std::vector<LoadedModel> loaded;
  const auto health = co_await ask_any(site, get("/health", deadline));
  if (!health) co_return fail(health.error());
  if (is_loading(*health)) co_return loaded;
  if (!health->ok()) co_return fail(error_of(*health, Doing::asking));
  const auto props = co_await props_of(site, deadline);
  if (!props) co_return fail(props.error());
  if (props->sleeping) co_return loaded;
  const auto listed = co_await listed_models(site, "/v1/models", deadline);
  if (!listed) co_return fail(listed.error());
  for (const EngineModel& model : models) {
    const bool serves = std::ranges::any_of(*listed, [&](const wire::ListedModel& one) {
      return is_served_as(one.id, model.upstream);
    });
    if (serves) loaded.push_back({model.id, model.planned});
  }
  co_return loaded;
}

net::Task<Result<LoadReport>> load_routed(SharedSite site, EngineModel model, Duration deadline) {
  const auto before = co_await routed(site, model.upstream, deadline);
  if (!before) co_return fail(before.error());
  LoadReport report{.vram = {}, .took = {}, .was_there = before->status == kLoaded};
  if (report.was_there) co_return report;
  if (before->status == kSleeping) {
    const auto woken = co_await ask_first_token(site, std::move(model), deadline);
    if (!woken) co_return fail(woken.error());
    co_return report;
  }
  const auto answer = co_await ask(
      site, post("/models/load", wire::model_request(model.upstream), deadline), Doing::loading);
  if (!answer) co_return fail(answer.error());
  if (!wire::is_plain_object(answer->body)) {
    co_return fail(ErrorCode::internal, "the engine's answer is not understood: load", "garbage");
  }
  const auto loaded = co_await await_routed(site, model.upstream, deadline);
  if (!loaded) co_return fail(loaded.error());
  co_return report;
}

net::Task<Result<void>> unload_routed(SharedSite site, EngineModel model, Duration deadline) {
  auto before = co_await routed(site, model.upstream, deadline);
  if (!before) co_return fail(before.error());
  if (before->status == kUnloaded || before->status == kFailed) co_return Result<void>();
  const auto answer = co_await ask(
      site, post("/models/unload", wire::model_request(model.upstream), deadline), Doing::asking);
  if (!answer) co_return fail(answer.error());
  while (true) {
    const auto now = co_await routed(site, model.upstream, deadline);
    if (!now) co_return fail(now.error());
    if (now->status == kUnloaded || now->status == kFailed) co_return Result<void>();
    co_await site->http()->network().sleep(kPoll);
  }
}

net::Task<Result<std::vector<LoadedModel>>> observe_routed(SharedSite site,
                                                           std::vector<EngineModel> models,
                                                           Duration deadline) {
  const auto listed = co_await listed_models(site, "/models", deadline);
  if (!listed) co_return fail(listed.error());
  std::vector<LoadedModel> loaded;
  for (const EngineModel& model : models) {
    const auto found = std::ranges::find(*listed, model.upstream, &wire::ListedModel::id);
    if (found != listed->end() && found->status == kLoaded) {
      loaded.push_back({model.id, model.planned});
    }
  }
  co_return loaded;
}

}  // namespace stoker::openai
