#include "protocol/openai/chat_stream.h"

#include <boost/json/serialize.hpp>

#include "protocol/json_access.h"

namespace stoker::protocol::openai {
namespace {

namespace json = boost::json;

constexpr std::string_view kDone = "[DONE]";

// A string, or chunks of which the texts and the thoughts count.
void read_content(const json::object& delta, ChatDelta& read) {
  const json::value* const content = find_field(delta, "content");
  if (content == nullptr) return;
  if (content->is_string()) {
    read.text = text_field(delta, "content");
    return;
  }
  const json::array* const chunks = content->if_array();
  if (chunks == nullptr) return;
  for (const json::value& chunk : *chunks) {
    const json::object* const object = chunk.if_object();
    if (object == nullptr) continue;
    if (text_field(*object, "type") == "text") read.text += text_field(*object, "text");
    const json::array* const thoughts = find_list(*object, "thinking");
    if (thoughts == nullptr) continue;
    for (const json::value& thought : *thoughts) {
      if (thought.is_object()) read.reasoning += text_field(thought.get_object(), "text");
    }
  }
}

std::string arguments_of(const json::object& function) {
  const json::value* const arguments = find_field(function, "arguments");
  if (arguments == nullptr) return {};
  return arguments->is_string() ? text_field(function, "arguments") : json::serialize(*arguments);
}

std::optional<Usage> usage_of(const json::object& chunk) {
  const json::value* const usage = find_field(chunk, "usage");
  if (usage == nullptr || !usage->is_object()) return std::nullopt;
  return Usage{whole_field(usage->get_object(), "prompt_tokens").value_or(0),
               whole_field(usage->get_object(), "completion_tokens").value_or(0)};
}

}  // namespace

std::unexpected<Error> ChatStream::reported(WireError error) {
  engine_words_ = std::move(error);
  const std::string trouble = trouble_of(engine_words_);
  return fail(ErrorCode::internal, "the engine reported an error in its stream",
              trouble.empty() ? "engine_error" : trouble);
}

Result<void> ChatStream::take_calls(const json::object& delta) {
  const json::array* const list = find_list(delta, "tool_calls");
  if (list == nullptr) return {};
  for (const json::value& value : *list) {
    const json::object* const call = value.if_object();
    if (call == nullptr) continue;
    const std::int64_t index = whole_field(*call, "index").value_or(0);
    if (!calls_.contains(index) && calls_.size() == kToolCallsMax) {
      return fail(ErrorCode::too_large, "the engine makes too many calls");
    }
    ToolCall& kept = calls_[index];
    if (const std::string id = text_field(*call, "id"); !id.empty()) kept.id = id;
    const json::value* const function = find_field(*call, "function");
    if (function == nullptr || !function->is_object()) continue;
    const std::string name = text_field(function->get_object(), "name");
    if (!name.empty()) kept.name = name;
    const std::string arguments = arguments_of(function->get_object());
    argument_bytes_ += arguments.size();
    if (argument_bytes_ > kArgumentBytesMax) {
      return fail(ErrorCode::too_large, "the arguments of the engine's calls are too long");
    }
    kept.arguments += arguments;
  }
  return {};
}

Result<bool> ChatStream::take_choice(const json::object& choice, const Sink& sink) {
  const std::int64_t index = whole_field(choice, "index").value_or(0);
  if (index < 0 || index >= static_cast<std::int64_t>(kChoicesMax)) return true;
  const json::value* const delta = find_field(choice, "delta");
  if (delta != nullptr && delta->is_object()) {
    const json::object& object = delta->get_object();
    ChatDelta read{.choice = static_cast<std::size_t>(index), .text = {}, .reasoning = {}};
    read_content(object, read);
    read.reasoning += text_field(object, "reasoning_content") + text_field(object, "reasoning");
    if (index == 0) {
      if (const auto calls = take_calls(object); !calls) return fail(calls.error());
    }
    if (!read.text.empty() || !read.reasoning.empty()) {
      const auto more = sink(read);
      if (!more || !*more) return more;
    }
  }
  const std::string reason = text_field(choice, "finish_reason");
  if (index == 0 && !reason.empty()) end_.finish_reason = reason;
  return true;
}

Result<bool> ChatStream::take(const ServerEvent& event, const Sink& sink) {
  if (!event.error.empty()) return reported(read_error(std::string_view(event.error)));
  if (event.data == kDone) {
    done_ = true;
    return false;
  }
  const auto value = parse_json(event.data);
  if (!value || !value->is_object()) {
    return fail(ErrorCode::internal, "an event of the stream is no JSON", "garbage");
  }
  if (is_error(*value)) return reported(read_error(*value));
  const json::object& chunk = value->get_object();
  if (const auto usage = usage_of(chunk)) end_.usage = usage;
  const json::array* const choices = find_list(chunk, "choices");
  if (choices == nullptr) return true;
  for (const json::value& choice : *choices) {
    if (!choice.is_object()) continue;
    const auto more = take_choice(choice.get_object(), sink);
    if (!more || !*more) return more;
  }
  return true;
}

Result<bool> ChatStream::feed(std::string_view bytes, const Sink& sink) {
  if (done_) return false;
  return events_.feed(bytes, [&](const ServerEvent& event) { return take(event, sink); });
}

Result<ChatEnd> ChatStream::finish(const Sink& sink) {
  if (!done_) {
    const auto rest = events_.finish([&](const ServerEvent& event) { return take(event, sink); });
    // Half an event at the end of the stream is one that was cut.
    if (!rest && rest.error().param != "garbage") return fail(rest.error());
  }
  if (end_.finish_reason.empty()) {
    return fail(ErrorCode::internal, "the engine's stream ended early", "truncated");
  }
  for (auto& [index, call] : calls_) end_.tool_calls.push_back(std::move(call));
  calls_.clear();
  return end_;
}

}  // namespace stoker::protocol::openai
