#include "protocol/comfyui/events.h"

#include <array>
#include <utility>

#include "protocol/comfyui/json_reading.h"

namespace stoker::protocol::comfyui {
namespace {

namespace json = boost::json;

constexpr auto kKinds = std::to_array<std::pair<std::string_view, EventKind>>({
    {"status", EventKind::status},
    {"execution_start", EventKind::start},
    {"execution_cached", EventKind::cached},
    {"executing", EventKind::executing},
    {"progress", EventKind::progress},
    {"progress_state", EventKind::progress},
    {"executed", EventKind::executed},
    {"execution_success", EventKind::success},
    {"execution_error", EventKind::error},
    {"execution_interrupted", EventKind::interrupted},
});

void read_status(Event& event, const json::object& data) {
  event.sid = text_in(data, "sid").value_or("");
  const json::object* status = object_in(data, "status");
  const json::object* info = status == nullptr ? nullptr : object_in(*status, "exec_info");
  if (info != nullptr) event.queue_remaining = count_in(*info, "queue_remaining").value_or(0);
}

void read_nodes(Event& event, const json::object& data) {
  const json::array* nodes = array_in(data, "nodes");
  if (nodes == nullptr) return;
  for (const json::value& node : *nodes) {
    if (const json::string* id = node.if_string()) event.nodes.emplace_back(*id);
  }
}

// The node that is at work and has the most to do.
void read_progress_state(Event& event, const json::object& nodes) {
  for (const auto& pair : nodes) {
    const json::object* node = pair.value().if_object();
    if (node == nullptr || text_in(*node, "state") != "running") continue;
    const double max = number_in(*node, "max").value_or(0);
    if (max < event.max) continue;
    event.max = max;
    event.value = number_in(*node, "value").value_or(0);
    event.node = std::string(pair.key());
  }
}

void read_progress(Event& event, const json::object& data) {
  if (const json::object* nodes = object_in(data, "nodes")) {
    return read_progress_state(event, *nodes);
  }
  event.value = number_in(data, "value").value_or(0);
  event.max = number_in(data, "max").value_or(0);
}

std::uint32_t big_endian(std::string_view bytes) {
  std::uint32_t value = 0;
  for (const char c : bytes.substr(0, 4)) value = (value << 8U) | static_cast<unsigned char>(c);
  return value;
}

}  // namespace

Event parse_event(std::string_view frame) {
  Event event;
  const auto message = parse_object(frame);
  if (!message) return event;
  const auto type = text_in(*message, "type").value_or("");
  const json::object* data = object_in(*message, "data");
  if (data == nullptr) return event;
  for (const auto& [name, kind] : kKinds) {
    if (name == type) event.kind = kind;
  }
  event.prompt_id = text_in(*data, "prompt_id").value_or("");
  event.node = text_in(*data, "node").value_or("");
  if (event.kind == EventKind::status) read_status(event, *data);
  if (event.kind == EventKind::cached) read_nodes(event, *data);
  if (event.kind == EventKind::progress) read_progress(event, *data);
  if (event.kind == EventKind::error) event.fault = fault_of(*data);
  if (event.kind == EventKind::executing) {
    const json::value* node = value_in(*data, "node");
    if (node != nullptr && node->is_null()) event.kind = EventKind::ended;
  }
  return event;
}

BinaryEvent parse_binary_event(std::string_view frame) {
  constexpr std::size_t kHead = 8;
  if (frame.size() < kHead) return {};
  const std::uint32_t kind = big_endian(frame);
  const std::uint32_t second = big_endian(frame.substr(4));
  const std::string_view rest = frame.substr(kHead);
  if (kind == 1) return {.kind = BinaryKind::preview, .format = second, .payload = rest};
  if (kind != 3 && kind != 4) return {};
  if (second > rest.size()) return {};
  return {.kind = kind == 3 ? BinaryKind::text : BinaryKind::preview_with_metadata,
          .payload = rest.substr(second)};
}

}  // namespace stoker::protocol::comfyui
