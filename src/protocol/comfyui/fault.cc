#include "protocol/comfyui/fault.h"

#include <algorithm>
#include <cctype>

#include "protocol/comfyui/json_reading.h"

namespace stoker::protocol::comfyui {
namespace {

constexpr std::size_t kNameBytesMax = 120;

// A name of a class or a node: identifiers with dots, nothing that could carry a sentence.
std::string name_in(const boost::json::object& data, std::string_view key) {
  const auto text = text_in(data, key);
  if (!text || text->size() > kNameBytesMax) return "?";
  const bool plain = std::ranges::all_of(*text, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == ':' ||
           c == '-' || c == '(' || c == ')' || c == '+' || c == ' ';
  });
  return plain ? std::string(*text) : "?";
}

std::string lower(std::string_view text) {
  std::string small(text);
  for (char& c : small) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return small;
}

}  // namespace

ExecutionFault fault_of(const boost::json::object& data) {
  ExecutionFault fault{.node_id = name_in(data, "node_id"),
                       .node_class = name_in(data, "node_type"),
                       .kind = name_in(data, "exception_type")};
  const std::string message = lower(text_in(data, "exception_message").value_or(""));
  fault.out_of_memory = fault.kind.contains("OutOfMemory") || message.contains("out of memory") ||
                        message.starts_with("allocation on device");
  fault.blocked = fault.kind == "ExecutionBlocked";
  return fault;
}

Error error_of(const ExecutionFault& fault) {
  const std::string where = "node " + fault.node_id + " " + fault.node_class + ": " + fault.kind;
  if (fault.out_of_memory) {
    return {.code = ErrorCode::load_failed,
            .detail = "the engine ran out of memory at " + where,
            .param = "oom"};
  }
  return {.code = ErrorCode::internal,
          .detail = "the workflow failed at " + where,
          .param = fault.node_class};
}

}  // namespace stoker::protocol::comfyui
