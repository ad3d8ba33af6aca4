// The stream of an Ollama server: the same verdict wherever the bytes are cut, and a whole answer only with `done`.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "protocol/ollama/answers.h"
#include "protocol/ollama/chat_stream.h"
#include "protocol/ollama/names.h"

namespace {

using namespace stoker;
using namespace stoker::protocol::ollama;

struct Heard {
  std::string text;
  bool whole = false;
  std::string why;
};

Heard hear(std::string_view bytes, std::size_t piece) {
  Heard heard;
  ChatStream stream;
  const ChatStream::Sink sink = [&](const ChatPiece& said) -> Result<bool> {
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
  heard.whole = end.has_value();
  if (!end) heard.why = end.error().param;
  return heard;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Heard at_once = hear(bytes, size + 1);
  const Heard in_pieces = hear(bytes, 3);
  STOKER_INVARIANT(at_once.text == in_pieces.text && at_once.whole == in_pieces.whole &&
                       at_once.why == in_pieces.why,
                   "cuts change nothing");
  STOKER_INVARIANT(!at_once.whole || bytes.find("done") != std::string_view::npos ||
                       bytes.find("\\u") != std::string_view::npos,
                   "a whole answer says so");
  for (const auto& error : {parse_tags(bytes).has_value(), parse_ps(bytes).has_value(),
                            parse_show(bytes).has_value(), parse_version(bytes).has_value()}) {
    static_cast<void>(error);
  }
  static_cast<void>(error_words(bytes));
  const std::string once = canonical_name(bytes);
  STOKER_INVARIANT(once.find(':') != std::string::npos, "a name has a tag");
  return 0;
}
