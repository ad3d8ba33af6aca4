// One run: a streamed chat, a picture, a sound.
#include <algorithm>
#include <utility>

#include "backends/openai/openai_calls.h"
#include "domain/media_format.h"
#include "protocol/json_access.h"
#include "protocol/openai/chat_stream.h"
#include "protocol/openai/requests.h"

namespace stoker::openai {
namespace {

namespace wire = protocol::openai;

// An event of one short word is about this much longer than the word; thoughts come on top.
constexpr std::size_t kStreamBytesPerTextByte = 512;
constexpr std::size_t kStreamBytesMin = kBytesPerMiB;
constexpr std::size_t kStreamBytesMax = 4096 * kBytesPerMiB;
// What stands around the pictures of an answer: a revised prompt, numbers.
constexpr std::size_t kAroundPicturesMax = 256 * 1024;

// What has arrived of one text.
struct Text {
  std::string text;
  std::uint32_t pieces = 0;
};

std::size_t stream_bytes_max(std::size_t output_bytes_max) {
  const std::size_t bounded = std::min(output_bytes_max, kStreamBytesMax / kStreamBytesPerTextByte);
  return std::max(bounded * kStreamBytesPerTextByte, kStreamBytesMin);
}

std::size_t base64_bytes_max(std::size_t output_bytes_max) {
  return std::min(output_bytes_max, kStreamBytesMax) / 3 * 4 + kAroundPicturesMax;
}

std::string chat_body(const EngineModel& model, RunCall& call, OpenAiFlavour flavour) {
  wire::ChatRequest request{
      .model = model.upstream,
      .messages = {},
      .options = model.run_options,
      .seed = call.seed,
      // A server of which nothing is known may refuse to count.
      .usage = flavour == OpenAiFlavour::plain ? wire::UsageWish::none : wire::UsageWish::asked};
  request.messages.push_back({"user", std::move(call.prompt)});
  return wire::chat_request(request);
}

Result<bool> take(Text& text, const wire::ChatDelta& delta, std::size_t bytes_max,
                  RunListener& listener) {
  if (delta.choice != 0) return true;
  if (text.text.size() + delta.text.size() > bytes_max) {
    return fail(ErrorCode::too_large, "the text is larger than allowed");
  }
  text.text += delta.text;
  listener.step_is(++text.pieces);
  return true;
}

net::Task<Result<RunReport>> run_text(SharedSite site, EngineModel model, RunCall call,
                                      OpenAiFlavour flavour,
                                      std::shared_ptr<RunListener> listener) {
  const std::size_t bytes_max = call.output_bytes_max;
  EngineAsk request = post("/v1/chat/completions", chat_body(model, call, flavour), call.deadline);
  request.answer_bytes_max = stream_bytes_max(bytes_max);
  request.first_byte_max = std::min(call.deadline, site->options().run_first_byte_max);
  request.stall_max = std::min(call.deadline, site->options().run_stall_max);
  Text text;
  wire::ChatStream stream;
  const wire::ChatStream::Sink sink = [&](const wire::ChatDelta& delta) {
    return take(text, delta, bytes_max, *listener);
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

// What the bytes are decides, not what the server calls them.
Result<RunOutput> output_of(std::string bytes, Medium medium) {
  const auto format = sniff_format(bytes);
  if (!format || !format_suits(*format, medium)) {
    return fail(ErrorCode::internal, "the engine's answer is of another kind", "garbage");
  }
  return RunOutput{.medium = medium,
                   .mime = std::string(format_mime(*format)),
                   .extension = std::string(format_extension(*format)),
                   .bytes = std::move(bytes)};
}

net::Task<Result<RunReport>> run_image(SharedSite site, EngineModel model, RunCall call,
                                       OpenAiFlavour flavour) {
  const wire::ImageRequest picture{.model = model.upstream,
                                   .prompt = std::move(call.prompt),
                                   .options = model.run_options,
                                   .seed = call.seed};
  EngineAsk request = post("/v1/images/generations",
                           flavour == OpenAiFlavour::sd_cpp ? wire::sd_cpp_image_request(picture)
                                                            : wire::image_request(picture),
                           call.deadline);
  request.answer_bytes_max = base64_bytes_max(call.output_bytes_max);
  const auto answer = co_await ask(site, std::move(request), Doing::running);
  if (!answer) co_return fail(answer.error());
  auto pictures = wire::parse_pictures(answer->body, call.output_bytes_max);
  if (!pictures) co_return fail(pictures.error());
  RunReport report;
  for (std::string& bytes : *pictures) {
    auto output = output_of(std::move(bytes), call.medium);
    if (!output) co_return fail(output.error());
    report.outputs.push_back(*std::move(output));
  }
  co_return report;
}

net::Task<Result<RunReport>> run_sound(SharedSite site, EngineModel model, RunCall call) {
  EngineAsk request =
      post("/v1/audio/speech", wire::speech_request(model.upstream, call.prompt, model.run_options),
           call.deadline);
  request.answer_bytes_max = call.output_bytes_max;
  auto answer = co_await ask(site, std::move(request), Doing::running);
  if (!answer) co_return fail(answer.error());
  auto output = output_of(std::move(answer->body), call.medium);
  if (!output) co_return fail(output.error());
  RunReport report;
  report.outputs.push_back(*std::move(output));
  co_return report;
}

// Older versions of vLLM die of work while they sleep.
net::Task<Result<void>> require_awake(SharedSite site, Duration deadline) {
  if (!site->can_sleep.load()) co_return Result<void>();
  const auto asleep = co_await sleeping(site, deadline);
  if (!asleep) co_return fail(asleep.error());
  if (asleep->value_or(false)) {
    co_return fail(ErrorCode::load_failed, "the engine sleeps", "asleep");
  }
  co_return Result<void>();
}

}  // namespace

net::Task<Result<RunReport>> run(SharedSite site, EngineModel model, RunCall call,
                                 std::shared_ptr<RunListener> listener) {
  const auto flavour = co_await flavour_of(site, call.deadline);
  if (!flavour) co_return fail(flavour.error());
  if (*flavour == OpenAiFlavour::vllm) {
    const auto awake = co_await require_awake(site, call.deadline);
    if (!awake) co_return fail(awake.error());
  }
  switch (call.medium) {
    case Medium::text:
      co_return co_await run_text(site, std::move(model), std::move(call), *flavour,
                                  std::move(listener));
    case Medium::image:
      co_return co_await run_image(site, std::move(model), std::move(call), *flavour);
    case Medium::audio:
    case Medium::music:
      co_return co_await run_sound(site, std::move(model), std::move(call));
    case Medium::video:
      break;
  }
  co_return fail(ErrorCode::bad_request, "engines of this kind make no videos");
}

net::Task<Result<void>> confirm_stopped(SharedSite site, EngineModel model, Duration deadline) {
  const auto flavour = site->flavour();
  const bool tells =
      flavour == OpenAiFlavour::llama_cpp || flavour == OpenAiFlavour::llama_cpp_router;
  if (!tells) co_return Result<void>();
  const std::string target = flavour == OpenAiFlavour::llama_cpp
                                 ? std::string("/slots")
                                 : "/slots?autoload=false&model=" + in_query(model.upstream);
  while (true) {
    const auto answer = co_await ask_any(site, get(target, deadline));
    if (!answer) co_return fail(answer.error());
    if (!answer->ok()) co_return Result<void>();  // started with --no-slots
    const auto busy = wire::count_busy_slots(answer->body);
    if (!busy) co_return fail(busy.error());
    if (*busy <= site->runs.load()) co_return Result<void>();
    co_await site->http()->network().sleep(kPoll);
  }
}

}  // namespace stoker::openai
