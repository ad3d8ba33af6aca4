#include "storage/sqlite/numbers.h"

#include <charconv>

#include "storage/store.h"

namespace stoker {
namespace {

std::unexpected<Error> damaged() {
  return fail(ErrorCode::internal, "a journal row has damaged numbers");
}

}  // namespace

void write_numbers(std::span<const std::int64_t> numbers, std::string& text) {
  text = "[";
  char digits[24];
  for (const std::int64_t number : numbers) {
    if (text.size() > 1) text += ',';
    const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    text.append(digits, end);
  }
  text += ']';
}

Result<std::vector<std::int64_t>> read_numbers(std::string_view text) {
  std::vector<std::int64_t> numbers;
  if (text == "[]") return numbers;
  if (text.size() < 3 || text.front() != '[' || text.back() != ']') return damaged();
  const char* at = text.data() + 1;
  const char* const end = text.data() + text.size() - 1;
  while (numbers.size() < kNumbersPerRowMax) {
    std::int64_t number = 0;
    const auto [next, error] = std::from_chars(at, end, number);
    if (error != std::errc{}) return damaged();
    numbers.push_back(number);
    if (next == end) return numbers;
    if (*next != ',') return damaged();
    at = next + 1;
  }
  return damaged();
}

}  // namespace stoker
