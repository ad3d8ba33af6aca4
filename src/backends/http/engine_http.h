// Requests to one engine, on the network thread.
//
// Purpose: the few forms in which adapters talk HTTP: ask and get a bounded answer, or read a streamed one piece by piece.
// Threading: network thread, inside a task. Creation: any thread.
// Ownership: tasks hold it by shared_ptr, so it lives as long as the last of them.
// Limits: kEngineAnswerBytesMax for an answer, unless the call says otherwise. One deadline for the whole call.
// Errors: backend_down (no connection, closed early), run_timeout (deadline), too_large, and what the sink says.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "base/time.h"
#include "net/http_client.h"
#include "net/network.h"
#include "net/task.h"

namespace stoker {

inline constexpr std::size_t kEngineAnswerBytesMax = 64 * kBytesPerMiB;
inline constexpr Duration kEngineConnectMax = seconds(5);

struct EngineAsk {
  std::string method = "GET";
  std::string target;  // below the base path of the engine's URL
  std::string body = {};
  std::string content_type = "application/json";  // of the body
  Duration deadline;
  std::size_t answer_bytes_max = kEngineAnswerBytesMax;
  std::optional<Duration> first_byte_max = {};  // until the head of the answer; else the deadline
  std::optional<Duration> stall_max = {};       // between two pieces of it; else the deadline
};

struct EngineAnswer {
  int status = 0;
  std::string content_type;
  std::string body;
  bool ok() const { return status >= 200 && status < 300; }
};

class EngineHttp {
 public:
  // `key`: sent as bearer token, empty: none.
  EngineHttp(net::Network& network, net::Url url, std::string key = {});

  net::Network& network() const { return network_; }
  const net::Url& url() const { return url_; }

  // The whole answer, whatever its status.
  static net::Task<Result<EngineAnswer>> ask(std::shared_ptr<EngineHttp> http, EngineAsk ask);

  // Pieces of a 2xx answer as they come, to `sink`; it returns false to end early (the connection closes) or an error.
  // Another status ends with the answer and without pieces.
  using Sink = std::move_only_function<Result<bool>(std::string_view piece)>;
  static net::Task<Result<EngineAnswer>> stream(std::shared_ptr<EngineHttp> http, EngineAsk ask,
                                                Sink sink);

  static net::Task<Result<std::unique_ptr<net::WebSocket>>> open_websocket(
      std::shared_ptr<EngineHttp> http, std::string target, Duration deadline);

 private:
  net::ClientRequest request_of(EngineAsk ask) const;

  net::Network& network_;
  net::Url url_;
  std::string key_;
  std::unique_ptr<net::HttpClient> client_;
};

}  // namespace stoker
