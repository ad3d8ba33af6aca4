// Reading JSON of others: what is absent, null or of another type is simply not there.
//
// Threading: pure functions. Limits: Boost.JSON's nesting of 32; sizes are the caller's business.
// Errors: none of these functions fails or throws.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/options.h"

namespace stoker::protocol {

std::optional<boost::json::value> parse_json(std::string_view text);
// The same for texts that must be an object.
std::optional<boost::json::object> parse_json_object(std::string_view text);

// Null unless `value` is an object with that field and the field is not null.
const boost::json::value* find_field(const boost::json::value& value, std::string_view name);
const boost::json::value* find_field(const boost::json::object& object, std::string_view name);
const boost::json::array* find_list(const boost::json::object& object, std::string_view name);

std::string text_field(const boost::json::object& object, std::string_view name);
std::optional<std::int64_t> whole_field(const boost::json::object& object, std::string_view name);
bool true_field(const boost::json::object& object, std::string_view name);

boost::json::value json_of(const OptionValue& value);
// Later values replace earlier ones of the same name.
void put_options(boost::json::object& object, const Options& options);

// A seed that every engine takes: 0 to 2^31 - 1, unchanged if it lies there.
std::int64_t fitted_seed(std::uint64_t seed);

// What an engine's own words mean for the operator, as the parameter of an error: "out_of_memory", "context_length",
// "loading", or empty.
std::string trouble_of(std::string_view words);
// At most `bytes_max` bytes, one line, no control characters, no broken UTF-8 at the end.
std::string short_words(std::string_view words, std::size_t bytes_max = 300);

}  // namespace stoker::protocol
