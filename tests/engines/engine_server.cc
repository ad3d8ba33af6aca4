#include "tests/engines/engine_server.h"

#include <chrono>
#include <cstdio>

namespace stoker::engines {
namespace {

// When the virtual time of every engine begins: 2026-08-21T10:00:00Z.
constexpr std::chrono::sys_seconds kBeginning{std::chrono::seconds{1'787'306'400}};

}  // namespace

EngineServer::EngineServer(net::Network& network)
    : network_(network),
      watch_(network),
      gates_(network, watch_),
      log_(network, watch_),
      hanging_(network, watch_) {}

EngineServer::~EngineServer() = default;

net::Url EngineServer::url() const {
  return {.tls = false, .host = "127.0.0.1", .port = port_, .base_path = {}};
}

std::string EngineServer::base_url() const {
  return "http://127.0.0.1:" + std::to_string(port_);
}

void EngineServer::stop() {
  server_.reset();
  on_network(network_, [this] {
    forget();
    changed();
  });
}

void EngineServer::reserve_port() {
  listen();
  server_.reset();
}

void EngineServer::start() {
  if (server_) return;
  on_network(network_, [this] { begin(); });
  listen();
}

void EngineServer::listen() {
  auto server = net::HttpServer::listen(
      network_, {.host = "127.0.0.1", .port = port_, .tls = {}, .limits = {}},
      [this](net::Exchange& exchange) { return receive(exchange); });
  STOKER_INVARIANT(server.has_value(), "an engine of a test cannot listen");
  server_ = std::move(*server);
  port_ = server_->port();
}

void EngineServer::hold(Gate gate) {
  on_network(network_, [&] { gates_.hold(gate); });
}

void EngineServer::release(Gate gate) {
  on_network(network_, [&] { gates_.release(gate); });
}

void EngineServer::step(Gate gate, std::size_t count) {
  on_network(network_, [&] { gates_.step(gate, count); });
}

std::size_t EngineServer::waiting(Gate gate) {
  return on_network(network_, [&] { return gates_.waiting(gate); });
}

bool EngineServer::wait_at(Gate gate, std::size_t count) {
  return watch_.wait_until([this, gate, count] { return gates_.waiting(gate) >= count; });
}

bool EngineServer::wait_until(std::function<bool()> holds) {
  return watch_.wait_until(std::move(holds));
}

void EngineServer::set_fault(Fault fault) {
  on_network(network_, [&] { faults_.set(std::move(fault)); });
}

void EngineServer::clear_faults() {
  on_network(network_, [this] {
    faults_.clear();
    hanging_.wake_all();
  });
}

void EngineServer::advance(Duration by) {
  on_network(network_, [&] {
    now_ = now_ + by;
    time_passed();
    changed();
  });
}

std::string EngineServer::timestamp(Duration offset) const {
  const auto at = kBeginning + std::chrono::microseconds(now_.us + offset.us);
  const auto midnight = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(midnight);
  const std::chrono::hh_mm_ss time(at - midnight);
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()),
                static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()),
                static_cast<int>(time.subseconds().count()));
  return text.data();
}

std::int64_t EngineServer::unix_s() const {
  return kBeginning.time_since_epoch().count() + now_.us / 1'000'000;
}

net::Task<void> EngineServer::receive(net::Exchange& exchange) {
  Life life(exchange);
  auto body = co_await exchange.read_body(kEngineBodyBytesMax);
  if (!body) co_return;
  log_.add(exchange.head(), *body);
  if (!co_await gates_.pass(Gate::head, life)) co_return;
  if (!co_await struck_early(exchange, life)) co_await handle(exchange, std::move(*body), life);
  changed();
}

net::Task<bool> EngineServer::struck_early(net::Exchange& exchange, Life& life) {
  const std::string& path = exchange.head().path;
  if (faults_.take(FaultKind::hang, path) && !co_await hanging_.wait(life)) co_return true;
  if (faults_.take(FaultKind::cut_before_head, path)) {
    exchange.abort();
    co_return true;
  }
  if (const auto fault = faults_.take(FaultKind::error_status, path)) {
    const bool json = fault->text.starts_with('{');
    co_await answer(exchange, fault->status, json ? "application/json" : "text/plain", fault->text);
    co_return true;
  }
  if (const auto fault = faults_.take(FaultKind::garbage_body, path)) {
    co_await answer(exchange, 200, "application/json",
                    fault->text.empty() ? "<html>{\"a\":" : fault->text);
    co_return true;
  }
  co_return false;
}

net::Task<void> answer(net::Exchange& exchange, int status, std::string_view content_type,
                       std::string body) {
  net::ResponseHead head{.status = status, .headers = {}};
  if (!content_type.empty()) head.headers.add("Content-Type", content_type);
  co_await exchange.respond(std::move(head), std::move(body));
}

}  // namespace stoker::engines
