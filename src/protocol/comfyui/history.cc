#include "protocol/comfyui/history.h"

#include <algorithm>

#include "protocol/comfyui/json_reading.h"

namespace stoker::protocol::comfyui {
namespace {

namespace json = boost::json;

// The nth animated flag of an output, where there is one.
bool is_animated(const json::object& output, std::size_t index) {
  const json::array* flags = array_in(output, "animated");
  if (flags == nullptr || index >= flags->size()) return false;
  return (*flags)[index].is_bool() && (*flags)[index].get_bool();
}

void add_item(HistoryEntry& entry, const std::string& node, std::string_view kind,
              const json::value& item, bool animated) {
  if (const json::string* text = item.if_string(); text != nullptr && kind == "text") {
    entry.texts.push_back({node, std::string(*text)});
    return;
  }
  const json::object* file = item.if_object();
  if (file == nullptr) return;
  const auto filename = text_in(*file, "filename");
  if (!filename || filename->empty()) return;
  entry.files.push_back(
      {.node = node,
       .kind = std::string(kind),
       .name = {.filename = std::string(*filename),
                .subfolder = std::string(text_in(*file, "subfolder").value_or("")),
                .type = std::string(text_in(*file, "type").value_or("output"))},
       .animated = animated});
}

void read_outputs(HistoryEntry& entry, const json::object& outputs) {
  for (const auto& node : outputs) {
    const json::object* output = node.value().if_object();
    if (output == nullptr) continue;
    for (const auto& kind : *output) {
      const json::array* items = kind.value().if_array();
      if (items == nullptr) continue;
      std::size_t index = 0;
      for (const json::value& item : *items) {
        add_item(entry, std::string(node.key()), {kind.key().data(), kind.key().size()}, item,
                 is_animated(*output, index++));
      }
    }
  }
}

void read_message(HistoryEntry& entry, std::string_view kind, const json::object& data) {
  if (kind == "execution_error") {
    const ExecutionFault fault = fault_of(data);
    if (fault.blocked) return;
    entry.end = RunEnd::failed;
    entry.fault = fault;
  }
  if (kind == "execution_interrupted") entry.end = RunEnd::interrupted;
  if (kind != "execution_cached") return;
  const json::array* nodes = array_in(data, "nodes");
  if (nodes == nullptr) return;
  for (const json::value& node : *nodes) {
    if (const json::string* id = node.if_string()) entry.cached_nodes.emplace_back(*id);
  }
}

// The messages tell the truth; status_str may be stale.
void read_status(HistoryEntry& entry, const json::object& status) {
  if (text_in(status, "status_str") == "error") entry.end = RunEnd::failed;
  const json::array* messages = array_in(status, "messages");
  if (messages == nullptr) return;
  for (const json::value& each : *messages) {
    const json::array* message = each.if_array();
    if (message == nullptr || message->size() < 2) continue;
    const json::string* kind = (*message)[0].if_string();
    const json::object* data = (*message)[1].if_object();
    if (kind != nullptr && data != nullptr) read_message(entry, view(*kind), *data);
  }
}

double number_of_entry(const json::object& entry) {
  const json::array* prompt = array_in(entry, "prompt");
  if (prompt == nullptr || prompt->empty()) return 0;
  return number_of((*prompt)[0]).value_or(0);
}

}  // namespace

Result<std::optional<HistoryEntry>> parse_history(std::string_view body,
                                                  std::string_view prompt_id) {
  const auto answer = parse_object(body);
  if (!answer) return fail(ErrorCode::backend_down, "the engine's history is unreadable");
  const json::object* found = object_in(*answer, prompt_id);
  if (found == nullptr) return std::optional<HistoryEntry>();
  HistoryEntry entry;
  entry.number = number_of_entry(*found);
  if (const json::object* status = object_in(*found, "status")) read_status(entry, *status);
  if (const json::object* outputs = object_in(*found, "outputs")) read_outputs(entry, *outputs);
  return std::optional(std::move(entry));
}

Result<std::optional<double>> newest_number(std::string_view body) {
  const auto answer = parse_object(body);
  if (!answer) return fail(ErrorCode::backend_down, "the engine's history is unreadable");
  std::optional<double> newest;
  for (const auto& pair : *answer) {
    const json::object* entry = pair.value().if_object();
    if (entry == nullptr) continue;
    newest = std::max(newest.value_or(number_of_entry(*entry)), number_of_entry(*entry));
  }
  return newest;
}

}  // namespace stoker::protocol::comfyui
