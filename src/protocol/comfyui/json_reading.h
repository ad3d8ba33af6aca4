// Reading answers of engines: what is missing or of another type is absent, never an exception.
//
// Threading: pure functions. Ownership: pointers and views live as long as the value they came from.
// Limits: kJsonDepthMax levels; whoever fetched the bytes bounded their number.
#pragma once

#include <boost/json.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stoker::protocol::comfyui {

inline constexpr std::size_t kJsonDepthMax = 64;

// nullopt: no JSON, or too deep.
std::optional<boost::json::value> parse_json(std::string_view text);
// The same if it is an object.
std::optional<boost::json::object> parse_object(std::string_view text);

const boost::json::value* value_in(const boost::json::object& object, std::string_view key);
const boost::json::object* object_in(const boost::json::object& object, std::string_view key);
const boost::json::array* array_in(const boost::json::object& object, std::string_view key);
std::optional<std::string_view> text_in(const boost::json::object& object, std::string_view key);
std::optional<bool> flag_in(const boost::json::object& object, std::string_view key);
// Any number, also one with a fraction, as a double.
std::optional<double> number_in(const boost::json::object& object, std::string_view key);
std::optional<double> number_of(const boost::json::value& value);
// A whole number that is not negative; a double without a fraction counts.
std::optional<std::uint64_t> count_in(const boost::json::object& object, std::string_view key);
std::optional<std::uint64_t> count_of(const boost::json::value& value);

inline std::string_view view(const boost::json::string& text) {
  return {text.data(), text.size()};
}

// "abc" with quotes and escapes.
std::string quoted(std::string_view text);

}  // namespace stoker::protocol::comfyui
