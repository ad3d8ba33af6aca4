// Time as values: instants are handed in, never read here.
//
// Instant  monotonic microseconds; orders things, carries durations and deadlines.
// WallTime milliseconds since the Unix epoch; for schedules and for showing people a clock.
// Duration signed microseconds.
#pragma once

#include <compare>
#include <cstdint>

namespace stoker {

struct Duration {
  std::int64_t us = 0;

  friend constexpr auto operator<=>(Duration, Duration) = default;
  constexpr double seconds() const { return static_cast<double>(us) / 1e6; }
  constexpr std::int64_t ms() const { return us / 1000; }
  constexpr Duration& operator+=(Duration d) {
    us += d.us;
    return *this;
  }
};

constexpr Duration operator+(Duration a, Duration b) {
  return {a.us + b.us};
}
constexpr Duration operator-(Duration a, Duration b) {
  return {a.us - b.us};
}
constexpr Duration operator*(Duration d, std::int64_t factor) {
  return {d.us * factor};
}
constexpr Duration operator/(Duration d, std::int64_t divisor) {
  return {d.us / divisor};
}

constexpr Duration microseconds(std::int64_t n) {
  return {n};
}
constexpr Duration milliseconds(std::int64_t n) {
  return {n * 1000};
}
constexpr Duration seconds(std::int64_t n) {
  return {n * 1'000'000};
}
constexpr Duration minutes(std::int64_t n) {
  return seconds(n * 60);
}

struct Instant {
  std::int64_t us = 0;

  friend constexpr auto operator<=>(Instant, Instant) = default;
};

constexpr Instant operator+(Instant t, Duration d) {
  return {t.us + d.us};
}
constexpr Instant operator-(Instant t, Duration d) {
  return {t.us - d.us};
}
constexpr Duration operator-(Instant a, Instant b) {
  return {a.us - b.us};
}

struct WallTime {
  std::int64_t ms = 0;

  friend constexpr auto operator<=>(WallTime, WallTime) = default;
};

constexpr WallTime operator+(WallTime t, Duration d) {
  return {t.ms + d.ms()};
}
constexpr Duration operator-(WallTime a, WallTime b) {
  return milliseconds(a.ms - b.ms);
}

}  // namespace stoker
