#include "api/json_writer.h"

#include <array>
#include <charconv>
#include <cmath>

namespace stoker::api {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

void append_escaped(std::string& out, std::string_view text) {
  std::size_t plain_from = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20U && c != '"' && c != '\\') continue;
    out.append(text.substr(plain_from, i - plain_from));
    plain_from = i + 1;
    if (c == '"' || c == '\\') {
      out.append({'\\', static_cast<char>(c)});
    } else if (c == '\n') {
      out.append("\\n");
    } else {
      out.append("\\u00").append({kHex[c >> 4U], kHex[c & 15U]});
    }
  }
  out.append(text.substr(plain_from));
}

}  // namespace

// The last character tells whether a value came before: text ends in a quote, a number in a digit.
void JsonWriter::separate() {
  if (text_.empty()) return;
  const char last = text_.back();
  if (last != '{' && last != '[' && last != ':') text_.push_back(',');
}

JsonWriter& JsonWriter::open(char bracket) {
  separate();
  text_.push_back(bracket);
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  text_.push_back(bracket);
  return *this;
}

JsonWriter& JsonWriter::literal(std::string_view word) {
  separate();
  text_.append(word);
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  value(name);
  text_.push_back(':');
  return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
  separate();
  text_.push_back('"');
  append_escaped(text_, text);
  text_.push_back('"');
  return *this;
}

JsonWriter& JsonWriter::value(double number) {
  constexpr double kPlainMax = 1e15;
  if (!std::isfinite(number)) return null();
  std::array<char, 40> digits;
  char* const end = digits.data() + digits.size();
  const auto written = std::abs(number) < kPlainMax
                           ? std::to_chars(digits.data(), end, number, std::chars_format::fixed)
                           : std::to_chars(digits.data(), end, number);
  // A number too small for the space is as good as zero.
  if (written.ec != std::errc()) return literal("0");
  return literal({digits.data(), static_cast<std::size_t>(written.ptr - digits.data())});
}

}  // namespace stoker::api
