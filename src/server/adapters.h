// From a configured engine to its adapter: the one place that names them.
//
// Threading: adapters are made on the loop, or before it runs. Ownership: they borrow loop and network.
#pragma once

#include <string>

#include "backends/process/managed_backend.h"
#include "base/loop.h"
#include "net/network.h"
#include "server/config/engine_setup.h"

namespace stoker::server {

struct AdapterPlace {
  Loop& loop;
  net::Network& network;
  std::string key;   // what the engine wants to be shown
  std::string salt;  // the same in every life of this installation
  CardSource memory = CardSource::nvidia;
};

// What the engine wants to be shown, from its file or the environment; empty: nothing. bad_request names the backend.
Result<std::string> engine_key(const EngineSetup& engine);

// `engine.info.kind` is one of ollama, openai, comfyui, swarmui.
EngineAdapters adapters_for(const AdapterPlace& place, const EngineSetup& engine);

}  // namespace stoker::server
