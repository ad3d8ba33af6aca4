// A list that keeps its newest entries: bounded by construction, for ledgers and samples.
#pragma once

#include <cstddef>
#include <deque>
#include <utility>

namespace stoker {

template <class T>
class Ring {
 public:
  explicit Ring(std::size_t capacity) : capacity_(capacity) {}

  // Adds an entry and drops the oldest one beyond the capacity.
  T& push(T value) {
    if (entries_.size() == capacity_) entries_.pop_front();
    return entries_.emplace_back(std::move(value));
  }

  // The newest entry, to be replaced by a later word on the same thing; null when there is none.
  T* newest() { return entries_.empty() ? nullptr : &entries_.back(); }

  // Oldest first.
  const std::deque<T>& entries() const { return entries_; }
  std::size_t capacity() const { return capacity_; }

 private:
  std::size_t capacity_;
  std::deque<T> entries_;
};

}  // namespace stoker
