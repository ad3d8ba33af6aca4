#include "protocol/ollama/chat_stream.h"

#include <boost/json/serialize.hpp>

#include "protocol/json_access.h"
#include "protocol/ollama/answers.h"

namespace stoker::protocol::ollama {
namespace {

namespace json = boost::json;

std::vector<ToolCall> calls_of(const json::object& message) {
  std::vector<ToolCall> calls;
  const json::array* const list = find_list(message, "tool_calls");
  if (list == nullptr) return calls;
  for (const json::value& value : *list) {
    if (calls.size() == kToolCallsMax) break;
    const json::value* const function = find_field(value, "function");
    if (function == nullptr || !function->is_object()) continue;
    const json::value* const arguments = find_field(*function, "arguments");
    calls.push_back({text_field(function->get_object(), "name"),
                     arguments == nullptr ? "{}" : json::serialize(*arguments)});
  }
  return calls;
}

ChatPiece piece_of(const json::object& record) {
  ChatPiece piece;
  const json::value* const message = find_field(record, "message");
  const bool chat = message != nullptr && message->is_object();
  const json::object& from = chat ? message->get_object() : record;
  piece.text = text_field(from, chat ? "content" : "response");
  piece.thinking = text_field(from, "thinking");
  piece.tool_calls = calls_of(from);
  piece.remote =
      find_field(record, "remote_model") != nullptr || find_field(record, "remote_host") != nullptr;
  return piece;
}

}  // namespace

Result<bool> ChatStream::take(std::string_view line, const Sink& sink) {
  if (line.find_first_not_of(" \t") == std::string_view::npos) return true;
  const auto record = parse_json_object(line);
  if (!record) return fail(ErrorCode::internal, "a record of the stream is no JSON", "garbage");
  if (find_field(*record, "error") != nullptr) {
    engine_words_ = error_words(line);
    const std::string trouble = trouble_of(engine_words_);
    return fail(ErrorCode::internal, "the engine reported an error in its stream",
                trouble.empty() ? "engine_error" : trouble);
  }
  const ChatPiece piece = piece_of(*record);
  const bool says_something =
      !piece.text.empty() || !piece.thinking.empty() || !piece.tool_calls.empty();
  if (says_something || piece.remote) {
    const auto more = sink(piece);
    if (!more || !*more) return more;
  }
  if (!true_field(*record, "done")) return true;
  done_ = true;
  end_.reason = text_field(*record, "done_reason");
  end_.prompt_tokens = whole_field(*record, "prompt_eval_count").value_or(0);
  end_.answer_tokens = whole_field(*record, "eval_count").value_or(0);
  // A server whose runner went away says `done` too, but neither why nor how much.
  reason_is_due_ = end_.reason.empty() && find_field(*record, "eval_count") == nullptr;
  return false;
}

Result<bool> ChatStream::feed(std::string_view bytes, const Sink& sink) {
  if (done_) return false;
  return lines_.feed(bytes, [&](std::string_view line) { return take(line, sink); });
}

Result<ChatEnd> ChatStream::finish(const Sink& sink) {
  if (!done_) {
    const auto rest = lines_.finish([&](std::string_view line) { return take(line, sink); });
    if (!rest && rest.error().param != "garbage") return fail(rest.error());
  }
  if (!done_ || reason_is_due_) {
    return fail(ErrorCode::internal, "the engine's stream ended early", "truncated");
  }
  return end_;
}

}  // namespace stoker::protocol::ollama
