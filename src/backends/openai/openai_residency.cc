// Which form of loading, unloading and observing a server has; vLLM and the servers of one model.
#include "backends/openai/openai_residency.h"

#include <utility>

#include "protocol/openai/requests.h"

namespace stoker::openai {
namespace {

namespace wire = protocol::openai;

std::unexpected<Error> cannot_unload() {
  return fail(ErrorCode::bad_request, "the model stays as long as the engine lives",
              "cannot_unload");
}

net::Task<Result<void>> await_sleep(SharedSite site, bool wanted, Duration deadline) {
  while (true) {
    const auto asleep = co_await sleeping(site, deadline);
    if (!asleep) co_return fail(asleep.error());
    if (*asleep == wanted) co_return Result<void>();
    co_await site->http()->network().sleep(kPoll);
  }
}

net::Task<Result<LoadReport>> load_vllm(SharedSite site, EngineModel model, Duration deadline) {
  const auto health = co_await ask(site, get("/health", deadline), Doing::loading);
  if (!health) co_return fail(health.error());
  const auto asleep = co_await sleeping(site, deadline);
  if (!asleep) co_return fail(asleep.error());
  LoadReport report{.vram = {}, .took = {}, .was_there = true};
  if (!asleep->has_value()) {
    const auto answered = co_await ask_first_token(site, std::move(model), deadline);
    if (!answered) co_return fail(answered.error());
    co_return report;
  }
  if (!**asleep) co_return report;
  report.was_there = false;
  const auto answer = co_await ask(site, post("/wake_up", {}, deadline), Doing::loading);
  if (!answer) co_return fail(answer.error());
  const auto awake = co_await await_sleep(site, false, deadline);
  if (!awake) co_return fail(awake.error());
  co_return report;
}

// Level 1: the weights go to main memory, from where waking up is quick. Others' requests are not killed.
net::Task<Result<void>> unload_vllm(SharedSite site, Duration deadline) {
  const auto asleep = co_await sleeping(site, deadline);
  if (!asleep) co_return fail(asleep.error());
  if (!asleep->has_value()) co_return cannot_unload();
  if (**asleep) co_return Result<void>();
  const auto answer =
      co_await ask(site, post("/sleep?level=1&mode=wait", {}, deadline), Doing::asking);
  if (!answer) co_return fail(answer.error());
  co_return co_await await_sleep(site, true, deadline);
}

net::Task<Result<std::vector<LoadedModel>>> observe_vllm(SharedSite site,
                                                         std::vector<EngineModel> models,
                                                         Duration deadline) {
  std::vector<LoadedModel> loaded;
  const auto asleep = co_await sleeping(site, deadline);
  if (!asleep) co_return fail(asleep.error());
  if (asleep->value_or(false)) co_return loaded;
  const auto listed = co_await listed_models(site, "/v1/models", deadline);
  if (!listed) co_return fail(listed.error());
  for (const EngineModel& model : models) {
    for (const wire::ListedModel& one : *listed) {
      if (one.id == model.upstream) loaded.push_back({model.id, model.planned});
    }
  }
  co_return loaded;
}

// It listens once its model is there, and holds it as long as it lives.
net::Task<Result<LoadReport>> load_sd(SharedSite site, Duration deadline) {
  const auto answer = co_await ask(site, get("/sdcpp/v1/capabilities", deadline), Doing::loading);
  if (!answer) co_return fail(answer.error());
  co_return LoadReport{.vram = {}, .took = {}, .was_there = true};
}

net::Task<Result<std::vector<LoadedModel>>> observe_sd(SharedSite site,
                                                       std::vector<EngineModel> models,
                                                       Duration deadline) {
  const auto answer = co_await ask(site, get("/sdcpp/v1/capabilities", deadline), Doing::asking);
  if (!answer) co_return fail(answer.error());
  std::vector<LoadedModel> loaded;
  if (!models.empty()) loaded.push_back({models.front().id, models.front().planned});
  co_return loaded;
}

// Nothing is known about the server but that it works: the smallest work of the model's kind.
net::Task<Result<LoadReport>> load_plain(SharedSite site, EngineModel model, Duration deadline) {
  LoadReport report{.vram = {}, .took = {}};
  if (model.medium == Medium::text) {
    const auto answered = co_await ask_first_token(site, std::move(model), deadline);
    if (!answered) co_return fail(answered.error());
    co_return report;
  }
  EngineAsk request =
      model.medium == Medium::image
          ? post("/v1/images/generations",
                 wire::image_request({.model = model.upstream,
                                      .prompt = "a grey square",
                                      .options = model.run_options}),
                 deadline)
          : post("/v1/audio/speech", wire::speech_request(model.upstream, "a", model.run_options),
                 deadline);
  const auto answer = co_await ask(site, std::move(request), Doing::loading);
  if (!answer) co_return fail(answer.error());
  co_return report;
}

}  // namespace

net::Task<Result<LoadReport>> load(SharedSite site, EngineModel model, Duration deadline) {
  const auto flavour = co_await flavour_of(site, deadline);
  if (!flavour) co_return fail(flavour.error());
  switch (*flavour) {
    case OpenAiFlavour::llama_cpp:
      co_return co_await load_llama(site, std::move(model), deadline);
    case OpenAiFlavour::llama_cpp_router:
      co_return co_await load_routed(site, std::move(model), deadline);
    case OpenAiFlavour::vllm:
      co_return co_await load_vllm(site, std::move(model), deadline);
    case OpenAiFlavour::localai:
      co_return co_await load_localai(site, std::move(model), deadline);
    case OpenAiFlavour::sd_cpp:
      co_return co_await load_sd(site, deadline);
    case OpenAiFlavour::lm_studio:
      co_return co_await load_studio(site, std::move(model), deadline);
    case OpenAiFlavour::plain:
      break;
  }
  co_return co_await load_plain(site, std::move(model), deadline);
}

net::Task<Result<void>> unload(SharedSite site, EngineModel model, Duration deadline) {
  const auto flavour = co_await flavour_of(site, deadline);
  if (!flavour) co_return fail(flavour.error());
  switch (*flavour) {
    case OpenAiFlavour::llama_cpp_router:
      co_return co_await unload_routed(site, std::move(model), deadline);
    case OpenAiFlavour::vllm:
      co_return co_await unload_vllm(site, deadline);
    case OpenAiFlavour::localai:
      co_return co_await unload_localai(site, std::move(model), deadline);
    case OpenAiFlavour::lm_studio:
      co_return co_await unload_studio(site, std::move(model), deadline);
    case OpenAiFlavour::llama_cpp:
    case OpenAiFlavour::sd_cpp:
    case OpenAiFlavour::plain:
      break;
  }
  co_return cannot_unload();
}

net::Task<Result<std::vector<LoadedModel>>> observe(SharedSite site,
                                                    std::vector<EngineModel> models,
                                                    Duration deadline) {
  const auto flavour = co_await flavour_of(site, deadline);
  if (!flavour) co_return fail(flavour.error());
  switch (*flavour) {
    case OpenAiFlavour::llama_cpp:
      co_return co_await observe_llama(site, std::move(models), deadline);
    case OpenAiFlavour::llama_cpp_router:
      co_return co_await observe_routed(site, std::move(models), deadline);
    case OpenAiFlavour::vllm:
      co_return co_await observe_vllm(site, std::move(models), deadline);
    case OpenAiFlavour::localai:
      co_return co_await observe_localai(site, std::move(models), deadline);
    case OpenAiFlavour::sd_cpp:
      co_return co_await observe_sd(site, std::move(models), deadline);
    case OpenAiFlavour::lm_studio:
      co_return co_await observe_studio(site, std::move(models), deadline);
    case OpenAiFlavour::plain:
      break;
  }
  co_return fail(ErrorCode::bad_request, "the engine does not tell what it holds");
}

}  // namespace stoker::openai
