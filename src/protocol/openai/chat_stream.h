// The streamed answer of /v1/chat/completions in all the forms that servers send.
//
// Purpose: pieces of text as they come, tool calls put together, and one verdict at the end: an answer is whole only
//   with a finish_reason.
// Threading, ownership: a value of one stream.
// Limits: kEventBytesMax an event, kChoicesMax choices, kToolCallsMax calls, kArgumentBytesMax for all their arguments.
// Errors: internal with param "truncated" (the stream ended early), "engine_error" or what trouble_of says (the server
//   reported an error), "garbage"; too_large. Details never quote the server; `engine_words` does.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "protocol/openai/errors.h"
#include "protocol/openai/event_reader.h"

namespace stoker::protocol::openai {

inline constexpr std::size_t kChoicesMax = 16;
inline constexpr std::size_t kToolCallsMax = 128;
inline constexpr std::size_t kArgumentBytesMax = 4 * kBytesPerMiB;

struct ChatDelta {
  std::size_t choice = 0;
  std::string text;
  std::string reasoning;
};

struct ToolCall {
  std::string id;
  std::string name;
  std::string arguments;  // JSON as text
};

struct Usage {
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
};

// Of choice 0.
struct ChatEnd {
  std::string finish_reason;  // "stop", "length", "tool_calls", "content_filter"
  std::vector<ToolCall> tool_calls;
  std::optional<Usage> usage;
};

class ChatStream {
 public:
  // False: enough.
  using Sink = std::function<Result<bool>(const ChatDelta& delta)>;

  // False once [DONE] was seen or the sink has enough; what comes after is not looked at.
  Result<bool> feed(std::string_view bytes, const Sink& sink);
  // The stream has ended.
  Result<ChatEnd> finish(const Sink& sink);
  // What the server said went wrong: untrusted, may quote the prompt.
  const WireError& engine_words() const { return engine_words_; }

 private:
  Result<bool> take(const ServerEvent& event, const Sink& sink);
  Result<bool> take_choice(const boost::json::object& choice, const Sink& sink);
  Result<void> take_calls(const boost::json::object& delta);
  std::unexpected<Error> reported(WireError error);

  EventReader events_;
  bool done_ = false;
  ChatEnd end_;
  std::map<std::int64_t, ToolCall> calls_;  // by index
  std::size_t argument_bytes_ = 0;
  WireError engine_words_;
};

}  // namespace stoker::protocol::openai
