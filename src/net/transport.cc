#include "net/transport.h"

#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>

namespace stoker::net {
namespace {

constexpr int kStepsBeforeBreath = 64;
constexpr std::size_t kTlsRecordBytes = 16 * 1024;

std::uint8_t bits(Transport::Interest interest) {
  return static_cast<std::uint8_t>(interest);
}

bool would_block(int error) {
  return error == EAGAIN || error == EWOULDBLOCK;
}

}  // namespace

Transport::Transport(Socket socket) : socket_(std::move(socket)) {
  boost::system::error_code
      ignored;  // a socket without these options still works; a dead one fails at its first step
  socket_.non_blocking(true, ignored);
  socket_.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
}

Transport::~Transport() = default;

void Transport::use_tls(SslHandle ssl) {
  ssl_ = std::move(ssl);
  SSL_set_fd(ssl_.get(), socket_.native_handle());
  SSL_set_mode(ssl_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                               SSL_MODE_RELEASE_BUFFERS);
}

IoStep Transport::handshake() {
  if (closed()) return {};
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) {
    tls_ready_ = true;
    return {Progress::done, 0};
  }
  return tls_step(result);
}

IoStep Transport::tls_step(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return {Progress::needs_read, 0};
    case SSL_ERROR_WANT_WRITE:
      return {Progress::needs_write, 0};
    case SSL_ERROR_ZERO_RETURN:
      return {Progress::end, 0};
    default:
      tls_ready_ = false;  // no close_notify after a fatal error
      return {Progress::failed, 0};
  }
}

IoStep Transport::read(std::span<char> into) {
  if (closed()) return {};
  if (ssl_) {
    ERR_clear_error();
    std::size_t bytes = 0;
    const int result = SSL_read_ex(ssl_.get(), into.data(), into.size(), &bytes);
    return result == 1 ? IoStep{Progress::done, bytes} : tls_step(result);
  }
  while (true) {
    const ssize_t got = ::recv(socket_.native_handle(), into.data(), into.size(), 0);
    if (got > 0) return {Progress::done, static_cast<std::size_t>(got)};
    if (got == 0) return {Progress::end, 0};
    if (would_block(errno)) return {Progress::needs_read, 0};
    if (errno != EINTR) return {};
  }
}

IoStep Transport::write(std::span<const iovec> pieces) {
  if (closed()) return {};
  return ssl_ ? write_tls(pieces) : write_plain(pieces);
}

IoStep Transport::write_plain(std::span<const iovec> pieces) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces.data());  // sendmsg does not write through it
  message.msg_iovlen = pieces.size();
  while (true) {
    const ssize_t sent = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL);
    if (sent >= 0) return {Progress::done, static_cast<std::size_t>(sent)};
    if (would_block(errno)) return {Progress::needs_write, 0};
    if (errno != EINTR) return {};
  }
}

// Small pieces share a record. A repeated call after needs_write sees the same pieces, hence the
// same bytes first.
IoStep Transport::write_tls(std::span<const iovec> pieces) {
  std::array<char, kTlsRecordBytes> record;
  const void* data = pieces.front().iov_base;
  std::size_t size = pieces.front().iov_len;
  if (size < record.size() && pieces.size() > 1) {
    size = 0;
    for (const iovec& piece : pieces) {
      const std::size_t part = std::min(piece.iov_len, record.size() - size);
      std::memcpy(record.data() + size, piece.iov_base, part);
      size += part;
      if (size == record.size()) break;
    }
    data = record.data();
  }
  ERR_clear_error();
  std::size_t bytes = 0;
  const int result = SSL_write_ex(ssl_.get(), data, size, &bytes);
  return result == 1 ? IoStep{Progress::done, bytes} : tls_step(result);
}

bool Transport::quiet() {
  if (closed()) return false;
  char byte = 0;
  if (ssl_) {  // session tickets may wait in the socket, so only TLS can tell
    ERR_clear_error();
    std::size_t bytes = 0;
    const int result = SSL_peek_ex(ssl_.get(), &byte, 1, &bytes);
    return result != 1 && tls_step(result).progress == Progress::needs_read;
  }
  return ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
         would_block(errno);
}

