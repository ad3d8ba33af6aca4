// An HTTP/1.1 server: every request becomes an Exchange that a handler task answers.
//
// Purpose: streaming both ways, keep-alive, pipelining (answered in order), chunked bodies, Expect:
//   100-continue, HEAD, HTTP/1.0 peers, TLS, upgrade to WebSocket. Malformed requests are answered
//   with 400, 413, 414, 431 or 501 here. Each of those answers, and the 500 for a handler that gave
//   none, has the body {"error":{"code":…,"params":{}}}.
// Threading: handlers and all Exchange members run on the network thread. HttpServer: `listen` and
//   the destructor on the owner thread, `port`, `connection_count` and `drain` on any thread.
// Ownership: the server owns its connections and their handler tasks and destroys both; an Exchange
//   lives as long as its handler runs. The server must not be destroyed from inside one of its
//   handlers.
// Limits: ServerLimits, all stated. Beyond connections_max the oldest idle connection is closed,
//   else new ones are refused. Up to 16 KiB of a following request are read while a handler runs,
//   which is how the end of a peer is noticed.
// Errors: Exchange operations fail with bad_request (malformed, peer gone), too_large, run_timeout,
//   or internal (called out of order). A half-closed peer counts as gone once the request body is
//   read.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/time.h"
#include "net/http.h"
#include "net/network.h"
#include "net/task.h"
#include "net/websocket.h"

namespace stoker::net {

struct ServerLimits {
  std::size_t head_bytes_max = 16 * 1024;
  std::size_t connections_max = 12'000;
  Duration head_timeout = seconds(15);  // from the first byte of a request to the end of its head
  Duration idle_timeout = seconds(75);  // between requests of a kept connection
  Duration body_stall_timeout = seconds(60);   // without one byte of an expected body
  Duration write_stall_timeout = seconds(60);  // a peer that takes no byte
};

struct TlsFiles {
  std::string certificate_chain_pem;  // path
  std::string private_key_pem;        // path
};

struct ListenOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;  // 0 picks a free one
  std::optional<TlsFiles> tls;
  ServerLimits limits;
};

// One request and its answer. One operation at a time.
class Exchange {
 public:
  virtual ~Exchange() = default;

  virtual const RequestHead& head() const = 0;

  // The whole body; too_large beyond `bytes_max` (the rest is not read, the connection closes after
  // the answer).
  virtual Task<Result<std::string>> read_body(std::size_t bytes_max) = 0;
  // The next piece of the body; 0 at its end.
  virtual Task<Result<std::size_t>> read_some(std::span<char> buffer) = 0;

  // Head and body in one go, with Content-Length. A HEAD request gets no body.
  virtual Task<Result<void>> respond(ResponseHead head, std::string body) = 0;

  // A streamed answer: chunked, unless the head carries Content-Length (then exactly that many
  // bytes must follow). The head leaves at once. Each write leaves at once and returns when the
  // kernel took it (backpressure).
  virtual Task<Result<void>> start(ResponseHead head) = 0;
  // `piece` must stay valid until then.
  virtual Task<Result<void>> write(std::string_view piece) = 0;
  // The same for several pieces in one system call.
  virtual Task<Result<void>> write_pieces(std::span<const std::string_view> pieces) = 0;
  // Returning from the handler without finish cuts the connection, so that the peer sees an
  // incomplete answer.
  virtual Task<Result<void>> finish() = 0;

  // Cuts the connection; pending operations fail. For streams that must not go on.
  virtual void abort() = 0;

  // True after the peer closed or reset the connection (or the server cut it at the end of a
  // drain); `on_gone` is called once when that happens, unless the handler has returned. A later
  // call replaces the callback.
  virtual bool gone() const = 0;
  virtual void on_gone(std::move_only_function<void()> callback) = 0;
  // Whether an answer was begun.
  virtual bool answered() const = 0;

  // Answers 101 and hands the connection over. Fails with bad_request if the request is no
  // WebSocket upgrade.
  virtual Task<Result<std::unique_ptr<WebSocket>>> accept_websocket() = 0;
};

// Answers one request. If it returns without an answer the server sends 500. Captures live as long
// as the server.
using Handler = std::function<Task<void>(Exchange&)>;

class HttpServer {
 public:
  // Listens when it returns. Fails with bad_request (address, TLS files) or conflict (port in use).
  static Result<std::unique_ptr<HttpServer>> listen(Network& network, ListenOptions options,
                                                    Handler handler);
  virtual ~HttpServer() = default;

  virtual std::uint16_t port() const = 0;
  virtual std::size_t connection_count() const = 0;

  // Stops accepting, closes idle connections, lets running exchanges end; `drained` is called on
  // the network thread when none is left or after `deadline` (then the rest is closed and its
  // handler tasks are destroyed). Call it once.
  virtual void drain(Duration deadline, std::move_only_function<void()> drained) = 0;
};

}  // namespace stoker::net
