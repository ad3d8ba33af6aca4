#include "tests/engines/answers.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <span>

namespace stoker::engines {
namespace {

constexpr std::uint32_t kPictureSideMax = 1024;
constexpr std::size_t kStoredBlockBytesMax = 65'535;
constexpr std::string_view kBlanks = " \t\r\n";

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (true) {
    const std::size_t begin = text.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) return words;
    text.remove_prefix(begin);
    const std::size_t end = std::min(text.find_first_of(kBlanks), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

// The JSON object at the beginning of `text`, taken off it; empty if there is none.
std::string_view take_object(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  int depth = 0;
  bool in_string = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (in_string) {
      if (c == '\\') ++at;
      if (c == '"') in_string = false;
      continue;
    }
    if (c == '"') in_string = true;
    if (c == '{') ++depth;
    if (c == '}') --depth;
    if (depth > 0) continue;
    const std::string_view object = text.substr(0, at + 1);
    if (!object.starts_with('{')) return {};
    text.remove_prefix(at + 1);
    return object;
  }
  return {};
}

std::optional<std::uint32_t> whole_number(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.begin(), text.end(), number);
  if (error != std::errc() || end != text.end()) return std::nullopt;
  return number;
}

void append_u32(std::string& bytes, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(value >> shift));
}

std::uint32_t crc32_of(std::string_view bytes) {
  std::uint32_t crc = 0xffffffffu;
  for (const char c : bytes) {
    crc ^= static_cast<std::uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1u) != 0 ? 0xedb88320u : 0u);
  }
  return ~crc;
}

std::uint32_t adler32_of(std::string_view bytes) {
  std::uint32_t a = 1;
  std::uint32_t b = 0;
  for (const char c : bytes) {
    a = (a + static_cast<std::uint8_t>(c)) % 65'521;
    b = (b + a) % 65'521;
  }
  return (b << 16) | a;
}

void append_chunk(std::string& png, std::string_view type, std::string_view data) {
  append_u32(png, static_cast<std::uint32_t>(data.size()));
  const std::string body = std::string(type) + std::string(data);
  png += body;
  append_u32(png, crc32_of(body));
}

// zlib's format without compression.
std::string stored(std::string_view bytes) {
  std::string out = "\x78\x01";
  std::string_view rest = bytes;
  do {
    const std::string_view block = rest.substr(0, kStoredBlockBytesMax);
    rest.remove_prefix(block.size());
    const auto size = static_cast<std::uint16_t>(block.size());
    out.push_back(rest.empty() ? '\1' : '\0');
    out.push_back(static_cast<char>(size & 0xff));
    out.push_back(static_cast<char>(size >> 8));
    out.push_back(static_cast<char>(~size & 0xff));
    out.push_back(static_cast<char>((~size >> 8) & 0xff));
    out += block;
  } while (!rest.empty());
  append_u32(out, adler32_of(bytes));
  return out;
}

}  // namespace

std::vector<std::string> answer_tokens(std::string_view prompt, std::size_t words) {
  std::vector<std::string_view> of_prompt = words_of(prompt);
  if (of_prompt.empty()) of_prompt.emplace_back("nothing");
  std::vector<std::string> tokens;
  for (std::size_t i = 0; i < words; ++i) {
    tokens.push_back((i == 0 ? "" : " ") + std::string(of_prompt[i % of_prompt.size()]));
  }
  return tokens;
}

std::string answer_text(std::string_view prompt, std::size_t words) {
  std::string text;
  for (const std::string& token : answer_tokens(prompt, words)) text += token;
  return text;
}

std::size_t count_words(std::string_view text) {
  return words_of(text).size();
}

std::vector<std::pair<std::string, std::string>> requested_calls(std::string_view prompt) {
  std::vector<std::pair<std::string, std::string>> calls;
  constexpr std::string_view kFirst = "call ";
  constexpr std::string_view kNext = " and ";
  if (!prompt.starts_with(kFirst)) return calls;
  prompt.remove_prefix(kFirst.size());
  while (true) {
    const std::size_t end = prompt.find_first_of(kBlanks);
    if (end == std::string_view::npos) return calls;
    const std::string name(prompt.substr(0, end));
    prompt.remove_prefix(end);
    const std::string_view arguments = take_object(prompt);
    if (arguments.empty()) return calls;
    calls.emplace_back(name, std::string(arguments));
    if (!prompt.starts_with(kNext)) return calls;
    prompt.remove_prefix(kNext.size());
  }
}

std::vector<double> embedding_of(std::string_view text, std::size_t size) {
  std::vector<double> numbers(size);
  double squares = 0;
  std::uint64_t state = hash_of(text);
  for (double& number : numbers) {
    state = state * 6'364'136'223'846'793'005u + 1'442'695'040'888'963'407u;
    number = static_cast<double>(state >> 40) / 16'777'216.0 - 0.5;
    squares += number * number;
  }
  for (double& number : numbers) number /= std::sqrt(squares);
  return numbers;
}

std::string png_of(std::uint32_t width, std::uint32_t height, std::uint64_t seed) {
  width = std::clamp(width, 1u, kPictureSideMax);
  height = std::clamp(height, 1u, kPictureSideMax);
  std::string line(1, '\0');  // no filter
  for (std::uint32_t x = 0; x < width; ++x) {
    for (int shift = 0; shift < 24; shift += 8) line.push_back(static_cast<char>(seed >> shift));
  }
  std::string lines;
  for (std::uint32_t y = 0; y < height; ++y) lines += line;
  std::string header;
  append_u32(header, width);
  append_u32(header, height);
  header += std::string("\x08\x02\0\0\0", 5);  // 8 bits, colours, nothing special
  std::string png = "\x89PNG\r\n\x1a\n";
  append_chunk(png, "IHDR", header);
  append_chunk(png, "IDAT", stored(lines));
  append_chunk(png, "IEND", {});
  return png;
}

std::string base64_of(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::uint32_t bits = 0;
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - at);
    for (std::size_t i = 0; i < 3; ++i) {
      bits = (bits << 8) | (i < count ? static_cast<std::uint8_t>(bytes[at + i]) : 0u);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      text.push_back(i <= count ? kDigits[(bits >> (18 - 6 * i)) & 63] : '=');
    }
  }
  return text;
}

std::optional<std::pair<std::uint32_t, std::uint32_t>> parse_size(std::string_view text) {
  const std::size_t cross = text.find('x');
  if (cross == std::string_view::npos) return std::nullopt;
  const auto width = whole_number(text.substr(0, cross));
  const auto height = whole_number(text.substr(cross + 1));
  if (!width || !height) return std::nullopt;
  return std::pair(*width, *height);
}

std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 14'695'981'039'346'656'037u;
  for (const char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * 1'099'511'628'211u;
  return hash;
}

}  // namespace stoker::engines
