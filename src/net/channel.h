// A connection as its user sees it: read, write, one deadline, and a way to be stopped from
// outside.
//
// Purpose: the loops around Transport's steps, the same for server and client.
// Threading: network thread. One read and one write may wait at a time.
// Ownership: closes its transport when destroyed, unless it was released.
// Errors: Halt says why a read or write ended; after a halt every further operation halts the same
//   way.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "net/body_decoder.h"
#include "net/deadline.h"
#include "net/input_buffer.h"
#include "net/task.h"
#include "net/transport.h"

namespace stoker::net {

enum class Halt : std::uint8_t { end, failed, timed_out, stopped, malformed };

template <class T>
using Io = std::expected<T, Halt>;

class Channel {
 public:
  Channel(DeadlineQueue& deadlines, std::shared_ptr<Transport> transport);
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  InputBuffer& input() { return input_; }
  Transport& transport() { return *transport_; }
  // Halts with timed_out once it has passed.
  Deadline& deadline() { return deadline_; }

  // With `stall`, the deadline runs anew during each wait; without, it stays as the caller set it.
  Task<Io<void>> handshake();
  Task<Io<std::size_t>> read_some(std::span<char> into, std::optional<Duration> stall);
  Task<Io<std::size_t>> fill(
      std::optional<Duration> stall);  // reads into `input`, holds no memory while waiting
  Task<Io<void>> write_all(std::span<iovec> pieces, std::optional<Duration> stall);
  // The next piece of a body; 0 at its end.
  Task<Io<std::size_t>> read_body(BodyDecoder& body, std::span<char> into, Duration stall);
  // One attempt, for last words to a peer that may be gone.
  void write_once(std::string_view text);

  void stop(Halt why);
  const std::optional<Halt>& halted() const { return halt_; }
  // A deadline that passed no longer halts (to say so to the peer).
  void forgive_timeout();

  // Looks for the peer's end while nobody reads: reads ahead up to kReadBytes, then polls each
  // second. `on_gone` is called once; the channel is halted by then.
  void watch_peer(std::move_only_function<void()> on_gone);
  // For times when input must stay unread: notices only a reset, not an orderly end.
  void poll_peer(std::move_only_function<void()> on_gone);
  void unwatch_peer();

  // Gives the transport away, with what was read from it still in `input`.
  std::shared_ptr<Transport> release();

 private:
  enum class Poll : std::uint8_t { reset, end };

  void look_at_peer();
  void poll();
  void peer_gone();

  InputBuffer input_;
  std::shared_ptr<Transport> transport_;
  Deadline deadline_;
  Deadline poll_deadline_;
  Poll poll_ = Poll::end;
  std::optional<Halt> halt_;
  std::move_only_function<void()> on_gone_;
};

}  // namespace stoker::net
