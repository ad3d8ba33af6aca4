#include "net/child_lines.h"

#include <algorithm>
#include <cstdint>

namespace stoker::net {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr std::string_view kLeftOut = "...";
// Colours and replaced bytes make a raw line longer or shorter than what is kept of it.
constexpr std::size_t kRawBytesMax = 2 * kChildLineBytesMax;

std::uint8_t byte_at(std::string_view text, std::size_t at) {
  return static_cast<std::uint8_t>(text[at]);
}

// The length of the valid character at the beginning; 0: none.
std::size_t character_bytes(std::string_view text) {
  const std::uint8_t first = byte_at(text, 0);
  if (first < 0x80) return 1;
  const std::size_t length = first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (length == 0 || first > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte_at(text, i) & 0xC0U) != 0x80U) return 0;
  }
  const std::uint8_t second = byte_at(text, 1);
  const bool overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
  const bool no_character = (first == 0xED && second > 0x9F) || (first == 0xF4 && second > 0x8F);
  return overlong || no_character ? 0 : length;
}

// The length of an escape sequence of a terminal, whose first byte is ESC.
std::size_t escape_bytes(std::string_view text) {
  if (text.size() < 2) return 1;
  const char kind = text[1];
  if (kind == '[') {  // until a byte from '@' to '~'
    for (std::size_t i = 2; i < text.size(); ++i) {
      if (text[i] >= '@' && text[i] <= '~') return i + 1;
    }
    return text.size();
  }
  if (kind == ']') {  // a title, until BEL or ESC
    const std::size_t end = text.find_first_of("\a\x1b", 2);
    if (end == std::string_view::npos) return text.size();
    return text[end] == '\a' ? end + 1 : end;
  }
  return kind >= ' ' && kind <= '~' ? 2 : 1;
}

bool is_control(std::string_view character) {
  if (character.size() == 1) return byte_at(character, 0) < 0x20 || character[0] == 0x7F;
  return character.size() == 2 && character[0] == '\xC2' && byte_at(character, 1) < 0xA0;
}

}  // namespace

std::string printable_line(std::string_view raw, std::size_t bytes_max) {
  std::string line;
  while (!raw.empty()) {
    if (raw.front() == '\x1b') {
      raw.remove_prefix(escape_bytes(raw));
      continue;
    }
    const std::size_t length = character_bytes(raw);
    std::string_view character = length == 0 ? kReplacement : raw.substr(0, length);
    raw.remove_prefix(std::max<std::size_t>(length, 1));
    if (character == "\t") character = " ";
    if (is_control(character)) continue;
    if (line.size() + character.size() > bytes_max) break;
    line += character;
  }
  return line;
}

void LineCutter::feed(std::string_view bytes, Sink& sink) {
  while (!bytes.empty()) {
    const std::size_t end = std::min(bytes.find_first_of("\r\n"), bytes.size());
    const std::size_t room = kRawBytesMax - raw_.size();
    raw_ += bytes.substr(0, std::min(end, room));
    too_long_ = too_long_ || end > room;
    if (end == bytes.size()) return;
    bytes.remove_prefix(end + 1);
    end_line(sink);
  }
}

void LineCutter::finish(Sink& sink) {
  end_line(sink);
}

void LineCutter::end_line(Sink& sink) {
  std::string line = printable_line(raw_, kRawBytesMax);
  if (too_long_ || line.size() > kChildLineBytesMax) {
    line = printable_line(line, kChildLineBytesMax - kLeftOut.size());
    line += kLeftOut;
  }
  raw_.clear();
  too_long_ = false;
  if (!line.empty()) sink(line);
}

}  // namespace stoker::net
