// What is asked of a SwarmUI: bodies of POST /API/NAME and the first message of its websockets.
//
// Threading: pure functions. Every body is a JSON object, so it has a Content-Length above zero, which the server wants.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/options.h"

namespace stoker::protocol::swarmui {

struct Generation {
  std::string_view session;
  std::string_view model;  // exactly as ListModels names it
  std::string_view prompt;
  std::uint64_t seed = 0;  // the lower 63 bits go there, the server has signed ones
  // Parameters at the root, by the server's own ids: width, steps, cfgscale. Nothing else than an option may replace
  // session, model, prompt, seed and images.
  Options options;
};

std::string generate_body(const Generation& generation);
std::string session_body(std::string_view session);  // of routes that want nothing else
std::string list_models_body(std::string_view session);
std::string select_model_body(std::string_view session, std::string_view model);
std::string free_memory_body(std::string_view session);  // all backends, main memory too
std::string interrupt_body(std::string_view session);    // of this session only
std::string list_backends_body(std::string_view session);

// "/API/GetNewSession"
std::string route(std::string_view name);
// "View/local/raw/a cat.png" as a target; empty: it is no path below /View/.
std::string view_target(std::string_view path);

}  // namespace stoker::protocol::swarmui
