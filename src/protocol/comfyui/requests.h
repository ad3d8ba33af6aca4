// What is asked of a ComfyUI: bodies and targets.
//
// Threading: pure functions.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace stoker::protocol::comfyui {

// A file as the engine names it.
struct FileName {
  std::string filename;
  std::string subfolder;
  std::string type = "output";  // output, temp, input
  friend bool operator==(const FileName&, const FileName&) = default;
};

struct PromptRequest {
  std::string_view graph;  // an API-format workflow, JSON
  std::string_view client_id;
  std::string_view prompt_id;
};
std::string prompt_body(const PromptRequest& request);

std::string delete_body(std::span<const std::string> prompt_ids);  // of /queue and /history
std::string interrupt_body(std::string_view prompt_id);
std::string free_body();  // everything: weights and the cache of nodes

// "/view?filename=…": filename comes first, some proxies look for exactly that.
std::string view_target(const FileName& file);
std::string history_target(std::string_view prompt_id);
std::string newest_history_target();  // the newest entry only
std::string socket_target(std::string_view client_id);
std::string models_target(std::string_view folder);

// Everything but letters, digits and "-._~" as %XX.
std::string percent_encode(std::string_view text);
// The same for each part of a path; slashes stay.
std::string percent_encode_path(std::string_view path);

}  // namespace stoker::protocol::comfyui
