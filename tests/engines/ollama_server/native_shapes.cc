// The answers of /api/chat and /api/generate: one JSON object per line.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <cstdio>

#include "tests/engines/ollama_server/shapes.h"
#include "tests/engines/ollama_server/wire.h"

namespace stoker::engines::ollama {
namespace {

namespace json = boost::json;

constexpr std::int64_t kNsPerToken = 1'000'000;
constexpr std::int64_t kLoadNs = 5'000'000;

json::object call_json(const Record& record, std::uint64_t number) {
  std::array<char, 24> id{};
  std::snprintf(id.data(), id.size(), "call_%08x",
                static_cast<unsigned>(number * 16 + record.index));
  return {
      {"id", id.data()},
      {"function",
       {{"index", record.index}, {"name", record.name}, {"arguments", json::parse(record.text)}}}};
}

struct Parts {
  std::string thinking;
  std::string text;
  json::array calls;
};

Parts parts_of(const std::vector<Record>& records, std::uint64_t number) {
  Parts parts;
  for (const Record& record : records) {
    if (record.what == Record::What::thinking) parts.thinking += record.text;
    if (record.what == Record::What::text) parts.text += record.text;
    if (record.what == Record::What::call) parts.calls.push_back(call_json(record, number));
  }
  return parts;
}

class NativeShape : public AnswerShape {
 public:
  using AnswerShape::AnswerShape;

  std::string_view stream_type() const override { return "application/x-ndjson"; }
  std::string piece(const Record& record) override {
    json::object object = beginning();
    put(object, parts_of({record}, frame().number));
    put_logprobs(object, {record});
    object["done"] = false;
    return go_json(object) + "\n";
  }
  std::string end() override {
    json::object object = beginning();
    put(object, {});
    put_end(object);
    return go_json(object) + "\n";
  }
  std::string broken(std::string_view error) override { return error_json(error) + "\n"; }
  std::string whole(const std::vector<Record>& records) override {
    json::object object = beginning();
    put(object, parts_of(records, frame().number));
    put_logprobs(object, records);
    put_end(object);
    return go_json(object);
  }
  std::string notice(std::string_view reason) override {
    json::object object = beginning();
    put(object, {});
    object["done"] = true;
    object["done_reason"] = reason;
    return go_json(object);
  }
  std::string error(int, std::string_view text) override { return error_json(text); }

 protected:
  virtual void put(json::object& object, Parts parts) const = 0;
  virtual void put_context(json::object&) const {}

 private:
  json::object beginning() const {
    return {{"model", frame().model}, {"created_at", frame().created_at}};
  }
  void put_logprobs(json::object& object, const std::vector<Record>& records) const {
    if (!frame().logprobs) return;
    json::array list;
    for (const Record& record : records) {
      list.push_back(json::object{{"token", record.text}, {"logprob", -0.5}});
    }
    object["logprobs"] = std::move(list);
  }
  void put_end(json::object& object) const {
    const auto prompt_tokens = static_cast<std::int64_t>(frame().prompt_tokens);
    const auto answer_tokens = static_cast<std::int64_t>(frame().answer_tokens);
    object["done"] = true;
    object["done_reason"] = frame().finish;
    put_context(object);
    object["total_duration"] = kLoadNs + (prompt_tokens + answer_tokens) * kNsPerToken;
    object["load_duration"] = kLoadNs;
    if (prompt_tokens > 0) {
      object["prompt_eval_count"] = prompt_tokens;
      object["prompt_eval_duration"] = prompt_tokens * kNsPerToken;
    }
    object["eval_count"] = answer_tokens;
    object["eval_duration"] = answer_tokens * kNsPerToken;
  }
};

class ChatShape final : public NativeShape {
 public:
  using NativeShape::NativeShape;

 protected:
  void put(json::object& object, Parts parts) const override {
    json::object message{{"role", "assistant"}, {"content", parts.text}};
    if (!parts.thinking.empty()) message["thinking"] = parts.thinking;
    if (!parts.calls.empty()) message["tool_calls"] = std::move(parts.calls);
    object["message"] = std::move(message);
  }
};

class GenerateShape final : public NativeShape {
 public:
  using NativeShape::NativeShape;

 protected:
  void put(json::object& object, Parts parts) const override {
    object["response"] = parts.text;
    if (!parts.thinking.empty()) object["thinking"] = parts.thinking;
    if (!parts.calls.empty()) object["tool_calls"] = std::move(parts.calls);
  }
  void put_context(json::object& object) const override {
    if (frame().raw) return;
    json::array context;
    for (std::size_t i = 0; i < frame().prompt_tokens + frame().answer_tokens; ++i) {
      context.emplace_back(100 + i);
    }
    object["context"] = std::move(context);
  }
};

}  // namespace

std::unique_ptr<AnswerShape> make_shape(Route route, AnswerFrame frame) {
  if (route == Route::chat) return std::make_unique<ChatShape>(std::move(frame));
  if (route == Route::generate) return std::make_unique<GenerateShape>(std::move(frame));
  return make_v1_shape(route, std::move(frame));
}

}  // namespace stoker::engines::ollama
