// Short times, and what many of them look like together.
//
// Threading: none. Limits: times up to some hours.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <numeric>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <cpuid.h>
#include <x86intrin.h>
#endif

namespace stoker::benchmarks {

using SteadyClock = std::chrono::steady_clock;

// The time stamp counter where it runs at a constant rate, else the steady clock.
class Stopwatch {
 public:
  Stopwatch() : uses_tsc_(has_constant_tsc()) {
    if (uses_tsc_) calibrate();
  }
  bool uses_tsc() const { return uses_tsc_; }
  double ns(std::uint64_t ticks) const { return static_cast<double>(ticks) * ns_per_tick_; }

  std::uint64_t ticks() const {
#if defined(__x86_64__)
    if (uses_tsc_) {
      unsigned cpu = 0;
      const std::uint64_t t = __rdtscp(&cpu);  // after everything before it
      _mm_lfence();                            // and before everything after it
      return t;
    }
#endif
    return static_cast<std::uint64_t>(SteadyClock::now().time_since_epoch() /
                                      std::chrono::nanoseconds(1));
  }

 private:
  static bool has_constant_tsc() {
#if defined(__x86_64__)
    unsigned a = 0, b = 0, c = 0, d = 0;
    return __get_cpuid(0x8000'0007U, &a, &b, &c, &d) != 0 && (d >> 8U & 1U) != 0;
#else
    return false;
#endif
  }
  void calibrate() {
    const auto began = SteadyClock::now();
    const std::uint64_t first = ticks();
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    const std::uint64_t last = ticks();
    const std::chrono::duration<double, std::nano> took = SteadyClock::now() - began;
    ns_per_tick_ = took.count() / static_cast<double>(last - first);
  }

  bool uses_tsc_;
  double ns_per_tick_ = 1;
};

struct Spread {
  std::size_t count = 0;
  double p50 = 0, p99 = 0, p999 = 0, max = 0, mean = 0;
  double mean_to_p99 = 0;  // without the slowest hundredth, which on a busy machine is others' time
};

inline Spread spread_of(const Stopwatch& watch, std::vector<std::uint64_t> ticks) {
  if (ticks.empty()) return {};
  std::ranges::sort(ticks);
  const auto upto = [&](double share) {
    return static_cast<std::size_t>(share * static_cast<double>(ticks.size() - 1));
  };
  const auto at = [&](double share) { return watch.ns(ticks[upto(share)]); };
  const auto mean = [&](std::size_t count) {
    const auto end = ticks.begin() + static_cast<std::ptrdiff_t>(count);
    return watch.ns(std::accumulate(ticks.begin(), end, std::uint64_t{0})) /
           static_cast<double>(count);
  };
  return {.count = ticks.size(),
          .p50 = at(0.5),
          .p99 = at(0.99),
          .p999 = at(0.999),
          .max = watch.ns(ticks.back()),
          .mean = mean(ticks.size()),
          .mean_to_p99 = mean(upto(0.99) + 1)};
}

}  // namespace stoker::benchmarks
