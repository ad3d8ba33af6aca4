// Entries by a small dense id: found in O(1), walked in the order of ids.
//
// Purpose: the models, backends and devices of one machine, which are few, looked up in every decision.
// Ownership: holds its entries by value; adding one may move the others, so keep no reference across an addition.
// Limits: ids up to kTableIdMax; a larger one is a broken invariant.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/error.h"

namespace stoker::scheduler {

inline constexpr std::uint64_t kTableIdMax = 1'000'000;

template <class Id, class Entry>
class IdTable {
 public:
  using value_type = std::pair<Id, Entry>;
  using iterator = typename std::vector<value_type>::iterator;
  using const_iterator = typename std::vector<value_type>::const_iterator;

  iterator begin() { return entries_.begin(); }
  iterator end() { return entries_.end(); }
  const_iterator begin() const { return entries_.begin(); }
  const_iterator end() const { return entries_.end(); }

  bool contains(Id id) const { return place_of(id) != kNowhere; }
  iterator find(Id id) { return at_place(begin(), end(), place_of(id)); }
  const_iterator find(Id id) const { return at_place(begin(), end(), place_of(id)); }
  Entry& at(Id id) { return entries_[sure_place_of(id)].second; }
  const Entry& at(Id id) const { return entries_[sure_place_of(id)].second; }

  std::pair<iterator, bool> try_emplace(Id id) {
    if (const iterator known = find(id); known != end()) return {known, false};
    STOKER_INVARIANT(id.value <= kTableIdMax, "a table id beyond its limit");
    const auto after = std::lower_bound(entries_.begin(), entries_.end(), id,
                                        [](const value_type& e, Id x) { return e.first < x; });
    const auto place = static_cast<std::size_t>(after - entries_.begin());
    entries_.insert(after, value_type{id, Entry{}});
    places_.resize(std::max<std::size_t>(places_.size(), id.value + 1), kNowhere);
    for (std::size_t i = place; i < entries_.size(); ++i)
      places_[entries_[i].first.value] = static_cast<std::uint32_t>(i);
    return {entries_.begin() + static_cast<std::ptrdiff_t>(place), true};
  }
  Entry& operator[](Id id) { return try_emplace(id).first->second; }

 private:
  static constexpr std::uint32_t kNowhere = UINT32_MAX;

  std::uint32_t place_of(Id id) const {
    return id.value < places_.size() ? places_[id.value] : kNowhere;
  }
  std::uint32_t sure_place_of(Id id) const {
    const std::uint32_t place = place_of(id);
    STOKER_INVARIANT(place != kNowhere, "an id that is not in its table");
    return place;
  }
  template <class Iterator>
  static Iterator at_place(Iterator begin, Iterator end, std::uint32_t place) {
    return place == kNowhere ? end : begin + static_cast<std::ptrdiff_t>(place);
  }

  std::vector<value_type> entries_;    // by id
  std::vector<std::uint32_t> places_;  // id → index in entries_
};

}  // namespace stoker::scheduler
