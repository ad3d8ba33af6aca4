#include "net/server_connection.h"

#include "net/address.h"
#include "net/head_writer.h"
#include "net/server_exchange.h"

namespace stoker::net {
namespace {

constexpr Duration kLingerTimeout = seconds(2);
constexpr std::size_t kLingerBytesMax = 4 * 1024 * 1024;

// An empty line before a request is ignored (RFC 9112 section 2.2).
void skip_empty_lines(InputBuffer& input) {
  while (input.view().starts_with("\r\n")) input.consume(2);
}

}  // namespace

ServerConnection::ServerConnection(ServerState& server, std::shared_ptr<Transport> transport)
    : server_(server),
      channel_(server.deadlines(), std::move(transport)),
      place_(server.join(*this)) {
  boost::system::error_code
      error;  // a peer that is gone already has no address; its first read ends it
  const auto address = unmapped(channel_.transport().socket().remote_endpoint(error).address());
  if (error) return;
  peer_address_ = address.to_string();
  peer_is_loopback_ = is_loopback(address);
}

ServerConnection::~ServerConnection() {
  server_.leave(place_, idle_);
}

Task<void> ServerConnection::run(std::unique_ptr<ServerConnection> self) {
  if (!co_await self->prepare()) co_return;
  Next next = Next::another_request;
  while (next == Next::another_request) next = co_await self->serve_one();
  if (next == Next::nothing) co_return;
  if (next == Next::linger) co_await self->linger();
  self->channel_.transport().shutdown_write();
}

Task<bool> ServerConnection::prepare() {
  if (server_.tls() == nullptr) co_return true;
  channel_.transport().use_tls(accepting_tls(*server_.tls()));
  channel_.deadline().set(server_.limits().head_timeout);
  const auto done = co_await channel_.handshake();
  channel_.deadline().clear();
  co_return done.has_value();
}

Task<ServerConnection::Next> ServerConnection::serve_one() {
  const HeadOutcome outcome = co_await read_head();
  if (outcome == HeadOutcome::closed) co_return Next::close;
  if (outcome == HeadOutcome::refused) {
    channel_.forgive_timeout();
    channel_.write_once(refusal_text(refused_status_));
    co_return Next::linger;
  }

  RequestHead& head = request_->head;
  head.peer_address = peer_address_;
  head.peer_is_loopback = peer_is_loopback_;
  head.tls = channel_.transport().is_tls();
  ServerExchange exchange(*this, std::move(*request_));
  request_.reset();
  exchange_ = &exchange;
  co_await server_.handler()(exchange);
  if (!exchange.answered()) {
    ResponseHead failure{.status = 500, .headers = {}};
    failure.headers.add("Content-Type", "application/json");
    [[maybe_unused]] auto sent =
        co_await exchange.respond(std::move(failure), error_body(ErrorCode::internal));
  }
  exchange_ = nullptr;
  if (exchange.handed_over()) co_return Next::nothing;
  if (!exchange.complete()) {
    channel_.transport().reset();
    co_return Next::nothing;
  }
  channel_.unwatch_peer();
  if (channel_.halted()) co_return Next::close;
  if (!exchange.keep_alive())
    co_return exchange.body_read() && channel_.input().empty() ? Next::close : Next::linger;
  co_return co_await exchange.skip_rest_of_body() ? Next::another_request : Next::close;
}

Task<ServerConnection::HeadOutcome> ServerConnection::read_head() {
  skip_empty_lines(channel_.input());
  if (channel_.input().empty()) {
    if (server_.draining()) co_return HeadOutcome::closed;
    set_idle(true);
    channel_.deadline().set(server_.limits().idle_timeout);
    const auto first = co_await channel_.fill(std::nullopt);
    channel_.deadline().clear();
    if (!first) co_return HeadOutcome::closed;
  }
  set_idle(false);
  RequestParser parser(server_.limits().head_bytes_max);
  channel_.deadline().set(server_.limits().head_timeout);
  const HeadOutcome outcome = co_await read_rest_of_head(parser);
  channel_.deadline().clear();
  if (outcome == HeadOutcome::request) request_ = std::move(parser.parsed());
  co_return outcome;
}

Task<ServerConnection::HeadOutcome> ServerConnection::read_rest_of_head(RequestParser& parser) {
  bool begun = false;
  while (true) {
    if (!begun) skip_empty_lines(channel_.input());
    begun = begun || !channel_.input().empty();
    const HeadState state = parser.feed(channel_.input());
    if (state == HeadState::complete) co_return HeadOutcome::request;
    if (state == HeadState::refused) {
      refused_status_ = parser.refused_status();
      co_return HeadOutcome::refused;
    }
    const auto more = co_await channel_.fill(std::nullopt);
    if (more) continue;
    if (more.error() != Halt::timed_out) co_return HeadOutcome::closed;
    refused_status_ = 408;
    co_return HeadOutcome::refused;
  }
}

// Reads what the peer still sends, for a while: closing with unread bytes would reset the
// connection and could destroy the answer before the peer has read it.
Task<void> ServerConnection::linger() {
  Transport& transport = channel_.transport();
  transport.shutdown_write();
  channel_.deadline().set(kLingerTimeout);
  channel_.input().consume(channel_.input().size());
  for (std::size_t seen = 0; seen < kLingerBytesMax;) {
    const auto more = co_await channel_.fill(std::nullopt);
    if (!more) break;
    seen += *more;
    channel_.input().consume(*more);
  }
  channel_.deadline().clear();
}

void ServerConnection::set_idle(bool idle) {
  if (idle == idle_) return;
  idle_ = idle;
  if (idle) return server_.became_idle(place_);
  server_.became_busy(place_);
}

void ServerConnection::close_idle() {
  set_idle(false);
  channel_.stop(Halt::stopped);
}

void ServerConnection::cut() {
  if (exchange_ != nullptr) exchange_->peer_gone();
}

}  // namespace stoker::net
