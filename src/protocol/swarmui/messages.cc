#include "protocol/swarmui/messages.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "protocol/comfyui/json_reading.h"
#include "protocol/swarmui/answers.h"

namespace stoker::protocol::swarmui {
namespace {

namespace json = boost::json;
using namespace comfyui;

// A number, or a number as a text.
std::int64_t batch_index_of(const json::object& message) {
  const json::value* value = value_in(message, "batch_index");
  if (value == nullptr) return 0;
  if (const auto* whole = value->if_int64()) return *whole;
  const json::string* text = value->if_string();
  std::int64_t index = 0;
  if (text != nullptr) std::from_chars(text->data(), text->data() + text->size(), index);
  return index;
}

// Flat as the server sends it, or nested as its documentation shows it.
void read_image(Message& message, const json::object& object) {
  const json::object* nested = object_in(object, "image");
  const json::object& image = nested == nullptr ? object : *nested;
  const auto path = text_in(image, "image");
  if (!path) return;
  message.kind = MessageKind::image;
  message.image = *path;
  message.batch_index = batch_index_of(image);
}

void read_progress(Message& message, const json::object& progress) {
  message.kind = MessageKind::progress;
  message.share = std::clamp(number_in(progress, "overall_percent").value_or(0), 0.0, 1.0);
  message.batch_index = batch_index_of(progress);
}

constexpr int kNoDigit = -1;

int digit_of(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : kNoDigit;
}

std::optional<std::string> base64_bytes(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  if (text.size() % 4 == 1) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t held = 0;
  int bits = 0;
  for (const char c : text) {
    const int digit = digit_of(c);
    if (digit == kNoDigit) return std::nullopt;
    held = (held << 6U) | static_cast<std::uint32_t>(digit);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes += static_cast<char>((held >> static_cast<unsigned>(bits)) & 0xFFU);
  }
  return bytes;
}

}  // namespace

Message parse_message(std::string_view text) {
  Message message;
  const auto object = parse_object(text);
  if (!object) return message;
  const auto words = text_in(*object, "error");
  const auto id = text_in(*object, "error_id");
  if (words || id) {
    message.kind = MessageKind::error;
    message.error = error_of(id.value_or(""), words.value_or(""));
  } else if (const json::object* progress = object_in(*object, "gen_progress")) {
    read_progress(message, *progress);
  } else if (value_in(*object, "image") != nullptr) {
    read_image(message, *object);
  } else if (value_in(*object, "discard_indices") != nullptr) {
    message.kind = MessageKind::discard;
  } else if (text_in(*object, "socket_intention") == "close") {
    message.kind = MessageKind::closing;
  }
  return message;
}

bool is_data_url(std::string_view image) {
  return image.starts_with("data:");
}

std::optional<std::string> data_url_bytes(std::string_view url, std::size_t bytes_max) {
  constexpr std::string_view kBefore = ";base64,";
  const std::size_t at = url.find(kBefore);
  if (!is_data_url(url) || at == std::string_view::npos) return std::nullopt;
  const std::string_view text = url.substr(at + kBefore.size());
  if (text.size() / 4 * 3 > bytes_max) return std::nullopt;
  return base64_bytes(text);
}

}  // namespace stoker::protocol::swarmui
