#include "protocol/ollama/requests.h"

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>

#include "protocol/json_access.h"

namespace stoker::protocol::ollama {
namespace {

namespace json = boost::json;

// Options in the configuration, fields of the request on the wire.
constexpr std::array<std::string_view, 4> kFields = {"think", "format", "truncate", "shift"};

void put(json::object& body, json::object& options, const Options& from) {
  for (const auto& [name, value] : from) {
    const bool is_field = std::ranges::find(kFields, name) != kFields.end();
    (is_field ? body : options)[name] = json_of(value);
  }
}

std::string with_load_options(json::object body, const Options& load_options) {
  json::object options;
  put(body, options, load_options);
  if (!options.empty()) body["options"] = std::move(options);
  return json::serialize(body);
}

}  // namespace

std::string load_request(std::string_view model, const Options& load_options) {
  return with_load_options({{"model", model}, {"stream", false}, {"keep_alive", kKeepForever}},
                           load_options);
}

std::string embed_load_request(std::string_view model, const Options& load_options) {
  return with_load_options(
      {{"model", model}, {"input", json::array()}, {"keep_alive", kKeepForever}}, load_options);
}

std::string unload_request(std::string_view model, const Options& load_options) {
  return with_load_options({{"model", model}, {"stream", false}, {"keep_alive", 0}}, load_options);
}

std::string show_request(std::string_view model) {
  return json::serialize(json::object{{"model", model}});
}

std::string chat_request(const ChatRequest& request) {
  json::object body{{"model", request.model}, {"stream", true}, {"keep_alive", kKeepForever}};
  json::array messages;
  for (const ChatMessage& message : request.messages) {
    messages.push_back({{"role", message.role}, {"content", message.content}});
  }
  body["messages"] = std::move(messages);
  json::object options;
  put(body, options, request.run_options);
  put(body, options, request.load_options);
  if (request.seed) options["seed"] = fitted_seed(*request.seed);
  if (!options.empty()) body["options"] = std::move(options);
  return json::serialize(body);
}

}  // namespace stoker::protocol::ollama
