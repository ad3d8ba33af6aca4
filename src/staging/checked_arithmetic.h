// Arithmetic on numbers that a file states: a result that does not fit is seen, not wrapped.
//
// Threading: values. Errors: nullopt, or the largest number where the name says so.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>

namespace stoker::staging {

constexpr std::optional<std::uint64_t> checked_sum(std::uint64_t a, std::uint64_t b) {
  if (a > std::numeric_limits<std::uint64_t>::max() - b) return std::nullopt;
  return a + b;
}

constexpr std::optional<std::uint64_t> checked_product(std::uint64_t a, std::uint64_t b) {
  if (b != 0 && a > std::numeric_limits<std::uint64_t>::max() / b) return std::nullopt;
  return a * b;
}

constexpr std::uint64_t saturating_sum(std::uint64_t a, std::uint64_t b) {
  return checked_sum(a, b).value_or(std::numeric_limits<std::uint64_t>::max());
}

constexpr std::uint64_t saturating_product(std::uint64_t a, std::uint64_t b) {
  return checked_product(a, b).value_or(std::numeric_limits<std::uint64_t>::max());
}

}  // namespace stoker::staging
