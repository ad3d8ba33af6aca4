#include "backends/swarmui/swarmui_run.h"

#include <utility>
#include <vector>

#include "backends/http/media_output.h"
#include "net/websocket.h"
#include "protocol/swarmui/messages.h"
#include "protocol/swarmui/requests.h"

namespace stoker::swarmui {
namespace {

constexpr std::uint32_t kProgressSteps = 100;  // the server tells shares
constexpr std::size_t kImagesMax = 64;

std::string body_of(const Work& work, std::string_view model) {
  wire::Generation generation{.session = work.state->session,
                              .model = model,
                              .prompt = work.call.prompt,
                              .seed = work.call.seed,
                              .options = work.model.load_options};
  const auto& more = work.model.run_options;
  generation.options.insert(generation.options.end(), more.begin(), more.end());
  // The names of files that it keeps hold the prompt. Films are too large for a message.
  if (work.call.medium == Medium::image &&
      protocol::find_option(generation.options, "donotsave") == nullptr) {
    generation.options.emplace_back("donotsave", true);
  }
  return wire::generate_body(generation);
}

using Images = std::vector<std::string>;

// The images of the request; an error of the server ends it, and so does a lost connection, which the server does not
// take for a cancellation.
net::Task<Result<Images>> generate(SharedSite site, Work work, std::string model) {
  auto socket = co_await EngineHttp::open_websocket(
      site->http(), wire::route("GenerateText2ImageWS"), work.call.deadline);
  if (!socket) co_return fail(socket.error());
  if (work.state->unwanted) co_return fail(ErrorCode::conflict, "cancelled");
  work.state->asked = true;
  const auto sent = co_await (*socket)->write_text(body_of(work, model));
  if (!sent) co_return fail(ErrorCode::backend_down, "the engine closed the connection");
  Images images;
  while (true) {
    const auto message = co_await (*socket)->read();
    if (!message) co_return fail(ErrorCode::backend_down, "the connection of a run broke");
    work.state->heard = true;
    wire::Message told = wire::parse_message(message->bytes);
    if (told.kind == wire::MessageKind::error) co_return fail(*std::move(told.error));
    if (told.kind == wire::MessageKind::progress) {
      work.listener->step_is(static_cast<std::uint32_t>(told.share * kProgressSteps),
                             kProgressSteps);
    }
    if (told.kind == wire::MessageKind::image && told.batch_index >= 0 &&
        images.size() < kImagesMax) {
      images.push_back(std::move(told.image));
    }
    if (told.kind == wire::MessageKind::discard || told.kind == wire::MessageKind::closing) break;
  }
  co_return images;
}

net::Task<Result<std::string>> bytes_of(SharedSite site, std::string image, std::size_t bytes_max,
                                        Duration deadline) {
  if (wire::is_data_url(image)) {
    auto bytes = wire::data_url_bytes(image, bytes_max);
    if (!bytes) co_return fail(ErrorCode::too_large, "the picture is broken or too large");
    co_return *std::move(bytes);
  }
  std::string target = wire::view_target(image);
  if (target.empty()) {
    co_return fail(ErrorCode::internal, "the engine names no picture of its own", "output");
  }
  co_return co_await Site::picture(site, std::move(target), bytes_max, deadline);
}

net::Task<Result<RunReport>> fetch(SharedSite site, Work work, Images images) {
  RunReport report;
  std::size_t bytes_left = work.call.output_bytes_max;
  for (std::string& image : images) {
    auto bytes = co_await bytes_of(site, std::move(image), bytes_left, work.call.deadline);
    if (!bytes) co_return fail(bytes.error());
    bytes_left -= std::min(bytes_left, bytes->size());
    auto output = media_output(*std::move(bytes), work.call.medium);
    if (!output) co_return fail(output.error());
    report.outputs.push_back(*std::move(output));
  }
  co_return report;
}

net::Task<Result<void>> interrupt(SharedSite site, std::string session, Duration deadline) {
  const auto answer =
      co_await Site::post(site, "InterruptAll", wire::interrupt_body(session), deadline);
  if (!answer) co_return fail(answer.error());
  co_return wire::parse_done(answer->status, answer->body);
}

}  // namespace

net::Task<Result<RunReport>> run(SharedSite site, Work work) {
  auto name = co_await Site::exact_name(site, work.model.upstream, work.call.deadline);
  if (!name) co_return fail(name.error());
  auto session = co_await Site::new_session(site, work.call.deadline);
  if (!session) co_return fail(session.error());
  if (work.state->unwanted) co_return fail(ErrorCode::conflict, "cancelled");
  work.state->session = std::move(session->id);
  auto images = co_await generate(site, work, *name);
  if (!images && images.error().code == ErrorCode::backend_down && work.state->asked) {
    // It would go on without a listener. The session has nothing but this run.
    (void)co_await interrupt(site, work.state->session, work.call.deadline);
  }
  work.state->ended = true;
  if (!images) {
    if (images.error().code == ErrorCode::unknown_model) site->forget_names();
    co_return fail(images.error());
  }
  // A run that was interrupted while it waited ends without images and without an error.
  if (images->empty()) {
    co_return fail(ErrorCode::conflict, "the run was interrupted", "interrupted");
  }
  co_return co_await fetch(site, std::move(work), *std::move(images));
}

net::Task<Result<void>> withdraw(SharedSite site, std::shared_ptr<RunState> state,
                                 Duration deadline) {
  state->unwanted = true;
  if (state->session.empty() || state->ended) co_return Result<void>();
  while (state->asked && !state->heard && !state->ended) co_await site->pause();
  const auto interrupted = co_await interrupt(site, state->session, deadline);
  if (!interrupted) co_return interrupted;
  while (true) {
    const auto answer =
        co_await Site::post(site, "GetCurrentStatus", wire::session_body(state->session), deadline);
    if (!answer) co_return fail(answer.error());
    const auto status = wire::parse_status(answer->status, answer->body);
    if (!status) co_return fail(status.error());
    if (status->waiting == 0 && status->live == 0) co_return Result<void>();
    co_await site->pause();
  }
}

}  // namespace stoker::swarmui
