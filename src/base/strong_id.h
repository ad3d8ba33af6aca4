// Ids that cannot be mixed up: a job id is not a model id.
//
// Purpose: one type per kind of id, no arithmetic, ordered and hashable.
// Limits: 0 is "none" for every id; valid ids start at 1.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace stoker {

template <class Tag, class Rep = std::uint64_t>
struct StrongId {
  Rep value = 0;

  constexpr StrongId() = default;
  constexpr explicit StrongId(Rep v) : value(v) {}

  constexpr explicit operator bool() const { return value != 0; }
  friend constexpr auto operator<=>(StrongId, StrongId) = default;
};

}  // namespace stoker

template <class Tag, class Rep>
struct std::hash<stoker::StrongId<Tag, Rep>> {
  std::size_t operator()(stoker::StrongId<Tag, Rep> id) const noexcept {
    return std::hash<Rep>{}(id.value);
  }
};
