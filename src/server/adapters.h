// From a configured engine to its adapter: the one place that names them.
//
// Threading: on the loop, or before it runs. Ownership: the adapter borrows loop and network.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "backends/engine_model.h"
#include "base/loop.h"
#include "net/http.h"
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

struct Adapter {
  std::unique_ptr<Backend> backend;
  std::function<void(std::vector<EngineModel>)> set_models;
};

// `engine.info.kind` is one of ollama, openai, comfyui, swarmui.
Adapter make_adapter(const AdapterPlace& place, const EngineSetup& engine, net::Url url,
                     std::vector<EngineModel> models);

}  // namespace stoker::server
