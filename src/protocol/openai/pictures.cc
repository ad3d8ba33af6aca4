// Pictures inside answers.
#include <array>
#include <boost/json/object.hpp>
#include <cstdint>

#include "protocol/json_access.h"
#include "protocol/openai/answers.h"

namespace stoker::protocol::openai {
namespace {

namespace json = boost::json;

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNoDigit = 0xff;

constexpr std::array<std::uint8_t, 256> digits() {
  std::array<std::uint8_t, 256> table{};
  table.fill(kNoDigit);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    table[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return table;
}
constexpr std::array<std::uint8_t, 256> kDigits = digits();

}  // namespace

std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && text.ends_with('=')) {
    text.remove_suffix(1);
    ++padding;
  }
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  std::uint32_t held = 0;
  unsigned bits = 0;
  for (const char c : text) {
    const std::uint8_t digit = kDigits[static_cast<unsigned char>(c)];
    if (digit == kNoDigit) return std::nullopt;
    held = ((held << 6) | digit) & 0xffffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes += static_cast<char>((held >> bits) & 0xff);
  }
  return bytes;
}

Result<std::vector<std::string>> parse_pictures(std::string_view body, std::size_t bytes_max) {
  const auto object = parse_json_object(body);
  const json::array* const list = object ? find_list(*object, "data") : nullptr;
  if (list == nullptr || list->empty() || list->size() > kPicturesMax) {
    return fail(ErrorCode::internal, "the engine's answer holds no picture");
  }
  std::vector<std::string> pictures;
  std::size_t taken = 0;
  for (const json::value& value : *list) {
    const json::value* const text = find_field(value, "b64_json");
    if (text == nullptr || !text->is_string()) {
      return fail(ErrorCode::internal, "the engine's answer holds no picture");
    }
    auto bytes = decode_base64(text->get_string());
    if (!bytes) return fail(ErrorCode::internal, "the engine's picture is no base64", "garbage");
    taken += bytes->size();
    if (taken > bytes_max) {
      return fail(ErrorCode::too_large, "the pictures are larger than allowed");
    }
    pictures.push_back(*std::move(bytes));
  }
  return pictures;
}

}  // namespace stoker::protocol::openai
