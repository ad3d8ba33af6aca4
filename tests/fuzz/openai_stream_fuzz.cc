// The stream of an OpenAI-compatible server: the same verdict wherever the bytes are cut, a whole answer only with a
// finish_reason, and no prompt that gives orders.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "protocol/openai/answers.h"
#include "protocol/openai/chat_stream.h"
#include "protocol/openai/errors.h"
#include "protocol/openai/requests.h"

namespace {

using namespace stoker;
using namespace stoker::protocol::openai;

struct Heard {
  std::string text;
  bool whole = false;
  std::string why;
};

Heard hear(std::string_view bytes, std::size_t piece) {
  Heard heard;
  ChatStream stream;
  const ChatStream::Sink sink = [&](const ChatDelta& said) -> Result<bool> {
    heard.text += said.text;
    return true;
  };
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    const auto fed = stream.feed(bytes.substr(at, piece), sink);
    if (!fed) {
      heard.why = fed.error().param;
      return heard;
    }
    if (!*fed) break;
  }
  const auto end = stream.finish(sink);
  heard.whole = end.has_value() && !end->finish_reason.empty();
  if (!end) heard.why = end.error().param;
  return heard;
}

void read_answers(std::string_view bytes) {
  static_cast<void>(parse_models(bytes));
  static_cast<void>(parse_props(bytes));
  static_cast<void>(count_busy_slots(bytes));
  static_cast<void>(parse_monitor(bytes));
  static_cast<void>(parse_studio_models(bytes));
  STOKER_INVARIANT(read_error(bytes).message.size() <= 300, "words of engines stay short");
  if (const auto pictures = parse_pictures(bytes, 1000)) {
    STOKER_INVARIANT(!pictures->empty() && pictures->front().size() <= 1000, "bounds hold");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Heard at_once = hear(bytes, size + 1);
  const Heard in_pieces = hear(bytes, 3);
  STOKER_INVARIANT(at_once.text == in_pieces.text && at_once.whole == in_pieces.whole &&
                       at_once.why == in_pieces.why,
                   "cuts change nothing");
  read_answers(bytes);
  const std::string clean = without_extra_args(bytes);
  STOKER_INVARIANT(clean.find("<sd_cpp_extra_args>") == std::string::npos &&
                       clean.find("</sd_cpp_extra_args>") == std::string::npos,
                   "no orders are left");
  return 0;
}
