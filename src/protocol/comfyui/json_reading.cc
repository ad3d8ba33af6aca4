#include "protocol/comfyui/json_reading.h"

#include <cmath>

namespace stoker::protocol::comfyui {

namespace json = boost::json;

std::optional<json::value> parse_json(std::string_view text) {
  json::parse_options options;
  options.max_depth = kJsonDepthMax;
  boost::system::error_code failed;
  json::value value = json::parse(json::string_view(text.data(), text.size()), failed, {}, options);
  if (failed) return std::nullopt;
  return value;
}

std::optional<json::object> parse_object(std::string_view text) {
  auto value = parse_json(text);
  if (!value || !value->is_object()) return std::nullopt;
  return std::move(value->get_object());
}

const json::value* value_in(const json::object& object, std::string_view key) {
  return object.if_contains(json::string_view(key.data(), key.size()));
}

const json::object* object_in(const json::object& object, std::string_view key) {
  const json::value* value = value_in(object, key);
  return value == nullptr ? nullptr : value->if_object();
}

const json::array* array_in(const json::object& object, std::string_view key) {
  const json::value* value = value_in(object, key);
  return value == nullptr ? nullptr : value->if_array();
}

std::optional<std::string_view> text_in(const json::object& object, std::string_view key) {
  const json::value* value = value_in(object, key);
  const json::string* text = value == nullptr ? nullptr : value->if_string();
  if (text == nullptr) return std::nullopt;
  return view(*text);
}

std::optional<bool> flag_in(const json::object& object, std::string_view key) {
  const json::value* value = value_in(object, key);
  if (value == nullptr || !value->is_bool()) return std::nullopt;
  return value->get_bool();
}

std::optional<double> number_of(const json::value& value) {
  if (const auto* whole = value.if_int64()) return static_cast<double>(*whole);
  if (const auto* large = value.if_uint64()) return static_cast<double>(*large);
  if (const auto* real = value.if_double(); real != nullptr && std::isfinite(*real)) return *real;
  return std::nullopt;
}

std::optional<double> number_in(const json::object& object, std::string_view key) {
  const json::value* value = value_in(object, key);
  return value == nullptr ? std::nullopt : number_of(*value);
}

std::optional<std::uint64_t> count_of(const json::value& value) {
  if (const auto* large = value.if_uint64()) return *large;
  if (const auto* whole = value.if_int64(); whole != nullptr && *whole >= 0) {
    return static_cast<std::uint64_t>(*whole);
  }
  const auto* real = value.if_double();
  if (real == nullptr || !(*real >= 0) || *real >= 0x1.0p63 || std::trunc(*real) != *real) {
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(*real);
}

std::optional<std::uint64_t> count_in(const json::object& object, std::string_view key) {
  const json::value* value = value_in(object, key);
  return value == nullptr ? std::nullopt : count_of(*value);
}

std::string quoted(std::string_view text) {
  return json::serialize(json::string(text.data(), text.size()));
}

}  // namespace stoker::protocol::comfyui
