#include "protocol/openai/errors.h"

#include <boost/json/serialize.hpp>

#include "protocol/json_access.h"

namespace stoker::protocol::openai {
namespace {

namespace json = boost::json;

std::string code_of(const json::object& object) {
  if (const auto number = whole_field(object, "code")) return std::to_string(*number);
  return short_words(text_field(object, "code"), 80);
}

WireError read_object(const json::object& object) {
  return {.message = short_words(text_field(object, "message")),
          .type = short_words(text_field(object, "type"), 80),
          .code = code_of(object),
          .param = short_words(text_field(object, "param"), 80)};
}

// [{"loc":[..],"msg":"..","type":".."}] of request validation, or a text.
std::string detail_words(const json::value& detail) {
  if (detail.is_string()) return short_words(detail.get_string());
  const json::array* const list = detail.if_array();
  if (list == nullptr || list->empty() || !list->front().is_object()) return {};
  return short_words(text_field(list->front().get_object(), "msg"));
}

WireError raw(std::string_view text) {
  return {.message = short_words(text), .type = {}, .code = {}, .param = {}};
}

}  // namespace

bool is_error(const json::value& event) {
  const json::object* const object = event.if_object();
  if (object == nullptr) return false;
  return find_field(*object, "error") != nullptr || text_field(*object, "object") == "error";
}

WireError read_error(const json::value& event) {
  const json::object* const object = event.if_object();
  if (object == nullptr) return {};
  const json::value* const error = find_field(*object, "error");
  if (error != nullptr && error->is_object()) return read_object(error->get_object());
  if (error != nullptr && error->is_string()) {
    WireError read = raw(error->get_string());
    // {"error":"server_error","message":"…"}
    const std::string message = text_field(*object, "message");
    if (message.empty()) return read;
    read.type = read.message;
    read.message = short_words(message);
    return read;
  }
  if (const json::value* const detail = find_field(*object, "detail")) {
    return {.message = detail_words(*detail), .type = {}, .code = {}, .param = {}};
  }
  return read_object(*object);
}

WireError read_error(std::string_view body) {
  const auto value = parse_json(body);
  if (!value) return raw(body);
  if (value->is_string()) return raw(value->get_string());
  WireError error = read_error(*value);
  return error.message.empty() && error.type.empty() ? raw(body) : error;
}

std::string trouble_of(const WireError& error) {
  for (const std::string& words : {error.code, error.type, error.message}) {
    std::string trouble = protocol::trouble_of(words);
    if (!trouble.empty()) return trouble;
  }
  return {};
}

bool names_unknown_model(const WireError& error) {
  return error.code == "model_not_found" || error.param == "model" ||
         error.message.find("model") != std::string::npos ||
         error.message.find("Model") != std::string::npos;
}

}  // namespace stoker::protocol::openai
