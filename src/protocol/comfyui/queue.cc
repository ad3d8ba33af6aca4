#include "protocol/comfyui/queue.h"

#include <algorithm>

#include "protocol/comfyui/json_reading.h"

namespace stoker::protocol::comfyui {
namespace {

std::vector<QueueItem> items_of(const boost::json::object& answer, std::string_view key) {
  std::vector<QueueItem> items;
  const boost::json::array* list = array_in(answer, key);
  if (list == nullptr) return items;
  for (const boost::json::value& each : *list) {
    const boost::json::array* item = each.if_array();
    if (item == nullptr || item->size() < 2 || !(*item)[1].is_string()) continue;
    items.push_back({.prompt_id = std::string((*item)[1].get_string()),
                     .number = number_of((*item)[0]).value_or(0)});
  }
  return items;
}

bool names(const std::vector<QueueItem>& items, std::string_view prompt_id) {
  return std::ranges::find(items, prompt_id, &QueueItem::prompt_id) != items.end();
}

}  // namespace

bool QueueState::runs(std::string_view prompt_id) const {
  return names(running, prompt_id);
}

bool QueueState::holds(std::string_view prompt_id) const {
  return names(running, prompt_id) || names(pending, prompt_id);
}

Result<QueueState> parse_queue(std::string_view body) {
  const auto answer = parse_object(body);
  if (!answer || array_in(*answer, "queue_running") == nullptr) {
    return fail(ErrorCode::backend_down, "the engine's queue is unreadable");
  }
  QueueState state{.running = items_of(*answer, "queue_running"),
                   .pending = items_of(*answer, "queue_pending")};
  std::ranges::sort(state.pending, [](const QueueItem& a, const QueueItem& b) {
    if (a.number != b.number) return a.number < b.number;
    return a.prompt_id < b.prompt_id;
  });
  return state;
}

}  // namespace stoker::protocol::comfyui
