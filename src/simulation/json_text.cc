#include "simulation/json_text.h"

#include <array>
#include <charconv>

namespace stoker::simulation {
namespace {

constexpr std::int64_t kMicrosecondsPerSecond = 1'000'000;
constexpr std::size_t kDecimals = 6;
constexpr std::string_view kHex = "0123456789abcdef";

void append_control(std::string& out, unsigned char code) {
  out += "\\u00";
  out += kHex[code >> 4];
  out += kHex[code & 15];
}

}  // namespace

void append_number(std::string& out, std::uint64_t number) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

void append_seconds(std::string& out, std::int64_t microseconds) {
  if (microseconds < 0) {
    out += '-';
    microseconds = -microseconds;
  }
  append_number(out, static_cast<std::uint64_t>(microseconds / kMicrosecondsPerSecond));
  std::array<char, kDecimals + 1> decimals;
  decimals[0] = '.';
  std::int64_t rest = microseconds % kMicrosecondsPerSecond;
  for (std::size_t i = kDecimals; i > 0; --i) {
    decimals[i] = static_cast<char>('0' + rest % 10);
    rest /= 10;
  }
  out.append(decimals.data(), decimals.size());
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (code < 0x20 || code == 0x7f) {
      append_control(out, code);
    } else {
      out += c;
    }
  }
  out += '"';
}

}  // namespace stoker::simulation
