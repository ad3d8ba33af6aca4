// One WebSocket connection (RFC 6455), as the server end or the client end.
//
// Threading: network thread. One read and one write may be pending at a time; further writes wait
//   their turn.
// Ownership: destroying it closes the connection at once; operations that still wait fail.
// Limits: messages up to kWebSocketMessageBytesMax; beyond it the connection closes with 1009. A
//   silent peer is asked with pings and given up after kWebSocketIdleTimeout. Keep a read pending:
//   only reads see pongs and goodbyes.
// Errors: bad_request once the peer is gone or broke the protocol, run_timeout for a peer that went
//   silent, internal for a second read at the same time.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/time.h"
#include "net/task.h"

namespace stoker::net {

inline constexpr std::size_t kWebSocketMessageBytesMax = 16 * 1024 * 1024;
inline constexpr Duration kWebSocketIdleTimeout = seconds(60);
inline constexpr Duration kWebSocketCloseTimeout = seconds(10);

struct WebSocketMessage {
  bool binary = false;
  std::string bytes;
};

class WebSocket {
 public:
  virtual ~WebSocket() = default;

  virtual Task<Result<WebSocketMessage>> read() = 0;  // pings are answered inside
  // The bytes are copied before the call returns its task.
  virtual Task<Result<void>> write_text(std::string_view text) = 0;
  virtual Task<Result<void>> write_binary(std::string_view bytes) = 0;
  // Says goodbye with `code`, waits up to kWebSocketCloseTimeout for the peer's goodbye and closes
  // the connection.
  virtual Task<void> close(int code) = 0;
};

}  // namespace stoker::net