short Transport::poll_now(short events) {
  if (closed()) return POLLERR;
  pollfd state{socket_.native_handle(), events, 0};
  return ::poll(&state, 1, 0) > 0 ? state.revents : short{0};
}

bool Transport::peer_has_closed() {
  return (poll_now(POLLRDHUP) & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

bool Transport::peer_has_reset() {
  return (poll_now(0) & (POLLHUP | POLLERR)) != 0;
}

void Transport::shutdown_write() {
  if (closed()) return;
  if (ssl_ && tls_ready_) {
    ERR_clear_error();
    SSL_shutdown(
        ssl_.get());  // sends close_notify if the socket takes it now; nobody waits for the answer
    tls_ready_ = false;
  }
  boost::system::error_code ignored;  // the peer may be gone already
  socket_.shutdown(Socket::shutdown_send, ignored);
}

void Transport::close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

void Transport::reset() {
  if (closed()) return;
  boost::system::error_code ignored;
  socket_.set_option(boost::asio::socket_base::linger(true, 0), ignored);
  socket_.close(ignored);
}

void Transport::wake() {
  boost::system::error_code ignored;
  socket_.cancel(ignored);
}

Transport::Wait Transport::ready(Side side, Progress progress) {
  return {*this, side, progress == Progress::needs_write ? Interest::writable : Interest::readable};
}

Transport::Wait Transport::ready(Side side, Interest interest) {
  return {*this, side, interest};
}

Transport::Breath Transport::breathe() {
  return Breath(*this);
}

void Transport::wait(Side side, Interest interest, std::coroutine_handle<> coroutine) {
  steps_without_wait_ = 0;
  Waiter& place = waiter(side);
  place.interest = bits(interest);
  place.coroutine = coroutine;
  place.callback = nullptr;
  arm(interest);
}

void Transport::watch(Side side, Interest interest, std::move_only_function<void()> on_ready) {
  Waiter& place = waiter(side);
  place.interest = bits(interest);
  place.coroutine = nullptr;
  place.callback = std::move(on_ready);
  arm(interest);
}

void Transport::unwatch(Side side) {
  if (waiter(side).callback) waiter(side) = {};
}

// A wait of the event loop that nobody is interested in any more stays armed and serves the next
// one.
void Transport::arm(Interest interest) {
  for (const Interest direction : {Interest::readable, Interest::writable}) {
    bool& armed = armed_[direction == Interest::readable ? 0 : 1];
    if ((bits(interest) & bits(direction)) == 0 || armed) continue;
    armed = true;
    const auto what = direction == Interest::readable ? Socket::wait_read : Socket::wait_write;
    socket_.async_wait(what, [self = shared_from_this(), direction](
                                 const boost::system::error_code&) { self->on_ready(direction); });
  }
}

void Transport::on_ready(Interest direction) {
  armed_[direction == Interest::readable ? 0 : 1] = false;
  fire(Side::reader, direction);
  fire(Side::writer, direction);
}

void Transport::fire(Side side, Interest direction) {
  Waiter& place = waiter(side);
  if ((place.interest & bits(direction)) == 0) return;
  Waiter taken = std::exchange(place, {});
  if (taken.coroutine) return taken.coroutine.resume();
  if (taken.callback) taken.callback();
}

Transport::Wait::~Wait() {
  if (suspended_ && transport_.waiter(side_).coroutine == suspended_) transport_.waiter(side_) = {};
}

void Transport::Wait::await_suspend(std::coroutine_handle<> coroutine) {
  suspended_ = coroutine;
  transport_.wait(side_, interest_, coroutine);
}

Transport::Breath::~Breath() {
  if (suspended_ && transport_.breather_ == suspended_) transport_.breather_ = nullptr;
}

bool Transport::Breath::await_ready() {
  return ++transport_.steps_without_wait_ < kStepsBeforeBreath || transport_.closed();
}

void Transport::Breath::await_suspend(std::coroutine_handle<> coroutine) {
  suspended_ = coroutine;
  transport_.steps_without_wait_ = 0;
  transport_.breather_ = coroutine;
  boost::asio::post(transport_.socket_.get_executor(), [self = transport_.shared_from_this()] {
    if (self->breather_) std::exchange(self->breather_, nullptr).resume();
  });
}

}  // namespace stoker::net
