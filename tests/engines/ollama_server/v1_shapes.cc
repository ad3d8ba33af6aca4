// The answers of /v1/chat/completions and /v1/completions, as Ollama makes them.
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cstdio>

#include "tests/engines/ollama_server/shapes.h"
#include "tests/engines/ollama_server/wire.h"

namespace stoker::engines::ollama {
namespace {

namespace json = boost::json;

constexpr std::string_view kFingerprint = "fp_ollama";
constexpr std::int64_t kYearOne = -62'135'596'800;  // Go's zero time
constexpr std::uint64_t kIdCount = 999;

json::object call_json(const Record& record) {
  std::array<char, 24> id{};
  std::snprintf(id.data(), id.size(), "call_%08x", static_cast<unsigned>(record.index));
  return {{"id", id.data()},
          {"index", record.index},
          {"type", "function"},
          {"function", {{"name", record.name}, {"arguments", record.text}}}};
}

json::object usage_json(std::size_t prompt_tokens, std::size_t answer_tokens) {
  return {{"prompt_tokens", prompt_tokens},
          {"completion_tokens", answer_tokens},
          {"total_tokens", prompt_tokens + answer_tokens}};
}

std::string event(const json::value& value) {
  return "data: " + go_json(value) + "\n\n";
}

class V1Shape : public AnswerShape {
 public:
  using AnswerShape::AnswerShape;

  std::string_view stream_type() const override { return "text/event-stream"; }
  std::string notice(std::string_view) override { return whole({}); }
  std::string error(int status, std::string_view text) override { return v1_error(status, text); }

 protected:
  json::object beginning(std::string_view prefix, std::string_view object) const {
    return {{"id", std::string(prefix) + std::to_string(frame().number % kIdCount)},
            {"object", object},
            {"created", frame().created_s},
            {"model", frame().model},
            {"system_fingerprint", kFingerprint}};
  }
  json::object usage() const { return usage_json(frame().prompt_tokens, frame().answer_tokens); }
};

class V1ChatShape final : public V1Shape {
 public:
  using V1Shape::V1Shape;

  std::string piece(const Record& record) override {
    json::object delta;
    if (!std::exchange(role_sent_, true)) delta["role"] = "assistant";
    delta["content"] = record.what == Record::What::text ? record.text : std::string();
    if (record.what == Record::What::thinking) delta["reasoning"] = record.text;
    if (record.what == Record::What::call) {
      delta["tool_calls"] = json::array{call_json(record)};
      called_ = true;
    }
    return event(chunk(std::move(delta), nullptr));
  }
  std::string end() override {
    std::string text = event(chunk({}, json::string(called_ ? "tool_calls" : frame().finish)));
    if (frame().include_usage) {
      json::object last = beginning("chatcmpl-", "chat.completion.chunk");
      last["choices"] = json::array();
      last["usage"] = usage();
      text += event(last);
    }
    return text + "data: [DONE]\n\n";
  }
  // The error is read again as an empty piece, and so it is lost.
  std::string broken(std::string_view) override {
    json::object lost = chunk({{"content", ""}}, nullptr);
    lost["model"] = "";
    lost["created"] = kYearOne;
    return event(lost);
  }
  std::string whole(const std::vector<Record>& records) override {
    json::object message{{"role", "assistant"}, {"content", ""}};
    json::array calls;
    std::string text;
    std::string reasoning;
    for (const Record& record : records) {
      if (record.what == Record::What::text) text += record.text;
      if (record.what == Record::What::thinking) reasoning += record.text;
      if (record.what == Record::What::call) calls.push_back(call_json(record));
    }
    message["content"] = text;
    if (!reasoning.empty()) message["reasoning"] = reasoning;
    const std::string finish = calls.empty() ? frame().finish : "tool_calls";
    if (!calls.empty()) message["tool_calls"] = std::move(calls);
    json::object object = beginning("chatcmpl-", "chat.completion");
    object["choices"] = json::array{
        json::object{{"index", 0}, {"message", std::move(message)}, {"finish_reason", finish}}};
    object["usage"] = usage();
    return go_json(object);
  }

 private:
  json::object chunk(json::object delta, json::value finish) const {
    json::object object = beginning("chatcmpl-", "chat.completion.chunk");
    object["choices"] = json::array{json::object{
        {"index", 0}, {"delta", std::move(delta)}, {"finish_reason", std::move(finish)}}};
    return object;
  }

  bool role_sent_ = false;
  bool called_ = false;
};

class V1CompletionShape final : public V1Shape {
 public:
  using V1Shape::V1Shape;

  std::string piece(const Record& record) override { return event(chunk(record.text, nullptr)); }
  std::string end() override {
    std::string text = event(chunk("", json::string(frame().finish)));
    if (frame().include_usage) {
      json::object last = beginning("cmpl-", "text_completion");
      last["choices"] = json::array();
      last["usage"] = usage();
      text += event(last);
    }
    return text + "data: [DONE]\n\n";
  }
  std::string broken(std::string_view) override {
    json::object lost = chunk("", nullptr);
    lost["model"] = "";
    lost["created"] = kYearOne;
    return event(lost);
  }
  std::string whole(const std::vector<Record>& records) override {
    std::string text;
    for (const Record& record : records) text += record.text;
    json::object object = beginning("cmpl-", "text_completion");
    object["choices"] = json::array{choice(text, json::string(frame().finish))};
    object["usage"] = usage();
    return go_json(object);
  }

 private:
  static json::object choice(std::string_view text, json::value finish) {
    return {{"text", text}, {"index", 0}, {"finish_reason", std::move(finish)}};
  }
  json::object chunk(std::string_view text, json::value finish) const {
    json::object object = beginning("cmpl-", "text_completion");
    object["choices"] = json::array{choice(text, std::move(finish))};
    if (frame().include_usage) object["usage"] = usage_json(0, 0);
    return object;
  }
};

std::string_view error_type(int status) {
  if (status == 400) return "invalid_request_error";
  return status == 404 ? "not_found_error" : "api_error";
}

}  // namespace

std::string v1_error(int status, std::string_view text) {
  return go_json(json::object{
      {"error",
       {{"message", text}, {"type", error_type(status)}, {"param", nullptr}, {"code", nullptr}}}});
}

std::unique_ptr<AnswerShape> make_v1_shape(Route route, AnswerFrame frame) {
  if (route == Route::v1_chat) return std::make_unique<V1ChatShape>(std::move(frame));
  return std::make_unique<V1CompletionShape>(std::move(frame));
}

}  // namespace stoker::engines::ollama
