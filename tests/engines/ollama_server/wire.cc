#include "tests/engines/ollama_server/wire.h"

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/system/error_code.hpp>
#include <cmath>

namespace stoker::engines::ollama {
namespace {

namespace json = boost::json;

std::string_view json_name(const json::value& value) {
  switch (value.kind()) {
    case json::kind::bool_:
      return "bool";
    case json::kind::string:
      return "string";
    case json::kind::array:
      return "array";
    case json::kind::object:
      return "object";
    default:
      return "number";
  }
}

bool whole(const json::value& value) {
  return value.is_int64() || value.is_uint64() ||
         (value.is_double() && std::trunc(value.get_double()) == value.get_double());
}

bool fits(const json::value& value, Kind kind) {
  switch (kind) {
    case Kind::text:
      return value.is_string();
    case Kind::flag:
      return value.is_bool();
    case Kind::integer:
      return whole(value);
    case Kind::number:
      return value.is_number();
    case Kind::list:
      return value.is_array();
    case Kind::object:
      return value.is_object();
    case Kind::any:
      break;
  }
  return true;
}

std::string_view go_name(Kind kind) {
  constexpr std::array<std::string_view, 7> kNames{
      "string", "bool", "int", "float64", "[]interface {}", "map[string]interface {}", "any"};
  return kNames[static_cast<std::size_t>(kind)];
}

struct OptionRule {
  std::string_view name;
  Kind kind;
};
constexpr std::array<OptionRule, 20> kOptionRules{{
    {"num_predict", Kind::number},
    {"num_keep", Kind::number},
    {"temperature", Kind::number},
    {"top_k", Kind::number},
    {"top_p", Kind::number},
    {"min_p", Kind::number},
    {"typical_p", Kind::number},
    {"repeat_last_n", Kind::number},
    {"repeat_penalty", Kind::number},
    {"presence_penalty", Kind::number},
    {"frequency_penalty", Kind::number},
    {"seed", Kind::number},
    {"stop", Kind::list},
    {"num_ctx", Kind::number},
    {"num_batch", Kind::number},
    {"num_gpu", Kind::number},
    {"main_gpu", Kind::number},
    {"use_mmap", Kind::flag},
    {"num_thread", Kind::number},
    {"draft_num_predict", Kind::number},
}};

std::string_view option_kind_name(const OptionRule& rule) {
  if (rule.kind == Kind::list) return "array";
  if (rule.kind == Kind::flag) return "boolean";
  const bool real =
      rule.name == "temperature" || rule.name.ends_with("_p") || rule.name.ends_with("_penalty");
  return real ? "float32" : "integer";
}

std::optional<std::int64_t> integer_in(const json::object& object, std::string_view name) {
  const json::value* const value = object.if_contains(name);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  return static_cast<std::int64_t>(value->to_number<double>());
}

std::unexpected<Refusal> bad_request(std::string text) {
  return std::unexpected(Refusal{400, std::move(text)});
}

std::string syntax_error(std::string_view body) {
  const std::size_t at = body.find_first_not_of(" \t\r\n");
  if (at != std::string_view::npos && body[at] != '{' && body[at] != '[') {
    return "invalid character '" + std::string(1, body[at]) + "' looking for beginning of value";
  }
  return "unexpected EOF";
}

}  // namespace

std::string go_json(const json::value& value) {
  std::string text;
  for (const char c : json::serialize(value)) {
    if (c == '<') {
      text += "\\u003c";
    } else if (c == '>') {
      text += "\\u003e";
    } else if (c == '&') {
      text += "\\u0026";
    } else {
      text.push_back(c);
    }
  }
  return text;
}

std::string error_json(std::string_view text) {
  return go_json(json::object{{"error", text}});
}

std::expected<Fields, Refusal> Fields::parse(std::string_view body, std::string_view go_type,
                                             std::span<const Rule> rules) {
  if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    return bad_request("missing request body");
  }
  boost::system::error_code error;
  json::value value = json::parse(body, error);
  if (error) return bad_request(syntax_error(body));
  if (!value.is_object()) {
    return bad_request("json: cannot unmarshal " + std::string(json_name(value)) +
                       " into Go value of type api." + std::string(go_type));
  }
  json::object object = std::move(value.get_object());
  for (const Rule& rule : rules) {
    const json::value* const field = object.if_contains(rule.name);
    if (field == nullptr || field->is_null() || ollama::fits(*field, rule.kind)) continue;
    return bad_request("json: cannot unmarshal " + std::string(json_name(*field)) +
                       " into Go struct field " + std::string(go_type) + "." +
                       std::string(rule.name) + " of type " + std::string(go_name(rule.kind)));
  }
  return Fields(std::move(object));
}

const json::value* Fields::find(std::string_view name) const {
  const json::value* const value = object_.if_contains(name);
  return value != nullptr && !value->is_null() ? value : nullptr;
}

std::string Fields::text(std::string_view name) const {
  return text_of(object_, name);
}

std::optional<bool> Fields::flag(std::string_view name) const {
  const json::value* const value = find(name);
  return value != nullptr && value->is_bool() ? std::optional(value->get_bool()) : std::nullopt;
}

std::optional<double> Fields::number(std::string_view name) const {
  const json::value* const value = find(name);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  return value->to_number<double>();
}

std::size_t Fields::list_size(std::string_view name) const {
  const json::value* const value = find(name);
  return value != nullptr && value->is_array() ? value->get_array().size() : 0;
}

std::string text_of(const json::object& object, std::string_view name) {
  const json::value* const value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::expected<std::optional<Duration>, Refusal> keep_alive_of(const Fields& fields) {
  const json::value* const value = fields.find("keep_alive");
  if (value == nullptr) return std::optional<Duration>();
  Duration wanted;
  if (value->is_number()) {
    const double number = value->to_number<double>();
    wanted = number * 1e6 >= static_cast<double>(kForever.us)
                 ? kForever
                 : Duration{std::llround(number * 1e6)};
  } else if (value->is_string()) {
    const auto parsed = parse_go_duration(value->get_string());
    if (!parsed) return bad_request(parsed.error());
    wanted = *parsed;
  } else {
    return bad_request("Unsupported type: '" + std::string(json_name(*value)) + "'");
  }
  return wanted < Duration{} ? kForever : wanted;
}

std::expected<RunOptions, Refusal> options_of(const Fields& fields) {
  RunOptions options;
  options.load.shift = fields.flag("shift").value_or(true);
  const json::value* const value = fields.find("options");
  if (value == nullptr) return options;
  const json::object& object = value->get_object();
  for (const OptionRule& rule : kOptionRules) {
    const json::value* const option = object.if_contains(rule.name);
    if (option == nullptr || option->is_null() || ollama::fits(*option, rule.kind)) continue;
    return std::unexpected(Refusal{500, "option \"" + std::string(rule.name) +
                                            "\" must be of type " +
                                            std::string(option_kind_name(rule))});
  }
  options.num_ctx = integer_in(object, "num_ctx");
  options.num_predict = integer_in(object, "num_predict");
  options.load.num_batch = integer_in(object, "num_batch");
  options.load.num_thread = integer_in(object, "num_thread");
  options.load.main_gpu = integer_in(object, "main_gpu");
  options.load.draft_num_predict = integer_in(object, "draft_num_predict");
  options.load.num_gpu = integer_in(object, "num_gpu");
  const json::value* const mmap = object.if_contains("use_mmap");
  if (mmap != nullptr && mmap->is_bool()) options.load.use_mmap = mmap->get_bool();
  return options;
}

}  // namespace stoker::engines::ollama
