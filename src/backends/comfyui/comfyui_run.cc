#include "backends/comfyui/comfyui_run.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "backends/comfyui/run_events.h"
#include "backends/http/media_output.h"

namespace stoker::comfyui {
namespace {

constexpr std::size_t kOutputFilesMax = 64;
constexpr double kStepsMax = 1'000'000;

bool brought_no_answer(const Error& error) {
  return error.code == ErrorCode::backend_down || error.code == ErrorCode::run_timeout;
}

// The engine may have taken a prompt although its answer was lost.
net::Task<Result<void>> submit(SharedSite site, Play play) {
  if (play.state->unwanted) co_return fail(ErrorCode::conflict, "cancelled");
  std::string body = wire::prompt_body(
      {.graph = play.graph, .client_id = play.client_id, .prompt_id = play.prompt_id});
  play.state->asked = true;
  const auto accepted = co_await Site::submit(site, std::move(body), play.deadline);
  play.state->answered = true;
  if (accepted) {
    if (std::ranges::find(accepted->dropped_outputs, play.output) ==
        accepted->dropped_outputs.end()) {
      co_return Result<void>();
    }
    const auto gone = co_await withdraw(site, play.prompt_id, nullptr, play.deadline);
    if (!gone) co_return gone;
    co_return fail(ErrorCode::bad_request, "the engine refuses the output node", "output");
  }
  if (!brought_no_answer(accepted.error())) co_return fail(accepted.error());
  const auto place = co_await place_of(site, play.prompt_id, play.deadline);
  if (place && *place != Place::nowhere) co_return Result<void>();
  co_return fail(accepted.error());
}

void tell_progress(RunListener* listener, const wire::Event& event) {
  if (listener == nullptr || event.kind != wire::EventKind::progress) return;
  if (event.max < 1 || event.max > kStepsMax || event.value < 0) return;
  const double value = std::min(event.value, event.max);
  listener->step_is(static_cast<std::uint32_t>(value), static_cast<std::uint32_t>(event.max));
}

// The history is written before the end is told, but some proxies and old versions are late.
net::Task<Result<wire::HistoryEntry>> entry_of(SharedSite site, Play play) {
  const Duration interval = site->options().poll_every;
  const std::int64_t tries =
      site->options().history_late_max.us / std::max<std::int64_t>(interval.us, 1);
  for (std::int64_t i = 0; i <= tries; ++i) {
    auto entry = co_await Site::history(site, play.prompt_id, play.deadline);
    if (!entry) co_return fail(entry.error());
    if (*entry) co_return std::move(**entry);
    co_await site->pause();
  }
  co_return fail(ErrorCode::internal, "a run that has ended is not in the history", "history");
}

net::Task<Result<void>> wait_for_end(SharedSite site, Play play, std::shared_ptr<RunEvents> events,
                                     RunWatch& watch) {
  while (true) {
    const Signal signal = co_await RunEvents::next(events);
    if (signal.kind == Signal::Kind::lost) watch.tick_every(site->options().poll_every);
    if (signal.kind == Signal::Kind::event) {
      tell_progress(play.listener.get(), signal.event);
      if (signal.event.kind == wire::EventKind::ended) co_return Result<void>();
      continue;
    }
    const auto place = co_await place_of(site, play.prompt_id, play.deadline);
    if (!place) co_return fail(place.error());
    if (*place == Place::in_history) co_return Result<void>();
    if (*place == Place::nowhere) {
      co_return fail(ErrorCode::backend_down, "the engine has forgotten the run", "restarted");
    }
  }
}

Result<RunReport> texts_of(const wire::HistoryEntry& entry, const std::string& node,
                           std::size_t bytes_max) {
  RunReport report;
  std::size_t bytes = 0;
  for (const wire::OutputText& text : entry.texts) {
    if (text.node != node) continue;
    bytes += text.text.size();
    if (bytes > bytes_max) return fail(ErrorCode::too_large, "the text is larger than allowed");
    auto output = media_output(text.text, Medium::text);
    if (!output) return fail(output.error());
    report.outputs.push_back(*std::move(output));
  }
  return report;
}

net::Task<Result<RunReport>> files_of(SharedSite site, wire::HistoryEntry entry, Work work) {
  RunReport report;
  std::size_t bytes_left = work.call.output_bytes_max;
  for (const wire::OutputFile& file : entry.files) {
    if (file.node != work.play.output || report.outputs.size() >= kOutputFilesMax) continue;
    auto bytes = co_await Site::file(site, file.name, bytes_left, work.call.deadline);
    if (!bytes) co_return fail(bytes.error());
    bytes_left -= std::min(bytes_left, bytes->size());
    auto output = media_output(*std::move(bytes), work.call.medium);
    if (!output) co_return fail(output.error());
    report.outputs.push_back(*std::move(output));
  }
  co_return report;
}

net::Task<Result<void>> interrupt(SharedSite site, std::string prompt_id, Duration deadline) {
  // Versions that interrupt whatever runs: ours is what runs, as of the last look.
  std::string body = wire::interrupt_body(prompt_id);
  co_return co_await Site::post(site, "/interrupt", std::move(body), deadline);
}

}  // namespace

std::optional<Error> error_of(const wire::HistoryEntry& entry) {
  if (entry.end == wire::RunEnd::success) return std::nullopt;
  if (entry.end == wire::RunEnd::interrupted) {
    return Error{ErrorCode::conflict, "the run was interrupted", "interrupted", {}};
  }
  if (entry.fault) return wire::error_of(*entry.fault);
  return Error{ErrorCode::internal, "the workflow failed without a reason", "failed", {}};
}

net::Task<Result<Place>> place_of(SharedSite site, std::string prompt_id, Duration deadline) {
  // In this order: a prompt moves from the queue to the history, never back.
  const auto queue = co_await Site::queue(site, deadline);
  if (!queue) co_return fail(queue.error());
  if (queue->holds(prompt_id)) co_return Place::in_queue;
  const auto entry = co_await Site::history(site, prompt_id, deadline);
  if (!entry) co_return fail(entry.error());
  co_return *entry ? Place::in_history : Place::nowhere;
}

net::Task<Result<wire::HistoryEntry>> play(SharedSite site, Play play) {
  auto events = std::make_shared<RunEvents>(site->http()->network(), play.prompt_id);
  RunWatch watch(events);
  Duration interval = site->options().poll_every;
  if (!play.graph.empty()) {
    auto socket = co_await EngineHttp::open_websocket(
        site->http(), wire::socket_target(play.client_id), play.deadline);
    const auto submitted = co_await submit(site, play);
    if (!submitted) co_return fail(submitted.error());
    if (socket) {
      interval = site->options().poll_every_beside_events;
      watch.read(*std::move(socket));
    }
  }
  watch.tick_every(interval);
  const auto ended = co_await wait_for_end(site, play, events, watch);
  if (!ended) co_return fail(ended.error());
  co_return co_await entry_of(site, play);
}

net::Task<Result<Played>> run(SharedSite site, Work work) {
  const auto stats = co_await Site::known_stats(site, work.call.deadline);
  if (!stats) co_return fail(stats.error());
  const auto entry = co_await play(site, work.play);
  if (!entry) co_return fail(entry.error());
  site->own_number(entry->number);
  if (auto error = error_of(*entry)) {
    const auto forgotten =
        co_await Site::forget_history(site, work.play.prompt_id, work.call.deadline);
    if (!forgotten) error->detail += "; its entry in the history stays";
    co_return fail(*std::move(error));
  }
  Played played{.report = {}, .stats = *stats};
  if (work.call.medium == Medium::text) {
    auto texts = texts_of(*entry, work.play.output, work.call.output_bytes_max);
    if (!texts) co_return fail(texts.error());
    played.report = *std::move(texts);
  } else {
    auto files = co_await files_of(site, *entry, work);
    if (!files) co_return fail(files.error());
    played.report = *std::move(files);
  }
  if (played.report.outputs.empty()) {
    co_return fail(ErrorCode::internal, "the output node made nothing", "output");
  }
  // The result counts more than a clean history: nothing is lost when this fails.
  (void)co_await Site::forget_history(site, work.play.prompt_id, work.call.deadline);
  co_return played;
}

net::Task<Result<void>> withdraw(SharedSite site, std::string prompt_id,
                                 std::shared_ptr<RunState> state, Duration deadline) {
  if (state) state->unwanted = true;
  while (state && state->asked && !state->answered) co_await site->pause();
  const std::string ids[] = {prompt_id};
  std::string body = wire::delete_body(ids);
  const auto deleted = co_await Site::post(site, "/queue", std::move(body), deadline);
  if (!deleted) co_return deleted;
  bool asked = false;
  while (true) {
    const auto queue = co_await Site::queue(site, deadline);
    if (!queue) co_return fail(queue.error());
    if (!queue->holds(prompt_id)) break;
    if (queue->runs(prompt_id) && !std::exchange(asked, true)) {
      const auto interrupted = co_await interrupt(site, prompt_id, deadline);
      if (!interrupted) co_return interrupted;
      continue;
    }
    co_await site->pause();
  }
  co_return co_await Site::forget_history(site, prompt_id, deadline);
}

}  // namespace stoker::comfyui
