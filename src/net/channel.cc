#include "net/channel.h"

#include <algorithm>

namespace stoker::net {
namespace {

constexpr Duration kPollInterval = seconds(1);

Halt halt_of(Progress progress) {
  return progress == Progress::end ? Halt::end : Halt::failed;
}

bool waits(Progress progress) {
  return progress == Progress::needs_read || progress == Progress::needs_write;
}

// Drops the first `bytes` of the pieces.
std::span<iovec> without(std::span<iovec> pieces, std::size_t bytes) {
  while (!pieces.empty() && bytes >= pieces.front().iov_len) {
    bytes -= pieces.front().iov_len;
    pieces = pieces.subspan(1);
  }
  if (!pieces.empty()) {
    pieces.front().iov_base = static_cast<char*>(pieces.front().iov_base) + bytes;
    pieces.front().iov_len -= bytes;
  }
  return pieces;
}

}  // namespace

Channel::Channel(DeadlineQueue& deadlines, std::shared_ptr<Transport> transport)
    : transport_(std::move(transport)),
      deadline_(deadlines, [this] { stop(Halt::timed_out); }),
      poll_deadline_(deadlines, [this] { poll(); }) {}

Channel::~Channel() {
  if (!transport_) return;
  unwatch_peer();
  transport_->close();
}

void Channel::stop(Halt why) {
  if (!halt_) halt_ = why;
  if (transport_) transport_->wake();
}

void Channel::forgive_timeout() {
  if (halt_ == Halt::timed_out) halt_.reset();
}

Task<Io<void>> Channel::handshake() {
  while (true) {
    if (halt_) co_return std::unexpected(*halt_);
    const IoStep step = transport_->handshake();
    if (step.progress == Progress::done) co_return Io<void>();
    if (!waits(step.progress)) co_return std::unexpected(halt_of(step.progress));
    co_await transport_->ready(Transport::Side::reader, step.progress);
  }
}

Task<Io<std::size_t>> Channel::read_some(std::span<char> into, std::optional<Duration> stall) {
  co_await transport_->breathe();
  while (true) {
    if (halt_) co_return std::unexpected(*halt_);
    const IoStep step = transport_->read(into);
    if (step.progress == Progress::done) co_return step.bytes;
    if (!waits(step.progress)) co_return std::unexpected(halt_of(step.progress));
    if (stall) deadline_.set(*stall);
    co_await transport_->ready(Transport::Side::reader, step.progress);
    if (stall) deadline_.clear();
  }
}

Task<Io<std::size_t>> Channel::fill(std::optional<Duration> stall) {
  co_await transport_->breathe();
  while (true) {
    if (halt_) co_return std::unexpected(*halt_);
    const IoStep step = transport_->read(input_.room(kReadBytes));
    if (step.progress == Progress::done) {
      input_.commit(step.bytes);
      co_return step.bytes;
    }
    input_.release_if_empty();
    if (!waits(step.progress)) co_return std::unexpected(halt_of(step.progress));
    if (stall) deadline_.set(*stall);
    co_await transport_->ready(Transport::Side::reader, step.progress);
    if (stall) deadline_.clear();
  }
}

Task<Io<void>> Channel::write_all(std::span<iovec> pieces, std::optional<Duration> stall) {
  pieces = without(pieces, 0);
  while (!pieces.empty()) {
    co_await transport_->breathe();
    if (halt_) co_return std::unexpected(*halt_);
    const IoStep step = transport_->write(pieces);
    if (step.progress == Progress::done) {
      pieces = without(pieces, step.bytes);
      continue;
    }
    if (!waits(step.progress)) co_return std::unexpected(halt_of(step.progress));
    if (stall) deadline_.set(*stall);
    co_await transport_->ready(Transport::Side::writer, step.progress);
    if (stall) deadline_.clear();
  }
  co_return Io<void>();
}

Task<Io<std::size_t>> Channel::read_body(BodyDecoder& body, std::span<char> into, Duration stall) {
  while (true) {
    const std::size_t bytes = body.decode(input_, into);
    if (body.malformed()) co_return std::unexpected(Halt::malformed);
    if (bytes > 0 || body.done()) co_return bytes;
    const std::uint64_t direct = std::min<std::uint64_t>(body.direct_bytes(), into.size());
    const bool straight = direct > 0 && input_.empty();
    const auto got = straight
                         ? co_await read_some(into.first(static_cast<std::size_t>(direct)), stall)
                         : co_await fill(stall);
    if (!got && got.error() == Halt::end && body.end_of_input()) co_return 0;
    if (!got) co_return std::unexpected(got.error());
    if (!straight) continue;
    body.took_direct(*got);
    co_return *got;
  }
}

void Channel::write_once(std::string_view text) {
  const iovec piece{const_cast<char*>(text.data()), text.size()};
  transport_->write({&piece, 1});
}

void Channel::watch_peer(std::move_only_function<void()> on_gone) {
  on_gone_ = std::move(on_gone);
  poll_ = Poll::end;
  transport_->watch(Transport::Side::reader, Transport::Interest::readable,
                    [this] { look_at_peer(); });
}

void Channel::poll_peer(std::move_only_function<void()> on_gone) {
  on_gone_ = std::move(on_gone);
  poll_ = Poll::reset;
  poll_deadline_.set(kPollInterval);
}

void Channel::unwatch_peer() {
  transport_->unwatch(Transport::Side::reader);
  poll_deadline_.clear();
  on_gone_ = nullptr;
}

void Channel::look_at_peer() {
  if (halt_) return;
  while (input_.size() < kReadBytes) {
    const IoStep step = transport_->read(input_.room(1));
    if (step.progress == Progress::done) {
      input_.commit(step.bytes);
      continue;
    }
    input_.release_if_empty();
    if (!waits(step.progress)) return peer_gone();
    const auto interest = step.progress == Progress::needs_write ? Transport::Interest::writable
                                                                 : Transport::Interest::readable;
    return transport_->watch(Transport::Side::reader, interest, [this] { look_at_peer(); });
  }
  poll_deadline_.set(kPollInterval);
}

void Channel::poll() {
  const bool gone =
      poll_ == Poll::end ? transport_->peer_has_closed() : transport_->peer_has_reset();
  if (gone) return peer_gone();
  poll_deadline_.set(kPollInterval);
}

void Channel::peer_gone() {
  stop(Halt::end);
  if (on_gone_) std::exchange(on_gone_, nullptr)();
}

std::shared_ptr<Transport> Channel::release() {
  unwatch_peer();
  deadline_.clear();
  return std::exchange(transport_, nullptr);
}

}  // namespace stoker::net
