// Which waiting step of a model was released first, in O(1).
//
// Purpose: the age of the oldest waiting step, for the guarantee and the text batches.
// Entries are left behind when a step starts or ends, and dropped when they come to the front: an entry counts only
//   while its job waits under the same arrival number.
// Limits: what was left behind is at most as long as what waits, and kSlack more.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/time.h"
#include "domain/ids.h"

namespace stoker::scheduler {

class ReleaseQueue {
 public:
  struct Entry {
    Instant released;
    JobId job;
    std::int64_t arrival = 0;
  };

  bool empty() const { return head_ == entries_.size(); }
  const Entry& front() const { return entries_[head_]; }
  void push(const Entry& entry) { entries_.push_back(entry); }
  // A step that waits again keeps its age, and with it its place: entries stay in order of release.
  void reinsert(const Entry& entry) {
    const auto later = [](const Entry& a, const Entry& b) { return a.released < b.released; };
    const auto first = entries_.begin() + static_cast<std::ptrdiff_t>(head_);
    const auto place = std::upper_bound(first, entries_.end(), entry, later);
    if (place == first && head_ > 0) {
      entries_[--head_] = entry;
    } else {
      entries_.insert(place, entry);
    }
  }
  void pop() {
    ++head_;
    if (head_ == entries_.size()) {
      entries_.clear();
      head_ = 0;
    }
  }
  std::size_t size() const { return entries_.size() - head_; }

  // Drops what no longer waits from the front, and from everywhere once that is most of it.
  template <class IsWaiting>
  void drop_stale(std::size_t waiting, IsWaiting is_waiting) {
    while (!empty() && !is_waiting(front())) pop();
    if (entries_.size() <= 2 * waiting + kSlack) return;
    std::vector<Entry> kept;
    kept.reserve(waiting);
    for (std::size_t i = head_; i < entries_.size(); ++i)
      if (is_waiting(entries_[i])) kept.push_back(entries_[i]);
    entries_ = std::move(kept);
    head_ = 0;
  }
  // Whether a leaving job calls for it: it was the first, or too much was left behind.
  bool wants_dropping(std::size_t waiting, std::int64_t leaving_arrival) const {
    if (entries_.size() > 2 * waiting + kSlack) return true;
    return !empty() && front().arrival == leaving_arrival;
  }

 private:
  static constexpr std::size_t kSlack = 64;
  std::vector<Entry> entries_;
  std::size_t head_ = 0;
};

}  // namespace stoker::scheduler
