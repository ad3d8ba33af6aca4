// Server-sent events to one client: frames in, bytes out, bounded, never blocking the sender.
//
// Purpose: fan-out of snapshots. The sender pushes the same shared frame to many streams.
// Threading: `push` and `close` from any thread; `serve_event_stream` on the network thread, once
//   per stream.
// Ownership: sender and serving task share the stream; frames are shared by all streams they were
//   pushed to.
// Limits: kEventBacklogBytesMax waiting bytes per client; a client that reads slower is cut off and
//   may come back.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "net/http_server.h"
#include "net/task.h"

namespace stoker::net {

inline constexpr std::size_t kEventBacklogBytesMax = 4 * 1024 * 1024;

class EventStream {
 public:
  static std::shared_ptr<EventStream> create(Network& network);
  virtual ~EventStream() = default;

  // One complete frame ("event: x\nid: 1\ndata: {...}\n\n"). False once the stream is closed.
  virtual bool push(std::shared_ptr<const std::string> frame) = 0;
  // What was pushed before is still sent, then the answer ends.
  virtual void close() = 0;
  virtual bool closed() const = 0;
};

// Builds a frame; `data` must be one line.
std::string event_frame(std::string_view event, std::uint64_t id, std::string_view data);

// Answers the exchange as text/event-stream (no-cache, X-Accel-Buffering: no, the extra headers)
// and sends what is pushed until the client goes or the stream is closed. `stream` is closed when
// it returns.
Task<void> serve_event_stream(Exchange& exchange, std::shared_ptr<EventStream> stream,
                              Headers extra);

}  // namespace stoker::net
