// Amounts of memory with their unit in the type. GPU memory is counted in whole MiB everywhere.
#pragma once

#include <compare>
#include <cstdint>

namespace stoker {

struct MiB {
  std::int64_t count = 0;

  friend constexpr auto operator<=>(MiB, MiB) = default;
  constexpr MiB& operator+=(MiB other) {
    count += other.count;
    return *this;
  }
  constexpr MiB& operator-=(MiB other) {
    count -= other.count;
    return *this;
  }
};

constexpr MiB operator+(MiB a, MiB b) {
  return {a.count + b.count};
}
constexpr MiB operator-(MiB a, MiB b) {
  return {a.count - b.count};
}

inline constexpr std::uint64_t kBytesPerMiB = 1024ULL * 1024ULL;

}  // namespace stoker
