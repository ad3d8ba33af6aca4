// Which server it is, and what it says of itself.
#include <algorithm>
#include <array>
#include <utility>

#include "backends/openai/openai_calls.h"
#include "protocol/json_access.h"
#include "protocol/openai/errors.h"

namespace stoker {
namespace {

constexpr std::array<std::string_view, kOpenAiFlavourCount> kFlavourNames = {
    "llama_cpp", "llama_cpp_router", "vllm", "localai", "sd_cpp", "lm_studio", "plain"};

}  // namespace

std::string_view openai_flavour_name(OpenAiFlavour flavour) {
  return kFlavourNames[static_cast<std::size_t>(flavour)];
}

std::optional<OpenAiFlavour> openai_flavour_from_name(std::string_view name) {
  const auto found = std::ranges::find(kFlavourNames, name);
  if (found == kFlavourNames.end()) return std::nullopt;
  return static_cast<OpenAiFlavour>(found - kFlavourNames.begin());
}

}  // namespace stoker

namespace stoker::openai {
namespace {

namespace wire = protocol::openai;

constexpr int kUnavailable = 503;

// The most particular ones first: some answer the routes of others.
constexpr std::array<OpenAiFlavour, kOpenAiFlavourCount> kOrder = {OpenAiFlavour::llama_cpp_router,
                                                                   OpenAiFlavour::llama_cpp,
                                                                   OpenAiFlavour::sd_cpp,
                                                                   OpenAiFlavour::localai,
                                                                   OpenAiFlavour::vllm,
                                                                   OpenAiFlavour::lm_studio,
                                                                   OpenAiFlavour::plain};

// What a server says once it is known which one it is.
struct Identity {
  OpenAiFlavour flavour = OpenAiFlavour::plain;
  std::string version;
  bool idle_unloaded = false;
};
using Identified = Result<std::optional<Identity>>;

std::string versioned(std::string_view name, std::string_view version) {
  std::string text(name);
  if (!version.empty()) text += " " + std::string(version);
  return text;
}

bool is_loading(const EngineAnswer& answer) {
  return answer.status == kUnavailable &&
         wire::trouble_of(wire::read_error(std::string_view(answer.body))) == "loading";
}

net::Task<Identified> identify_router(SharedSite site, Duration deadline) {
  const auto models = co_await ask_any(site, get("/models", deadline));
  if (!models) co_return fail(models.error());
  const auto listed =
      models->ok() ? wire::parse_models(models->body) : Result<std::vector<wire::ListedModel>>();
  const bool any_status = listed && std::ranges::any_of(*listed, [](const auto& model) {
                            return !model.status.empty();
                          });
  const auto answer = co_await ask_any(site, get("/props", deadline));
  if (!answer) co_return fail(answer.error());
  const auto props = answer->ok() ? wire::parse_props(answer->body) : std::nullopt;
  if (!any_status && !(props && props->router)) co_return std::nullopt;
  co_return Identity{.flavour = OpenAiFlavour::llama_cpp_router,
                     .version = versioned("llama.cpp", props ? props->build : std::string())};
}

net::Task<Identified> identify_llama(SharedSite site, Duration deadline) {
  const auto health = co_await ask_any(site, get("/health", deadline));
  if (!health) co_return fail(health.error());
  if (is_loading(*health)) {
    co_return Identity{.flavour = OpenAiFlavour::llama_cpp, .version = "llama.cpp"};
  }
  const auto answer = co_await ask_any(site, get("/props", deadline));
  if (!answer) co_return fail(answer.error());
  const auto props = answer->ok() ? wire::parse_props(answer->body) : std::nullopt;
  if (!props || props->router) co_return std::nullopt;
  co_return Identity{.flavour = OpenAiFlavour::llama_cpp,
                     .version = versioned("llama.cpp", props->build),
                     .idle_unloaded = props->sleeping};
}

net::Task<Identified> identify_sd(SharedSite site, Duration deadline) {
  const auto answer = co_await ask_any(site, get("/sdcpp/v1/capabilities", deadline));
  if (!answer) co_return fail(answer.error());
  if (!answer->ok() || !wire::is_plain_object(answer->body)) co_return std::nullopt;
  co_return Identity{.flavour = OpenAiFlavour::sd_cpp, .version = "stable-diffusion.cpp"};
}

net::Task<Identified> identify_localai(SharedSite site, Duration deadline) {
  const auto answer = co_await ask_any(site, get("/readyz", deadline));
  if (!answer) co_return fail(answer.error());
  const bool starting = answer->status == kUnavailable && wire::is_plain_object(answer->body);
  const bool ready = answer->ok() && (answer->body == "OK" || wire::is_plain_object(answer->body));
  if (!starting && !ready) co_return std::nullopt;
  const auto version = co_await ask_any(site, get("/version", deadline));
  if (!version) co_return fail(version.error());
  const auto told = version->ok() ? wire::parse_version(version->body) : std::nullopt;
  co_return Identity{.flavour = OpenAiFlavour::localai,
                     .version = versioned("LocalAI", told.value_or(""))};
}

net::Task<Identified> identify_vllm(SharedSite site, Duration deadline) {
  const auto answer = co_await ask_any(site, get("/version", deadline));
  if (!answer) co_return fail(answer.error());
  const auto version = answer->ok() ? wire::parse_version(answer->body) : std::nullopt;
  if (!version) co_return std::nullopt;
  const auto models = co_await ask_any(site, get("/v1/models", deadline));
  if (!models) co_return fail(models.error());
  const auto listed =
      models->ok() ? wire::parse_models(models->body) : Result<std::vector<wire::ListedModel>>();
  const bool owned = listed && std::ranges::any_of(*listed, [](const auto& model) {
                       return model.owner == "vllm" || model.has_context;
                     });
  if (!owned) co_return std::nullopt;
  co_return Identity{.flavour = OpenAiFlavour::vllm, .version = versioned("vLLM", *version)};
}

net::Task<Identified> identify_studio(SharedSite site, Duration deadline) {
  const auto answer = co_await ask_any(site, get("/api/v1/models", deadline));
  if (!answer) co_return fail(answer.error());
  if (!answer->ok() || !wire::parse_studio_models(answer->body)) co_return std::nullopt;
  co_return Identity{.flavour = OpenAiFlavour::lm_studio, .version = "LM Studio"};
}

// Whatever speaks /v1; what does not have the list may still speak the rest.
net::Task<Identified> identify_plain(SharedSite site, Duration deadline) {
  const auto answer = co_await ask_any(site, get("/v1/models", deadline));
  if (!answer) co_return fail(answer.error());
  const bool without_list = answer->status == 404 || answer->status == 405;
  if (!answer->ok() && !without_list) co_return fail(error_of(*answer, Doing::asking));
  if (answer->ok()) {
    const auto models = wire::parse_models(answer->body);
    if (!models) co_return fail(models.error());
  }
  co_return Identity{.flavour = OpenAiFlavour::plain, .version = "OpenAI-compatible"};
}

net::Task<Identified> identify(SharedSite site, OpenAiFlavour flavour, Duration deadline) {
  switch (flavour) {
    case OpenAiFlavour::llama_cpp:
      return identify_llama(std::move(site), deadline);
    case OpenAiFlavour::llama_cpp_router:
      return identify_router(std::move(site), deadline);
    case OpenAiFlavour::vllm:
      return identify_vllm(std::move(site), deadline);
    case OpenAiFlavour::localai:
      return identify_localai(std::move(site), deadline);
    case OpenAiFlavour::sd_cpp:
      return identify_sd(std::move(site), deadline);
    case OpenAiFlavour::lm_studio:
      return identify_studio(std::move(site), deadline);
    case OpenAiFlavour::plain:
      break;
  }
  return identify_plain(std::move(site), deadline);
}

net::Task<Result<Identity>> detect(SharedSite site, Duration deadline) {
  if (const auto known = site->flavour(); known && *known != OpenAiFlavour::plain) {
    auto identity = co_await identify(site, *known, deadline);
    if (!identity) co_return fail(identity.error());
    if (*identity) co_return **std::move(identity);
    if (site->options().flavour) {
      co_return fail(ErrorCode::backend_down, "the engine is not what the configuration says",
                     "flavour");
    }
  }
  if (site->options().flavour == OpenAiFlavour::plain) {
    auto identity = co_await identify_plain(site, deadline);
    if (!identity) co_return fail(identity.error());
    co_return **std::move(identity);
  }
  for (const OpenAiFlavour flavour : kOrder) {
    auto identity = co_await identify(site, flavour, deadline);
    if (!identity) co_return fail(identity.error());
    if (!*identity) continue;
    site->set_flavour(flavour);
    co_return **std::move(identity);
  }
  co_return fail(ErrorCode::internal, "the engine is not understood");
}

net::Task<Result<std::vector<OfferedModel>>> list_studio(SharedSite site, Duration deadline) {
  const auto answer = co_await ask(site, get("/api/v1/models", deadline), Doing::asking);
  if (!answer) co_return fail(answer.error());
  const auto models = wire::parse_studio_models(answer->body);
  if (!models) co_return fail(ErrorCode::internal, "the engine's answer is not understood: models");
  std::vector<OfferedModel> offered;
  for (const wire::StudioModel& model : *models) {
    offered.push_back({model.key, model.bytes, !model.instances.empty()});
  }
  co_return offered;
}

}  // namespace

Site::Site(net::Network& network, OpenAiOptions options)
    : options_(std::move(options)),
      http_(std::make_shared<EngineHttp>(network, options_.url, options_.key)) {
  if (options_.flavour) set_flavour(*options_.flavour);
}

std::optional<OpenAiFlavour> Site::flavour() const {
  const int flavour = flavour_.load();
  if (flavour == kUnknown) return std::nullopt;
  return static_cast<OpenAiFlavour>(flavour);
}

net::Task<Result<OpenAiFlavour>> flavour_of(SharedSite site, Duration deadline) {
  if (const auto known = site->flavour()) co_return *known;
  const auto identity = co_await detect(site, deadline);
  if (!identity) co_return fail(identity.error());
  co_return identity->flavour;
}

net::Task<Result<ProbeReport>> probe(SharedSite site, Duration deadline) {
  auto identity = co_await detect(site, deadline);
  if (!identity) co_return fail(identity.error());
  ProbeReport report{.version = std::move(identity->version)};
  bool can_unload = true;
  switch (identity->flavour) {
    case OpenAiFlavour::llama_cpp:
    case OpenAiFlavour::sd_cpp:
      can_unload = false;
      report.holds_max = 1;
      break;
    case OpenAiFlavour::plain:
      can_unload = false;
      break;
    case OpenAiFlavour::vllm: {
      const auto asleep = co_await sleeping(site, deadline);
      if (!asleep) co_return fail(asleep.error());
      can_unload = asleep->has_value();
      report.holds_max = 1;
      break;
    }
    case OpenAiFlavour::llama_cpp_router:
    case OpenAiFlavour::localai:
    case OpenAiFlavour::lm_studio:
      break;
  }
  report.granularity = can_unload ? EvictionGranularity::model : EvictionGranularity::self;
  if (!can_unload) report.remarks.push_back(EngineRemark::cannot_unload);
  if (identity->idle_unloaded) report.remarks.push_back(EngineRemark::unloads_when_idle);
  co_return report;
}

net::Task<Result<std::vector<OfferedModel>>> list(SharedSite site, Duration deadline) {
  const auto flavour = co_await flavour_of(site, deadline);
  if (!flavour) co_return fail(flavour.error());
  if (*flavour == OpenAiFlavour::lm_studio) co_return co_await list_studio(site, deadline);
  const auto models = co_await listed_models(site, "/v1/models", deadline);
  if (!models) co_return fail(models.error());
  const bool holds_what_it_lists = *flavour == OpenAiFlavour::llama_cpp ||
                                   *flavour == OpenAiFlavour::vllm ||
                                   *flavour == OpenAiFlavour::sd_cpp;
  std::vector<OfferedModel> offered;
  for (const wire::ListedModel& model : *models) {
    offered.push_back({model.id, 0, holds_what_it_lists || model.status == "loaded"});
  }
  co_return offered;
}

}  // namespace stoker::openai
