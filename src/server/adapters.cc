#include "server/adapters.h"

#include <cstdlib>

#include "backends/comfyui/comfyui_backend.h"
#include "backends/ollama/ollama_backend.h"
#include "backends/openai/openai_backend.h"
#include "backends/swarmui/swarmui_backend.h"
#include "server/links.h"

namespace stoker::server {
namespace {

constexpr std::size_t kKeyBytesMaxOfEngine = 4096;

template <class Kind, class Options>
EngineAdapters adapters_of(const AdapterPlace& place, const Options& options) {
  return {.make = [&loop = place.loop, &network = place.network, options](
                      net::Url url,
                      const std::vector<EngineModel>& models) -> std::unique_ptr<Backend> {
            Options own = options;
            own.url = std::move(url);
            return std::make_unique<Kind>(loop, network, std::move(own), models);
          },
          .set_models =
              [](Backend& backend, const std::vector<EngineModel>& models) {
                static_cast<Kind&>(backend).set_models(models);
              }};
}

}  // namespace

Result<std::string> engine_key(const EngineSetup& engine) {
  if (!engine.key_file.empty()) {
    auto key = read_private_file(engine.key_file, kKeyBytesMaxOfEngine);
    if (key) return key;
    return fail(ErrorCode::bad_request,
                "the key of backend \"" + engine.info.name + "\": " + key.error().detail);
  }
  if (engine.key_env.empty()) return std::string();
  const char* value = std::getenv(engine.key_env.c_str());
  if (value != nullptr) return std::string(value);
  return fail(ErrorCode::bad_request, "the key of backend \"" + engine.info.name +
                                          "\": the environment has no " + engine.key_env);
}

EngineAdapters adapters_for(const AdapterPlace& place, const EngineSetup& engine) {
  const bool in_main_memory = place.memory == CardSource::host;
  const BackendInfo& info = engine.info;
  if (info.kind == "ollama") {
    OllamaOptions options{.id = info.id, .url = {}, .key = place.key, .slots = info.slots};
    options.memory = in_main_memory ? OllamaMemory::host : OllamaMemory::card;
    return adapters_of<OllamaBackend>(place, options);
  }
  if (info.kind == "comfyui") {
    ComfyUiOptions options{.id = info.id, .url = {}, .key = place.key, .slots = info.slots};
    options.salt = place.salt;
    options.memory = in_main_memory ? ComfyUiMemory::host : ComfyUiMemory::card;
    options.granularity = info.granularity;
    return adapters_of<ComfyUiBackend>(place, options);
  }
  if (info.kind == "swarmui") {
    SwarmUiOptions options{.id = info.id, .url = {}, .key = place.key, .slots = info.slots};
    options.granularity = info.granularity;
    return adapters_of<SwarmUiBackend>(place, options);
  }
  OpenAiOptions options{.id = info.id, .url = {}, .key = place.key, .slots = info.slots};
  options.flavour = openai_flavour_from_name(engine.flavour);
  return adapters_of<OpenAiBackend>(place, options);
}

}  // namespace stoker::server
