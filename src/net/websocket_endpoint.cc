#include "net/websocket_endpoint.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <boost/beast/websocket/stream.hpp>

#include "net/callback_wait.h"
#include "net/text.h"
#include "net/transport_stream.h"
#include "net/turn.h"

namespace stoker::net {
namespace {

namespace beast = boost::beast;
namespace ws = boost::beast::websocket;
using UpgradeRequest = beast::http::request<beast::http::empty_body>;

constexpr std::size_t kWriteBufferBytes = 16 * 1024;

// Everything that operations of Beast refer to; lives until the last of them has reported.
struct Connection : std::enable_shared_from_this<Connection> {
  Connection(std::shared_ptr<Transport> transport, std::string early)
      : stream(TransportStream(transport, std::move(early))),
        turn(transport->socket().get_executor()) {
    stream.read_message_max(kWebSocketMessageBytesMax);
    stream.auto_fragment(false);
    stream.write_buffer_bytes(kWriteBufferBytes);
  }

  // A silent peer is asked with pings and given up after kWebSocketIdleTimeout.
  void set_timeouts(Duration handshake) {
    stream.set_option(ws::stream_base::timeout{std::chrono::microseconds(handshake.us),
                                               std::chrono::microseconds(kWebSocketIdleTimeout.us),
                                               true});
  }
  void close_now() { stream.next_layer().transport().close(); }

  ws::stream<TransportStream> stream;
  beast::flat_buffer inbox;
  bool reading = false;
  Turn turn;
};

using Outcome = CallbackWait<beast::error_code>;

Error peer_error(const beast::error_code& error) {
  return Error{error == beast::error::timeout ? ErrorCode::run_timeout : ErrorCode::bad_request,
               "WebSocket: " + error.message()};
}

Task<Result<WebSocketMessage>> read_message(std::shared_ptr<Connection> c) {
  if (c->reading) co_return fail(ErrorCode::internal, "two reads at a time");
  c->reading = true;
  const beast::error_code error = co_await Outcome([c](Outcome::Done done) {
    c->stream.async_read(c->inbox, [c, done](beast::error_code e, std::size_t) {
      c->reading = false;
      done(e);
    });
  });
  if (error) {
    c->close_now();
    co_return fail(peer_error(error));
  }
  const auto bytes = c->inbox.data();
  WebSocketMessage message{c->stream.got_binary(),
                           std::string(static_cast<const char*>(bytes.data()), bytes.size())};
  c->inbox.consume(bytes.size());
  if (c->inbox.capacity() > kWriteBufferBytes) c->inbox.shrink_to_fit();
  co_return message;
}

Task<Result<void>> write_message(std::shared_ptr<Connection> c,
                                 std::shared_ptr<const std::string> bytes, bool binary) {
  co_await c->turn.take();
  // The turn ends with the operation, not with this frame: Beast allows one write at a time.
  const beast::error_code error = co_await Outcome([&](Outcome::Done done) {
    c->stream.binary(binary);
    c->stream.async_write(boost::asio::buffer(*bytes),
                          [c, bytes, done](beast::error_code e, std::size_t) {
                            c->turn.give_back();
                            done(e);
                          });
  });
  if (error) co_return fail(peer_error(error));
  co_return Result<void>();
}

Task<void> close_connection(std::shared_ptr<Connection> c, int code) {
  co_await c->turn.take();
  co_await Outcome([&](Outcome::Done done) {
    c->stream.async_close(static_cast<ws::close_code>(code), [c, done](beast::error_code e) {
      c->turn.give_back();
      done(e);
    });
  });
  c->close_now();
}

class Endpoint final : public WebSocket {
 public:
  explicit Endpoint(std::shared_ptr<Connection> connection) : connection_(std::move(connection)) {}
  ~Endpoint() override { connection_->close_now(); }

  Task<Result<WebSocketMessage>> read() override { return read_message(connection_); }
  Task<Result<void>> write_text(std::string_view text) override {
    return write_message(connection_, std::make_shared<const std::string>(text), false);
  }
  Task<Result<void>> write_binary(std::string_view bytes) override {
    return write_message(connection_, std::make_shared<const std::string>(bytes), true);
  }
  Task<void> close(int code) override { return close_connection(connection_, code); }

 private:
  std::shared_ptr<Connection> connection_;
};

// Closes the connection if its handshake is given up half-way.
struct CloseUnlessDone {
  std::shared_ptr<Connection> connection;
  ~CloseUnlessDone() {
    if (connection) connection->close_now();
  }
};

UpgradeRequest beast_request(const RequestHead& head) {
  UpgradeRequest request;
  request.method_string(head.method);
  request.target(head.target);
  request.version(head.http_1_0 ? 10 : 11);
  for (const auto& [name, value] : head.headers.all()) request.insert(name, value);
  return request;
}

}  // namespace

bool is_websocket_upgrade(const RequestHead& head) {
  if (head.http_1_0 || !head.headers.find("Upgrade") || !head.headers.find("Sec-WebSocket-Key"))
    return false;
  const auto version = head.headers.find("Sec-WebSocket-Version");
  return version && *version == "13" && ws::is_upgrade(beast_request(head));
}

Task<Result<std::unique_ptr<WebSocket>>> accept_websocket_on(std::shared_ptr<Transport> transport,
                                                             std::string early,
                                                             const RequestHead& head) {
  auto c = std::make_shared<Connection>(std::move(transport), std::move(early));
  CloseUnlessDone guard{c};
  c->set_timeouts(kWebSocketCloseTimeout);
  auto request = std::make_shared<UpgradeRequest>(beast_request(head));
  const beast::error_code error = co_await Outcome([c, request](Outcome::Done done) {
    c->stream.async_accept(*request, [c, request, done](beast::error_code e) { done(e); });
  });
  if (error) co_return fail(peer_error(error));
  guard.connection = nullptr;
  co_return std::make_unique<Endpoint>(std::move(c));
}

Task<Result<std::unique_ptr<WebSocket>>> connect_websocket_on(std::shared_ptr<Transport> transport,
                                                              std::string host, std::string target,
                                                              Headers headers, Duration patience) {
  auto c = std::make_shared<Connection>(std::move(transport), std::string());
  CloseUnlessDone guard{c};
  c->set_timeouts(patience);
  c->stream.set_option(ws::stream_base::decorator([headers](ws::request_type& request) {
    for (const auto& [name, value] : headers.all()) request.set(name, value);
  }));
  auto answer = std::make_shared<ws::response_type>();
  const beast::error_code error = co_await Outcome([&](Outcome::Done done) {
    c->stream.async_handshake(*answer, host, target,
                              [c, answer, done](beast::error_code e) { done(e); });
  });
  if (error == beast::error::timeout) co_return fail(ErrorCode::run_timeout, "WebSocket handshake");
  if (error) {
    co_return fail(ErrorCode::backend_down, "WebSocket handshake: " + error.message(),
                   answer->result_int() == 0 ? "" : std::to_string(answer->result_int()));
  }
  c->set_timeouts(kWebSocketCloseTimeout);
  guard.connection = nullptr;
  co_return std::make_unique<Endpoint>(std::move(c));
}

}  // namespace stoker::net
