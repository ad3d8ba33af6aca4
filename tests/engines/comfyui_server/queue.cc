#include "tests/engines/comfyui_server/queue.h"

#include <algorithm>

namespace stoker::engines::comfyui {
namespace {

bool before(const QueueItem& a, const QueueItem& b) {
  return std::tie(a.number, a.id) < std::tie(b.number, b.id);
}

json::array tuple_of(const QueueItem& item, const json::object& extra_data) {
  return {item.shown_number, item.id, item.prompt, extra_data,
          json::array(item.outputs.begin(), item.outputs.end())};
}

}  // namespace

std::string QueueItem::client_id() const {
  const json::value* client = extra_data.if_contains("client_id");
  const bool known = client != nullptr && client->is_string();
  return known ? std::string(client->get_string()) : std::string();
}

json::array QueueItem::tuple() const {
  return tuple_of(*this, extra_data);
}

json::array QueueItem::tuple_with_secrets() const {
  json::object all = extra_data;
  for (const auto& [name, value] : secrets) all[name] = value;
  return tuple_of(*this, all);
}

bool PromptQueue::push(QueueItem item) {
  const bool twin = std::ranges::any_of(heap_, [&](const QueueItem& other) {
    return other.number == item.number && other.id == item.id;
  });
  heap_.push_back(std::move(item));
  if (!twin) sift_down(0, heap_.size() - 1);
  return !twin;
}

std::optional<QueueItem> PromptQueue::pop() {
  if (heap_.empty()) return std::nullopt;
  QueueItem last = std::move(heap_.back());
  heap_.pop_back();
  if (heap_.empty()) return last;
  std::swap(heap_.front(), last);
  sift_up(0);
  return last;
}

bool PromptQueue::remove(std::string_view id) {
  const auto found = std::ranges::find(heap_, id, &QueueItem::id);
  if (found == heap_.end()) return false;
  heap_.erase(found);
  heapify();
  return true;
}

// The new item at `at` rises towards `start`. The names are those of Python's heapq, whose array layout is visible.
void PromptQueue::sift_down(std::size_t start, std::size_t at) {
  while (at > start) {
    const std::size_t parent = (at - 1) / 2;
    if (!before(heap_[at], heap_[parent])) return;
    std::swap(heap_[at], heap_[parent]);
    at = parent;
  }
}

// The item at `at` sinks to a leaf along the smaller children, then rises to its place.
void PromptQueue::sift_up(std::size_t at) {
  const std::size_t start = at;
  for (std::size_t child = 2 * at + 1; child < heap_.size(); child = 2 * at + 1) {
    if (child + 1 < heap_.size() && !before(heap_[child], heap_[child + 1])) ++child;
    std::swap(heap_[at], heap_[child]);
    at = child;
  }
  sift_down(start, at);
}

void PromptQueue::heapify() {
  for (std::size_t at = heap_.size() / 2; at > 0; --at) sift_up(at - 1);
}

void History::add(const std::string& id, json::object entry) {
  const auto found = std::ranges::find(entries_, id, &std::pair<std::string, json::object>::first);
  if (found != entries_.end()) {
    found->second = std::move(entry);
    return;
  }
  if (entries_.size() == kHistoryMax) entries_.pop_front();
  entries_.emplace_back(id, std::move(entry));
}

const json::object* History::find(std::string_view id) const {
  const auto found = std::ranges::find(entries_, id, &std::pair<std::string, json::object>::first);
  return found == entries_.end() ? nullptr : &found->second;
}

void History::remove(std::string_view id) {
  std::erase_if(entries_, [&](const auto& entry) { return entry.first == id; });
}

}  // namespace stoker::engines::comfyui
