#include "server/front.h"

#include <chrono>
#include <utility>

#include "server/pages.h"
#include "server/routes.h"

namespace stoker::server {
namespace {

constexpr std::string_view kEventsRoute = "/api/v1/events";

net::ResponseHead head_of(int status, std::string_view type) {
  net::ResponseHead head{.status = status, .headers = {}};
  head.headers.add("Content-Type", type);
  head.headers.add("Cache-Control", "no-store");
  head.headers.add("X-Content-Type-Options", "nosniff");
  return head;
}

std::string error_text(ErrorCode code) {
  return R"({"error":{"code":")" + std::string(error_name(code)) + R"(","params":{}}})";
}

net::Task<void> send_not_yet(net::Exchange& exchange) {
  net::ResponseHead head = head_of(503, "application/json");
  head.headers.add("Retry-After", "1");
  std::string body =
      R"({"error":{"code":"backend_down","params":{"detail":"starting"},"retry_after_s":1}})";
  [[maybe_unused]] const auto sent = co_await exchange.respond(std::move(head), std::move(body));
}

net::Task<void> send_text(net::Exchange& exchange, int status, std::string_view type,
                          std::string body) {
  [[maybe_unused]] const auto sent =
      co_await exchange.respond(head_of(status, type), std::move(body));
}

}  // namespace

// An exchange that remembers what was answered.
class Front::Watched final : public net::Exchange {
 public:
  explicit Watched(net::Exchange& inner) : inner_(inner) {}

  const net::RequestHead& head() const override { return inner_.head(); }
  net::Task<Result<std::string>> read_body(std::size_t bytes_max) override {
    return inner_.read_body(bytes_max);
  }
  net::Task<Result<std::size_t>> read_some(std::span<char> buffer) override {
    return inner_.read_some(buffer);
  }
  net::Task<Result<void>> respond(net::ResponseHead head, std::string body) override {
    status_ = head.status;
    bytes_ = body.size();
    return inner_.respond(std::move(head), std::move(body));
  }
  net::Task<Result<void>> start(net::ResponseHead head) override {
    status_ = head.status;
    return inner_.start(std::move(head));
  }
  net::Task<Result<void>> write(std::string_view piece) override {
    bytes_ += piece.size();
    return inner_.write(piece);
  }
  net::Task<Result<void>> write_pieces(std::span<const std::string_view> pieces) override {
    for (const std::string_view piece : pieces) bytes_ += piece.size();
    return inner_.write_pieces(pieces);
  }
  net::Task<Result<void>> finish() override { return inner_.finish(); }
  void abort() override { inner_.abort(); }
  bool gone() const override { return inner_.gone(); }
  void on_gone(std::move_only_function<void()> callback) override {
    on_gone_ = std::move(callback);
    inner_.on_gone([this] { end_early(); });
  }
  bool answered() const override { return inner_.answered(); }
  net::Task<Result<std::unique_ptr<net::WebSocket>>> accept_websocket() override {
    status_ = 101;
    return inner_.accept_websocket();
  }

  // As if the peer had gone: a stream ends in good order.
  void end_early() {
    if (on_gone_) std::exchange(on_gone_, nullptr)();
  }

  // 500: the server answers for a handler that gave no answer.
  int status() const { return status_ == 0 ? 500 : status_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  net::Exchange& inner_;
  std::move_only_function<void()> on_gone_;
  int status_ = 0;
  std::uint64_t bytes_ = 0;
};

void Front::end_streams() {
  const std::set<Watched*> streams = event_streams_;
  for (Watched* stream : streams)
    if (event_streams_.contains(stream)) stream->end_early();
}

Front::~Front() {
  delete household_.load();
}

void Front::open(Household household) {
  STOKER_INVARIANT(household_.load() == nullptr, "the front door is opened once");
  household_.store(new Household(std::move(household)));
}

net::Handler Front::handler() {
  return [this](net::Exchange& exchange) { return answer(*this, exchange); };
}

net::Task<void> Front::answer(Front& front, net::Exchange& exchange) {
  const auto began = std::chrono::steady_clock::now();
  Watched watched(exchange);
  const std::string route = route_of(exchange.head().path);
  const bool streams = route == kEventsRoute;
  if (streams) front.event_streams_.insert(&watched);
  co_await answer_by_path(front, watched);
  front.event_streams_.erase(&watched);
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - began;
  front.report(watched, route, took.count());
}

net::Task<void> Front::answer_by_path(Front& front, net::Exchange& exchange) {
  const std::string& path = exchange.head().path;
  if (path == "/healthz")
    co_return co_await send_text(exchange, 200, "text/plain; charset=utf-8", "ok\n");
  if (path == "/readyz") co_return co_await front.say_ready(exchange);
  const Household* household = front.household_.load();
  if (household != nullptr && !household->is_ours(exchange.head()))
    co_return co_await send_text(exchange, 403, "application/json",
                                 error_text(ErrorCode::forbidden));
  if (path == "/metrics") co_return co_await front.say_metrics(exchange);
  if (path != "/api" && !path.starts_with("/api/"))
    co_return co_await front.answer_page_request(exchange);
  if (household == nullptr) co_return co_await send_not_yet(exchange);
  co_await household->api(exchange);
}

net::Task<void> Front::answer_page_request(net::Exchange& exchange) {
  PageAnswer answer = answer_page(exchange.head());
  [[maybe_unused]] const auto sent =
      co_await exchange.respond(std::move(answer.head), std::string(answer.body));
}

net::Task<void> Front::say_ready(net::Exchange& exchange) {
  std::string reasons;
  const auto because = [&](std::string_view reason) {
    reasons += (reasons.empty() ? "\"" : ",\"") + std::string(reason) + "\"";
  };
  const Household* household = household_.load();
  const auto snapshot = household == nullptr ? nullptr : household->snapshot();
  if (!snapshot || !snapshot->ready) because("starting");
  if (snapshot && !snapshot->store_ok) because("store");
  if (draining_.load()) because("draining");
  const bool ready = reasons.empty();
  std::string body =
      std::string(R"({"ready":)") + (ready ? "true" : "false") + R"(,"reasons":[)" + reasons + "]}";
  co_await send_text(exchange, ready ? 200 : 503, "application/json", std::move(body));
}

net::Task<void> Front::say_metrics(net::Exchange& exchange) {
  const Household* household = household_.load();
  if (household == nullptr) co_return co_await send_not_yet(exchange);
  std::string text =
      metrics_.text(*household->snapshot(), {household->connections(), event_streams_.size()});
  co_await send_text(exchange, 200, "text/plain; version=0.0.4; charset=utf-8", std::move(text));
}

void Front::report(const Watched& watched, const std::string& route, double ms) {
  metrics_.count_request(route, watched.status());
  if (!log_.wants(LogLevel::info)) return;
  log_.write(LogLevel::info, "http",
             Fields()
                 .add("method", std::string_view(watched.head().method).substr(0, 16))
                 .add("route", route)
                 .add("status", watched.status())
                 .add("bytes", watched.bytes())
                 .add_ms("ms", ms));
}

}  // namespace stoker::server
