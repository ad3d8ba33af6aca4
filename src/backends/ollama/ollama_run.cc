// One run: a streamed chat with one message.
#include <algorithm>
#include <utility>

#include "backends/ollama/ollama_calls.h"
#include "protocol/json_access.h"
#include "protocol/ollama/chat_stream.h"
#include "protocol/ollama/requests.h"

namespace stoker::ollama {
namespace {

namespace wire = protocol::ollama;

// A record of one short word is about this much longer than the word; thoughts come on top.
constexpr std::size_t kStreamBytesPerTextByte = 256;
constexpr std::size_t kStreamBytesMin = kBytesPerMiB;
constexpr std::size_t kStreamBytesMax = 4096 * kBytesPerMiB;

// What has arrived of one text.
struct Text {
  std::string text;
  std::uint32_t pieces = 0;
};

std::size_t stream_bytes_max(std::size_t output_bytes_max) {
  const std::size_t bounded = std::min(output_bytes_max, kStreamBytesMax / kStreamBytesPerTextByte);
  return std::max(bounded * kStreamBytesPerTextByte, kStreamBytesMin);
}

std::string body_of(const EngineModel& model, RunCall& call) {
  wire::ChatRequest request{.model = model.upstream,
                            .messages = {},
                            .load_options = model.load_options,
                            .run_options = model.run_options,
                            .seed = call.seed};
  request.messages.push_back({"user", std::move(call.prompt)});
  return wire::chat_request(request);
}

Result<bool> take(Text& text, const wire::ChatPiece& piece, std::size_t bytes_max,
                  RunListener& listener) {
  if (piece.remote) {
    return fail(ErrorCode::provider_blocked, "the model runs on another machine", "remote");
  }
  if (text.text.size() + piece.text.size() > bytes_max) {
    return fail(ErrorCode::too_large, "the text is larger than allowed");
  }
  text.text += piece.text;
  listener.step_is(++text.pieces);
  return true;
}

}  // namespace

net::Task<Result<RunReport>> run(SharedSite site, EngineModel model, RunCall call,
                                 std::shared_ptr<RunListener> listener) {
  const std::size_t bytes_max = call.output_bytes_max;
  EngineAsk request{.method = "POST",
                    .target = "/api/chat",
                    .body = body_of(model, call),
                    .deadline = call.deadline,
                    .answer_bytes_max = stream_bytes_max(bytes_max),
                    .first_byte_max = std::min(call.deadline, site->options().run_first_byte_max),
                    .stall_max = std::min(call.deadline, site->options().run_stall_max)};
  Text text;
  wire::ChatStream stream;
  const wire::ChatStream::Sink sink = [&](const wire::ChatPiece& piece) {
    return take(text, piece, bytes_max, *listener);
  };
  const auto answer =
      co_await EngineHttp::stream(site->http(), std::move(request),
                                  [&](std::string_view bytes) { return stream.feed(bytes, sink); });
  if (!answer) co_return fail(error_of(answer.error()));
  if (!answer->ok()) co_return fail(error_of(*answer, Doing::running));
  const auto end = stream.finish(sink);
  if (!end) co_return fail(end.error());
  RunReport report;
  report.outputs.push_back({.medium = Medium::text,
                            .mime = "text/plain; charset=utf-8",
                            .extension = "txt",
                            .bytes = std::move(text.text)});
  co_return report;
}

}  // namespace stoker::ollama
