// Which engines answer, at their usual addresses or where an operator says.
//
// Threading: blocks until every address has answered or its deadline has passed; no loop may run on this thread.
// Limits: kSearchMax for the first answer of each, all at once; kListMax for its list of models.
// Errors: none; what does not answer is not in the list.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/doctor/machine_findings.h"

namespace stoker::server {

inline constexpr Duration kSearchMax = seconds(4);
inline constexpr Duration kListMax = seconds(15);

struct EnginePlace {
  std::string kind;
  std::string url;
  std::string flavour = {};  // of kind openai; empty: found out
  std::string key = {};      // that it wants to be shown
};

// On this machine, where the engines listen unless told otherwise.
std::vector<EnginePlace> usual_places();

// "comfyui=http://127.0.0.1:8188"
std::optional<EnginePlace> parse_engine_place(std::string_view text);

std::vector<FoundEngine> find_engines(const std::vector<EnginePlace>& places);

}  // namespace stoker::server
