#include "api/body.h"

#include <algorithm>
#include <boost/json/parse_options.hpp>
#include <boost/json/stream_parser.hpp>
#include <boost/json/value.hpp>

namespace stoker::api {
namespace {

namespace json = boost::json;

Refusal bad_field(std::string field, std::string detail, std::string value = {}) {
  return {.code = ErrorCode::bad_request,
          .detail = std::move(detail),
          .field = std::move(field),
          .value = std::move(value)};
}

bool is_blank(char c) {
  return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string with_plain_line_ends(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
    out.push_back(text[i]);
  }
  return out;
}

std::size_t characters_of(std::string_view utf8) {
  return static_cast<std::size_t>(std::ranges::count_if(
      utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

// C0 and C1 control characters and DEL.
bool has_control_characters(std::string_view utf8, Lines lines) {
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    const auto c = static_cast<unsigned char>(utf8[i]);
    if (c == '\n' && lines == Lines::many) continue;
    if (c < 0x20U || c == 0x7fU) return true;
    if (c == 0xC2U && i + 1 < utf8.size() && static_cast<unsigned char>(utf8[i + 1]) < 0xA0U)
      return true;
  }
  return false;
}

bool is_json_type(std::string_view type) {
  const std::string_view essence = trimmed(type.substr(0, type.find(';')));
  return std::ranges::equal(essence, std::string_view("application/json"), [](char a, char b) {
    return a == b || (a >= 'A' && a <= 'Z' && a + 32 == b);
  });
}

Checked<json::object> parse_object(std::string_view bytes) {
  json::parse_options options;
  options.max_depth = kBodyDepthMax;
  json::stream_parser parser({}, options);
  json::error_code error;
  const std::size_t read = parser.write_some(bytes.data(), bytes.size(), error);
  const bool trailing = !error && read < bytes.size() && !trimmed(bytes.substr(read)).empty();
  if (!error && !trailing) parser.finish(error);
  if (error || trailing) {
    return refuse(
        bad_field("body", "malformed JSON at byte " + std::to_string(read), std::to_string(read)));
  }
  json::value value = parser.release();
  if (!value.is_object()) return refuse(bad_field("body", "the body must be a JSON object"));
  return std::move(value.get_object());
}

}  // namespace

Checked<std::string> checked_text(std::string_view raw, std::string_view field,
                                  const TextRule& rule) {
  std::string text = with_plain_line_ends(trimmed(raw));
  const std::size_t characters = characters_of(text);
  if (characters > rule.characters_max) {
    return refuse({.code = ErrorCode::too_large,
                   .detail = "has " + std::to_string(characters) + " characters",
                   .field = std::string(field),
                   .value = std::to_string(rule.characters_max)});
  }
  if (characters < rule.characters_min) {
    return refuse(
        bad_field(std::string(field), "is too short", std::to_string(rule.characters_min)));
  }
  if (has_control_characters(text, rule.lines)) {
    return refuse(bad_field(std::string(field), "holds control characters"));
  }
  return text;
}

Checked<Body> Body::parse(std::string_view bytes, std::optional<std::string_view> content_type) {
  if (trimmed(bytes).empty()) return Body(json::object());
  if (content_type && !is_json_type(*content_type)) {
    return refuse(bad_field("Content-Type", "must be application/json"));
  }
  auto object = parse_object(bytes);
  if (!object) return refuse(std::move(object.error()));
  return Body(std::move(*object));
}

void Body::fault(Refusal refusal) {
  if (!fault_) fault_ = std::move(refusal);
}

std::nullopt_t Body::wrong(std::string_view name, std::string_view expected) {
  fault(bad_field(path(name), "must be " + std::string(expected)));
  return std::nullopt;
}

void Body::require(bool present, std::string_view name) {
  if (!present) fault(bad_field(path(name), "is missing"));
}

const json::value* Body::take(std::string_view name) {
  read_.emplace(name);
  if (fault_) return nullptr;
  const json::value* value = fields_.if_contains(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

std::optional<std::string> Body::text(std::string_view name, const TextRule& rule) {
  const json::value* value = take(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) return wrong(name, "a text");
  auto text = checked_text(value->get_string(), path(name), rule);
  if (text) return std::move(*text);
  fault(std::move(text.error()));
  return std::nullopt;
}

std::optional<std::uint64_t> Body::whole(std::string_view name, const WholeRule& rule) {
  const json::value* value = take(name);
  if (value == nullptr) return std::nullopt;
  std::optional<std::uint64_t> number;
  if (value->is_uint64()) number = value->get_uint64();
  if (value->is_int64() && value->get_int64() >= 0)
    number = static_cast<std::uint64_t>(value->get_int64());
  if (number && *number >= rule.min && *number <= rule.max) return number;
  return wrong(
      name, "a whole number from " + std::to_string(rule.min) + " to " + std::to_string(rule.max));
}

std::optional<bool> Body::flag(std::string_view name) {
  const json::value* value = take(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_bool()) return wrong(name, "true or false");
  return value->get_bool();
}

std::optional<std::string> Body::word(std::string_view name,
                                      std::initializer_list<std::string_view> words) {
  const json::value* value = take(name);
  if (value == nullptr) return std::nullopt;
  std::string expected = "one of";
  for (const std::string_view word : words) {
    if (value->is_string() && value->get_string() == word) return std::string(word);
    expected.append(" ").append(word);
  }
  return wrong(name, expected);
}

std::optional<std::vector<std::string>> Body::texts(std::string_view name, std::size_t count_max,
                                                    const TextRule& rule) {
  const json::value* value = take(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_array() || value->get_array().size() > count_max) {
    return wrong(name, "a list of at most " + std::to_string(count_max) + " texts");
  }
  std::vector<std::string> out;
  for (const json::value& item : value->get_array()) {
    if (!item.is_string()) return wrong(name, "a list of texts");
    auto text = checked_text(item.get_string(), path(name), rule);
    if (!text) {
      fault(std::move(text.error()));
      return std::nullopt;
    }
    out.push_back(std::move(*text));
  }
  return out;
}

std::optional<Body> Body::object(std::string_view name) {
  const json::value* value = take(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_object()) return wrong(name, "an object");
  return Body(value->get_object(), path(name) + ".");
}

std::optional<std::vector<Body>> Body::objects(std::string_view name, std::size_t count_max) {
  const json::value* value = take(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_array() || value->get_array().size() > count_max) {
    return wrong(name, "a list of at most " + std::to_string(count_max) + " objects");
  }
  std::vector<Body> out;
  for (const json::value& item : value->get_array()) {
    if (!item.is_object()) return wrong(name, "a list of objects");
    out.push_back(Body(item.get_object(), path(name) + "[" + std::to_string(out.size()) + "]."));
  }
  return out;
}

Checked<void> Body::finish() {
  for (const auto& field : fields_) {
    const std::string_view name = field.key();
    if (!read_.contains(name)) fault(bad_field(path(name), "is not a field of this request"));
  }
  if (fault_) return refuse(*fault_);
  return {};
}

}  // namespace stoker::api
