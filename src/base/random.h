// Deterministic random numbers: SplitMix64 (Steele, Lea, Flood 2014) as a stream and as a counter-based hash.
//
// Purpose: spread of rehearsal times, painted pictures, seeds of simulations. Never for tokens.
// Threading: a Random belongs to one owner. The same seed gives the same numbers on every machine.
#pragma once

#include <cmath>
#include <cstdint>

namespace stoker {

// Mixes a counter into 64 well-spread bits.
constexpr std::uint64_t mix64(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

class Random {
 public:
  explicit constexpr Random(std::uint64_t seed) : state_(seed) {}

  constexpr std::uint64_t next() {
    const std::uint64_t value = mix64(state_);
    state_ += 0x9e3779b97f4a7c15ULL;
    return value;
  }

  // In [0, 1).
  constexpr double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

  // In [low, high).
  constexpr double between(double low, double high) { return low + (high - low) * unit(); }

  // In [0, bound); bound must be positive. The modulo bias is below 2^-32 for bounds below 2^32.
  constexpr std::uint64_t below(std::uint64_t bound) { return next() % bound; }

  // A factor around 1 with the given sigma of its logarithm, cut at three sigma.
  double lognormal_factor(double sigma) {
    const double u = unit() + 0x1.0p-54;
    const double v = unit();
    double normal = std::sqrt(-2.0 * std::log(u)) * std::cos(6.283185307179586 * v);
    if (normal > 3.0) normal = 3.0;
    if (normal < -3.0) normal = -3.0;
    return std::exp(sigma * normal);
  }

 private:
  std::uint64_t state_;
};

}  // namespace stoker
