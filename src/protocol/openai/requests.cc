#include "protocol/openai/requests.h"

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "protocol/json_access.h"

namespace stoker::protocol::openai {
namespace {

namespace json = boost::json;

constexpr std::string_view kOpenTag = "<sd_cpp_extra_args>";
constexpr std::string_view kCloseTag = "</sd_cpp_extra_args>";

std::optional<std::int64_t> whole_option(const Options& options, std::string_view name) {
  const OptionValue* const value = find_option(options, name);
  const std::int64_t* const whole = value == nullptr ? nullptr : std::get_if<std::int64_t>(value);
  return whole == nullptr ? std::nullopt : std::optional(*whole);
}

bool is_size(std::string_view name) {
  return name == "width" || name == "height" || name == "size";
}

void put_size(json::object& body, const Options& options) {
  const auto width = whole_option(options, "width");
  const auto height = whole_option(options, "height");
  if (const OptionValue* const size = find_option(options, "size")) {
    body["size"] = json_of(*size);
  } else if (width && height) {
    body["size"] = std::to_string(*width) + "x" + std::to_string(*height);
  }
}

json::object image_body(const ImageRequest& request, std::string_view prompt) {
  json::object body{{"model", request.model}, {"prompt", prompt}, {"n", 1}};
  put_size(body, request.options);
  return body;
}

// Newer servers read the number of steps from a group, older ones beside it.
json::object extra_args(const ImageRequest& request) {
  json::object extra;
  for (const auto& [name, value] : request.options) {
    if (!is_size(name)) extra[name] = json_of(value);
  }
  if (const auto steps = whole_option(request.options, "steps")) {
    extra["sample_params"] = json::object{{"sample_steps", *steps}};
  }
  if (request.seed) extra["seed"] = fitted_seed(*request.seed);
  return extra;
}

}  // namespace

std::string chat_request(const ChatRequest& request) {
  json::object body{{"model", request.model}};
  json::array messages;
  for (const ChatMessage& message : request.messages) {
    messages.push_back({{"role", message.role}, {"content", message.content}});
  }
  body["messages"] = std::move(messages);
  put_options(body, request.options);
  if (request.seed) body["seed"] = fitted_seed(*request.seed);
  body["stream"] = true;
  if (request.usage == UsageWish::asked) {
    body["stream_options"] = json::object{{"include_usage", true}};
  }
  return json::serialize(body);
}

std::string first_token_request(std::string_view model) {
  json::array messages;
  messages.push_back({{"role", "user"}, {"content", "a"}});
  return json::serialize(
      json::object{{"model", model}, {"messages", std::move(messages)}, {"max_tokens", 1}});
}

std::string image_request(const ImageRequest& request) {
  json::object body = image_body(request, request.prompt);
  for (const auto& [name, value] : request.options) {
    if (!is_size(name)) body[name] = json_of(value);
  }
  if (request.seed) body["seed"] = fitted_seed(*request.seed);
  body["response_format"] = "b64_json";
  return json::serialize(body);
}

std::string sd_cpp_image_request(const ImageRequest& request) {
  std::string prompt = without_extra_args(request.prompt);
  const json::object extra = extra_args(request);
  if (!extra.empty()) {
    prompt += " ";
    prompt += kOpenTag;
    prompt += json::serialize(extra);
    prompt += kCloseTag;
  }
  return json::serialize(image_body(request, prompt));
}

// Whatever is taken away may join what stood around it to a new tag, so the end of the result is looked at again with
// every character.
std::string without_extra_args(std::string_view prompt) {
  std::string clean;
  std::optional<std::size_t> opened;
  for (const char c : prompt) {
    clean += c;
    if (c != '>') continue;
    if (clean.ends_with(kOpenTag)) {
      clean.resize(clean.size() - kOpenTag.size());
      opened = clean.size();
    } else if (clean.ends_with(kCloseTag)) {
      clean.resize(clean.size() - kCloseTag.size());
      if (opened) clean.resize(std::min(*opened, clean.size()));
      opened.reset();
    }
  }
  return clean;
}

std::string speech_request(std::string_view model, std::string_view text, const Options& options) {
  json::object body{{"model", model}, {"input", text}};
  put_options(body, options);
  return json::serialize(body);
}

std::string model_request(std::string_view model, const Options& fields) {
  json::object body{{"model", model}};
  put_options(body, fields);
  return json::serialize(body);
}

std::string instance_request(std::string_view instance) {
  return json::serialize(json::object{{"instance_id", instance}});
}

}  // namespace stoker::protocol::openai
