#include "server/adapters.h"

#include "backends/comfyui/comfyui_backend.h"
#include "backends/ollama/ollama_backend.h"

namespace stoker::server {
namespace {

template <class Kind, class Options>
Adapter adapter_of(const AdapterPlace& place, Options options, std::vector<EngineModel> models) {
  auto backend =
      std::make_unique<Kind>(place.loop, place.network, std::move(options), std::move(models));
  Kind* kind = backend.get();
  return {std::move(backend),
          [kind](std::vector<EngineModel> list) { kind->set_models(std::move(list)); }};
}

}  // namespace

Adapter make_adapter(const AdapterPlace& place, const EngineSetup& engine, net::Url url,
                     std::vector<EngineModel> models) {
  const bool in_main_memory = place.memory == CardSource::host;
  if (engine.info.kind == "ollama") {
    OllamaOptions options{.id = engine.info.id, .url = std::move(url), .key = place.key};
    options.slots = engine.info.slots;
    options.memory = in_main_memory ? OllamaMemory::host : OllamaMemory::card;
    return adapter_of<OllamaBackend>(place, std::move(options), std::move(models));
  }
  ComfyUiOptions options{.id = engine.info.id, .url = std::move(url), .key = place.key};
  options.slots = engine.info.slots;
  options.salt = place.salt;
  options.memory = in_main_memory ? ComfyUiMemory::host : ComfyUiMemory::card;
  options.granularity = engine.info.granularity;
  return adapter_of<ComfyUiBackend>(place, std::move(options), std::move(models));
}

}  // namespace stoker::server
