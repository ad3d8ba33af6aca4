#include "protocol/json_access.h"

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <cctype>
#include <limits>
#include <utility>
#include <variant>

namespace stoker::protocol {
namespace {

constexpr std::uint64_t kSeedMax = 0x7fff'ffff;

struct Sign {
  std::string_view words;
  std::string_view meaning;
};

constexpr std::array<Sign, 9> kSigns = {{
    {"out of memory", "out_of_memory"},
    {"outofmemory", "out_of_memory"},
    {"oom", "out_of_memory"},
    {"cudamalloc failed", "out_of_memory"},
    {"requires more system memory", "out_of_memory"},
    {"context_length_exceeded", "context_length"},
    {"exceed_context_size", "context_length"},
    {"exceeds the available context", "context_length"},
    {"loading model", "loading"},
}};

std::string lower(std::string_view text) {
  std::string lowered(text);
  std::ranges::transform(lowered, lowered.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lowered;
}

bool is_word_at(std::string_view text, std::size_t at, std::size_t size) {
  const auto letter = [&](std::size_t i) {
    return i < text.size() && std::isalpha(static_cast<unsigned char>(text[i])) != 0;
  };
  return (at == 0 || !letter(at - 1)) && !letter(at + size);
}

}  // namespace

std::optional<boost::json::value> parse_json(std::string_view text) {
  boost::system::error_code error;
  boost::json::value value = boost::json::parse(text, error);
  if (error) return std::nullopt;
  return value;
}

std::optional<boost::json::object> parse_json_object(std::string_view text) {
  auto value = parse_json(text);
  if (!value || !value->is_object()) return std::nullopt;
  return std::move(value->get_object());
}

const boost::json::value* find_field(const boost::json::object& object, std::string_view name) {
  const boost::json::value* const value = object.if_contains(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

const boost::json::value* find_field(const boost::json::value& value, std::string_view name) {
  const boost::json::object* const object = value.if_object();
  return object == nullptr ? nullptr : find_field(*object, name);
}

const boost::json::array* find_list(const boost::json::object& object, std::string_view name) {
  const boost::json::value* const value = find_field(object, name);
  return value == nullptr ? nullptr : value->if_array();
}

std::string text_field(const boost::json::object& object, std::string_view name) {
  const boost::json::value* const value = find_field(object, name);
  if (value == nullptr || !value->is_string()) return {};
  const boost::json::string& text = value->get_string();
  return {text.data(), text.size()};
}

std::optional<std::int64_t> whole_field(const boost::json::object& object, std::string_view name) {
  const boost::json::value* const value = find_field(object, name);
  if (value == nullptr) return std::nullopt;
  if (value->is_int64()) return value->get_int64();
  if (value->is_uint64()) return std::numeric_limits<std::int64_t>::max();
  constexpr double kExact = 9007199254740992.0;  // 2^53
  const bool exact =
      value->is_double() && value->get_double() > -kExact && value->get_double() < kExact;
  if (!exact) return std::nullopt;
  return static_cast<std::int64_t>(value->get_double());
}

bool true_field(const boost::json::object& object, std::string_view name) {
  const boost::json::value* const value = find_field(object, name);
  return value != nullptr && value->is_bool() && value->get_bool();
}

boost::json::value json_of(const OptionValue& value) {
  return std::visit([](const auto& held) { return boost::json::value(held); }, value);
}

void put_options(boost::json::object& object, const Options& options) {
  for (const auto& [name, value] : options) object[name] = json_of(value);
}

std::int64_t fitted_seed(std::uint64_t seed) {
  return static_cast<std::int64_t>((seed ^ (seed >> 31) ^ (seed >> 62)) & kSeedMax);
}

std::string trouble_of(std::string_view words) {
  const std::string text = lower(words.substr(0, 4096));
  for (const auto& [sign, meaning] : kSigns) {
    for (std::size_t at = text.find(sign); at != std::string::npos; at = text.find(sign, at + 1)) {
      if (is_word_at(text, at, sign.size())) return std::string(meaning);
    }
  }
  return {};
}

std::string short_words(std::string_view words, std::size_t bytes_max) {
  std::size_t size = std::min(words.size(), bytes_max);
  while (size > 0 && size < words.size() &&
         (static_cast<unsigned char>(words[size]) & 0xc0) == 0x80) {
    --size;
  }
  std::string text(words.substr(0, size));
  std::ranges::replace_if(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  return text;
}

}  // namespace stoker::protocol
