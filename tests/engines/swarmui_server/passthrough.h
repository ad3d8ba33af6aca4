// /ComfyBackendDirect: everything below it is handed to the ComfyUI server behind.
//
// Threading: network thread. Limits: bodies up to kEngineBodyBytesMax.
// Errors: without a ComfyUI behind, 400 with an HTML page.
#pragma once

#include <memory>
#include <string>

#include "net/http_client.h"
#include "net/http_server.h"
#include "tests/engines/swarmui_server/outlet.h"
#include "tests/engines/swarmui_server/state.h"

namespace stoker::engines::swarmui {

class Passthrough {
 public:
  explicit Passthrough(State& state)
      : state_(state), client_(net::HttpClient::create(state.network)) {}

  net::Task<void> answer(net::Exchange& exchange, const std::string& body);
  // What FreeBackendMemory and the idle cleaner send to the ComfyUI.
  net::Task<void> free(bool whole);

 private:
  bool has_backend() const;
  bool refused(const net::RequestHead& head) const;
  net::Task<void> forward(net::Exchange& exchange, const std::string& body);
  net::Task<void> bridge(net::Exchange& exchange);

  State& state_;
  std::shared_ptr<net::HttpClient> client_;
};

}  // namespace stoker::engines::swarmui
