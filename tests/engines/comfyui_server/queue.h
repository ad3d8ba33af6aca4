// The queue of prompts and the history of the played ComfyUI.
//
// Purpose: a min-heap on (number, prompt_id) whose raw array is what GET /queue shows, and the entries of ended
//   prompts, oldest first.
// Threading: network thread. Limits: kHistoryMax entries, the oldest goes.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stoker::engines::comfyui {

namespace json = boost::json;

inline constexpr std::size_t kHistoryMax = 10'000;

struct QueueItem {
  double number = 0;
  json::value shown_number;  // an integer unless the client gave its own
  std::string id;
  json::object prompt;
  json::object extra_data;
  std::vector<std::string> outputs;
  json::object secrets = {};  // what queue listings of newer versions leave out

  std::string client_id() const;  // empty: none
  // [number, prompt_id, prompt, extra_data, outputs_to_execute]
  json::array tuple() const;
  json::array tuple_with_secrets() const;
};

class PromptQueue {
 public:
  // False for an item that equals another in number and id; it stays queued all the same.
  [[nodiscard]] bool push(QueueItem item);
  std::optional<QueueItem> pop();
  // Whether it was pending.
  bool remove(std::string_view id);
  void clear() { heap_.clear(); }
  const std::vector<QueueItem>& heap() const { return heap_; }

 private:
  void sift_down(std::size_t start, std::size_t at);
  void sift_up(std::size_t at);
  void heapify();

  std::vector<QueueItem> heap_;
};

class History {
 public:
  void add(const std::string& id, json::object entry);
  const json::object* find(std::string_view id) const;
  void remove(std::string_view id);
  void clear() { entries_.clear(); }
  // All entries, oldest first.
  const std::deque<std::pair<std::string, json::object>>& entries() const { return entries_; }

 private:
  std::deque<std::pair<std::string, json::object>> entries_;
};

}  // namespace stoker::engines::comfyui
