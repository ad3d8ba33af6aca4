#include "backends/comfyui/comfyui_site.h"

#include <utility>

namespace stoker::comfyui {
namespace {

std::unexpected<Error> refused(int status, std::string_view what) {
  const std::string detail =
      "the engine answered " + std::to_string(status) + " to " + std::string(what);
  const bool locked = status == 401 || status == 403;
  return fail(ErrorCode::backend_down, detail, locked ? "refused" : "");
}

}  // namespace

Site::Site(net::Network& network, ComfyUiOptions options)
    : options_(std::move(options)),
      http_(std::make_shared<EngineHttp>(network, options_.url, options_.key)) {}

net::Task<Result<std::optional<std::string>>> Site::page(SharedSite site, std::string target,
                                                         Duration deadline) {
  EngineAsk request{.target = std::move(target), .deadline = deadline};
  const std::string what = request.target.substr(0, request.target.find('?'));
  auto answer = co_await EngineHttp::ask(site->http(), std::move(request));
  if (!answer) co_return fail(answer.error());
  if (answer->status == 404) co_return std::nullopt;
  if (!answer->ok()) co_return refused(answer->status, what);
  co_return std::move(answer->body);
}

net::Task<Result<wire::SystemStats>> Site::stats(SharedSite site, Duration deadline) {
  auto body = co_await page(site, "/system_stats", deadline);
  if (!body) co_return fail(body.error());
  auto stats = wire::parse_system_stats(body->value_or(""));
  if (stats) site->stats_ = *stats;
  co_return stats;
}

net::Task<Result<wire::SystemStats>> Site::known_stats(SharedSite site, Duration deadline) {
  if (site->stats_) co_return *site->stats_;
  co_return co_await stats(site, deadline);
}

net::Task<Result<wire::QueueState>> Site::queue(SharedSite site, Duration deadline) {
  auto body = co_await page(site, "/queue", deadline);
  if (!body) co_return fail(body.error());
  co_return wire::parse_queue(body->value_or(""));
}

net::Task<Result<std::optional<wire::HistoryEntry>>> Site::history(SharedSite site,
                                                                   std::string prompt_id,
                                                                   Duration deadline) {
  auto body = co_await page(site, wire::history_target(prompt_id), deadline);
  if (!body) co_return fail(body.error());
  co_return wire::parse_history(body->value_or("{}"), prompt_id);
}

net::Task<Result<bool>> Site::saw_foreign(SharedSite site, Duration deadline) {
  const auto state = co_await queue(site, deadline);
  if (!state) co_return fail(state.error());
  for (const wire::QueueItem& item : state->running) {
    if (item.number > site->own_number_) co_return true;
  }
  const auto body = co_await page(site, wire::newest_history_target(), deadline);
  if (!body) co_return fail(body.error());
  const auto newest = wire::newest_number(body->value_or("{}"));
  if (!newest) co_return fail(newest.error());
  co_return newest->value_or(-1) > site->own_number_;
}

net::Task<Result<wire::PromptAccepted>> Site::submit(SharedSite site, std::string body,
                                                     Duration deadline) {
  EngineAsk request{
      .method = "POST", .target = "/prompt", .body = std::move(body), .deadline = deadline};
  const auto answer = co_await EngineHttp::ask(site->http(), std::move(request));
  if (!answer) co_return fail(answer.error());
  if (answer->status == 401 || answer->status == 403) co_return refused(answer->status, "/prompt");
  auto accepted = wire::parse_prompt_answer(answer->status, answer->body);
  if (accepted) site->own_number(accepted->number);
  co_return accepted;
}

net::Task<Result<void>> Site::post(SharedSite site, std::string target, std::string body,
                                   Duration deadline) {
  const std::string what = target;
  EngineAsk request{
      .method = "POST", .target = std::move(target), .body = std::move(body), .deadline = deadline};
  const auto answer = co_await EngineHttp::ask(site->http(), std::move(request));
  if (!answer) co_return fail(answer.error());
  if (!answer->ok()) co_return refused(answer->status, what);
  co_return Result<void>();
}

net::Task<Result<std::string>> Site::file(SharedSite site, wire::FileName name,
                                          std::size_t bytes_max, Duration deadline) {
  EngineAsk request{
      .target = wire::view_target(name), .deadline = deadline, .answer_bytes_max = bytes_max};
  auto answer = co_await EngineHttp::ask(site->http(), std::move(request));
  if (!answer) co_return fail(answer.error());
  if (answer->status == 404) {
    co_return fail(ErrorCode::internal, "the engine does not find a file that it made", "output");
  }
  if (!answer->ok()) co_return refused(answer->status, "/view");
  co_return std::move(answer->body);
}

net::Task<Result<void>> Site::forget_history(SharedSite site, std::string prompt_id,
                                             Duration deadline) {
  const std::string ids[] = {std::move(prompt_id)};
  std::string body = wire::delete_body(ids);
  co_return co_await post(site, "/history", std::move(body), deadline);
}

}  // namespace stoker::comfyui
