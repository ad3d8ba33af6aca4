#include "protocol/comfyui/prompt_answer.h"

#include <algorithm>

#include "protocol/comfyui/json_reading.h"
#include "protocol/comfyui/model_names.h"

namespace stoker::protocol::comfyui {
namespace {

namespace json = boost::json;

constexpr std::size_t kNodesToldMax = 4;
constexpr std::size_t kWordBytesMax = 80;

// A word of the engine's: an identifier, never a sentence.
std::string word(std::optional<std::string_view> text) {
  if (!text || text->empty()) return "?";
  const bool plain = std::ranges::all_of(*text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == ':' || c == '.' || c == '(' || c == ')' || c == ' ' || c == '+';
  });
  return plain ? std::string(text->substr(0, kWordBytesMax)) : "?";
}

struct NodeTrouble {
  std::string detail;
  std::string missing_file;
  std::string node_class;
};

// The file that an input wanted and the engine does not have.
std::string missing_file(const json::object& error) {
  if (text_in(error, "type") != "value_not_in_list") return {};
  const json::object* extra = object_in(error, "extra_info");
  if (extra == nullptr) return {};
  const auto value = text_in(*extra, "received_value");
  return value && is_weights_name(*value) ? std::string(*value) : std::string();
}

NodeTrouble trouble_of(std::string_view id, const json::object& node) {
  NodeTrouble trouble;
  trouble.node_class = word(text_in(node, "class_type"));
  trouble.detail = "node " + word(id) + " " + trouble.node_class;
  const json::array* errors = array_in(node, "errors");
  if (errors == nullptr) return trouble;
  for (const json::value& each : *errors) {
    const json::object* error = each.if_object();
    if (error == nullptr) continue;
    const json::object* extra = object_in(*error, "extra_info");
    trouble.detail += ": " + word(text_in(*error, "type"));
    if (extra != nullptr && text_in(*extra, "input_name")) {
      trouble.detail += " (" + word(text_in(*extra, "input_name")) + ")";
    }
    if (trouble.missing_file.empty()) trouble.missing_file = missing_file(*error);
  }
  return trouble;
}

std::unexpected<Error> refusal(const json::object& answer) {
  const json::object* error = object_in(answer, "error");
  const std::string kind =
      error == nullptr ? word(text_in(answer, "error")) : word(text_in(*error, "type"));
  std::string detail = "the engine refuses the workflow: " + kind;
  std::string file;
  std::string subject;
  if (error != nullptr) {
    const json::object* extra = object_in(*error, "extra_info");
    if (extra != nullptr && text_in(*extra, "class_type")) {
      subject = word(text_in(*extra, "class_type"));
      detail += " " + subject;
    }
  }
  const json::object* nodes = object_in(answer, "node_errors");
  std::size_t told = 0;
  for (const auto& pair : nodes == nullptr ? json::object() : *nodes) {
    const json::object* node = pair.value().if_object();
    if (node == nullptr || ++told > kNodesToldMax) continue;
    const NodeTrouble trouble = trouble_of({pair.key().data(), pair.key().size()}, *node);
    detail += "; " + trouble.detail;
    if (file.empty()) file = trouble.missing_file;
    if (subject.empty()) subject = trouble.node_class;
  }
  if (!file.empty()) return fail(ErrorCode::unknown_model, detail, file);
  return fail(ErrorCode::bad_request, detail, subject.empty() ? kind : subject);
}

std::vector<std::string> dropped_outputs(const json::object& answer) {
  std::vector<std::string> dropped;
  const json::object* nodes = object_in(answer, "node_errors");
  for (const auto& pair : nodes == nullptr ? json::object() : *nodes) {
    const json::object* node = pair.value().if_object();
    const json::array* outputs = node == nullptr ? nullptr : array_in(*node, "dependent_outputs");
    if (outputs == nullptr) continue;
    for (const json::value& output : *outputs) {
      const json::string* id = output.if_string();
      if (id == nullptr || std::ranges::find(dropped, view(*id)) != dropped.end()) continue;
      dropped.emplace_back(*id);
    }
  }
  return dropped;
}

}  // namespace

Result<PromptAccepted> parse_prompt_answer(int status, std::string_view body) {
  if (status == 413) return fail(ErrorCode::too_large, "the workflow is too large for the engine");
  const auto answer = parse_object(body);
  if (!answer || status >= 500) {
    return fail(ErrorCode::backend_down,
                "the engine answered " + std::to_string(status) + " to a workflow");
  }
  if (status != 200) return refusal(*answer);
  const auto id = text_in(*answer, "prompt_id");
  if (!id) return fail(ErrorCode::backend_down, "the engine took a workflow without naming it");
  return PromptAccepted{.prompt_id = std::string(*id),
                        .number = number_in(*answer, "number").value_or(0),
                        .dropped_outputs = dropped_outputs(*answer)};
}

}  // namespace stoker::protocol::comfyui
