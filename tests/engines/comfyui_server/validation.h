// What POST /prompt refuses: the validation of a prompt against the node classes.
//
// Purpose: the errors and node_errors of a submission, and which output nodes would run.
// Threading: pure function of its arguments.
// Errors: a refusal is a value; prompts of any shape are accepted as input.
#pragma once

#include <boost/json.hpp>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/engines/comfyui_server/node_classes.h"

namespace stoker::engines::comfyui {

// Which releases of ComfyUI are played.
enum class Era : std::uint8_t {
  established,  // 0.3.64 and around: any prompt_id, invalid_prompt, classic cache
  recent,       // 0.38 and around: UUIDs only, missing_node_type, RAM-pressure cache, job routes
};

struct ValidationSubject {
  const NodeTable& table;
  const Folders& folders;
  Era era = Era::recent;
  // Whether LoadImage would find that input file.
  std::function<bool(std::string_view name)> has_picture;
  // Output nodes to look at; absent: all.
  std::optional<std::vector<std::string>> targets = {};
};

struct Verdict {
  std::optional<json::object>
      error;                         // {"type","message","details","extra_info"}; the answer is 400
  json::object node_errors;          // may be filled on success, too
  std::vector<std::string> outputs;  // valid output nodes
};

Verdict validate(const json::object& prompt, const ValidationSubject& subject);

// The link of an input value ["4", 0]; nullopt for a literal.
struct Link {
  std::string node;
  std::size_t slot = 0;
};
std::optional<Link> as_link(const json::value& value);
// A two-element array that is not written as {"__value__": […]}.
bool looks_like_link(const json::value& value);
// The literal, with {"__value__": x} unwrapped.
json::value literal_of(const json::value& value);

// The node `id` of the prompt, its class and its inputs; null where there is none.
const json::object* node_of(const json::object& prompt, std::string_view id);
std::string class_of(const json::object& node);
const json::object& inputs_of(const json::object& node);

}  // namespace stoker::engines::comfyui
