// The streamed answer of /api/chat and /api/generate: records of JSON, one a line.
//
// Purpose: pieces of text as they come, and one verdict at the end: an answer is whole only with `done:true`.
// Threading, ownership: a value of one stream.
// Limits: kRecordBytesMax a record (the last one may hold a whole conversation), kToolCallsMax calls a record.
// Errors: internal with param "truncated" (the stream ended early), "engine_error" or what trouble_of says (the engine
//   reported an error), "garbage"; too_large (a record). Details never quote the engine; `engine_words` does.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "protocol/line_reader.h"

namespace stoker::protocol::ollama {

inline constexpr std::size_t kRecordBytesMax = 8 * kBytesPerMiB;
inline constexpr std::size_t kToolCallsMax = 128;

struct ToolCall {
  std::string name;
  std::string arguments;  // a JSON object, as text
};

struct ChatPiece {
  std::string text;
  std::string thinking;
  std::vector<ToolCall> tool_calls;
  bool remote = false;  // another machine made it
};

struct ChatEnd {
  std::string reason;  // "stop", "length", "load", "unload"
  std::int64_t prompt_tokens = 0;
  std::int64_t answer_tokens = 0;
};

class ChatStream {
 public:
  // False: enough.
  using Sink = std::function<Result<bool>(const ChatPiece& piece)>;

  ChatStream() : lines_(kRecordBytesMax) {}

  // False once the answer is whole or the sink has enough; what comes after is not looked at.
  Result<bool> feed(std::string_view bytes, const Sink& sink);
  // The stream has ended.
  Result<ChatEnd> finish(const Sink& sink);
  // What the engine said went wrong: untrusted, may quote the prompt.
  const std::string& engine_words() const { return engine_words_; }

 private:
  Result<bool> take(std::string_view line, const Sink& sink);

  LineReader lines_;
  bool done_ = false;
  bool reason_is_due_ = false;
  ChatEnd end_;
  std::string engine_words_;
};

}  // namespace stoker::protocol::ollama
