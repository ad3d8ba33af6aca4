// An HTTP/1.1 client with a connection pool: for backends, providers and tests.
//
// Threading: network thread, except `create` and the destructor (any thread). `cancel` on a
//   response or destroying it closes the connection at once; a read that waits fails.
// Ownership: the caller owns the response; unread bodies close their connection, fully read ones
//   return it to the pool. Responses and WebSockets may outlive the client. Destroying the task of
//   a call closes its connection.
// Limits: ClientLimits; every call has its own deadlines, which start when the call starts. No
//   retries but one: a request without body bytes sent on a pooled connection that turns out closed
//   is sent again on a fresh one. An answer that comes before the request is sent completely is
//   taken, the rest is not sent.
// Errors: backend_down (connect, TLS, closed early, cancelled), run_timeout (a deadline passed),
//   too_large, bad_request (URL, target, fields, malformed answer, authority file).
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/error.h"
#include "base/time.h"
#include "net/http.h"
#include "net/network.h"
#include "net/task.h"
#include "net/websocket.h"

namespace stoker::net {

struct ClientLimits {
  std::size_t head_bytes_max = 64 * 1024;
  std::size_t idle_connections_max_per_host = 16;
  Duration idle_timeout = seconds(30);
  // Trust only this authority (tests, LAN); default: the system's.
  std::optional<std::string> ca_file = {};
};

struct Deadlines {
  Duration connect = seconds(5);      // name, TCP and TLS
  Duration first_byte = seconds(60);  // until the head of the answer is complete
  Duration stall = seconds(60);       // between two pieces of the body, while one is waited for
  std::optional<Duration> total = {};
};

struct ClientRequest {
  std::string method = "GET";
  Url url;
  std::string target = "/";  // path and query below url.base_path
  Headers headers;
  std::string body;
  Deadlines deadlines;
};

class ClientResponse {
 public:
  virtual ~ClientResponse() = default;
  virtual const ResponseHead& head() const = 0;
  // One read at a time; 0 at the end.
  virtual Task<Result<std::size_t>> read_some(std::span<char> buffer) = 0;
  virtual Task<Result<std::string>> read_all(std::size_t bytes_max) = 0;
  virtual void cancel() = 0;
};

class HttpClient {
 public:
  static std::unique_ptr<HttpClient> create(Network& network, ClientLimits limits = {});
  virtual ~HttpClient() = default;

  virtual Task<Result<std::unique_ptr<ClientResponse>>> send(ClientRequest request) = 0;
  virtual Task<Result<std::unique_ptr<WebSocket>>> open_websocket(Url url, std::string target,
                                                                  Headers headers,
                                                                  Deadlines deadlines) = 0;
};

}  // namespace stoker::net
