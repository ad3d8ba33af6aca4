// Loading, unloading and observing, one form for each kind of server.
//
// Threading: network thread. Limits and errors: as in openai_calls.h.
#pragma once

#include "backends/openai/openai_calls.h"

namespace stoker::openai {

// A request of one token: the engine loads what it needs for it.
net::Task<Result<void>> ask_first_token(SharedSite site, EngineModel model, Duration deadline);

// openai_llama.cc: llama.cpp alone and as a router
net::Task<Result<LoadReport>> load_llama(SharedSite site, EngineModel model, Duration deadline);
net::Task<Result<std::vector<LoadedModel>>> observe_llama(SharedSite site,
                                                          std::vector<EngineModel> models,
                                                          Duration deadline);
net::Task<Result<LoadReport>> load_routed(SharedSite site, EngineModel model, Duration deadline);
net::Task<Result<void>> unload_routed(SharedSite site, EngineModel model, Duration deadline);
net::Task<Result<std::vector<LoadedModel>>> observe_routed(SharedSite site,
                                                           std::vector<EngineModel> models,
                                                           Duration deadline);

// openai_named.cc: LocalAI and LM Studio
net::Task<Result<LoadReport>> load_localai(SharedSite site, EngineModel model, Duration deadline);
net::Task<Result<void>> unload_localai(SharedSite site, EngineModel model, Duration deadline);
net::Task<Result<std::vector<LoadedModel>>> observe_localai(SharedSite site,
                                                            std::vector<EngineModel> models,
                                                            Duration deadline);
net::Task<Result<LoadReport>> load_studio(SharedSite site, EngineModel model, Duration deadline);
net::Task<Result<void>> unload_studio(SharedSite site, EngineModel model, Duration deadline);
net::Task<Result<std::vector<LoadedModel>>> observe_studio(SharedSite site,
                                                           std::vector<EngineModel> models,
                                                           Duration deadline);

}  // namespace stoker::openai
