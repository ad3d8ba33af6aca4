// One connected TCP socket, plain or TLS: non-blocking steps, and waiting until a step can make
// progress.
//
// Purpose: the single place that touches sockets. A step moves what it can without waiting; between
//   steps a coroutine (or a callback) waits for readiness, so no buffer is ever lent to the kernel
//   while somebody waits.
// Threading: network thread. Destruction also on the owner thread after the network thread has
//   ended.
// Ownership: shared only because a wait of the event loop may outlive the owner; whoever owns the
//   connection calls `close` when done with it.
// Limits: one waiting reader and one waiting writer.
#pragma once

#include <openssl/ssl.h>
#include <sys/uio.h>

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <coroutine>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <utility>

namespace stoker::net {

enum class Progress : std::uint8_t { done, needs_read, needs_write, end, failed };

struct IoStep {
  Progress progress = Progress::failed;
  std::size_t bytes = 0;
};

struct SslDeleter {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using SslHandle = std::unique_ptr<SSL, SslDeleter>;

class Transport : public std::enable_shared_from_this<Transport> {
 public:
  using Socket = boost::asio::ip::tcp::socket;
  // Who waits. Each side has one place.
  enum class Side : std::uint8_t { reader, writer };
  // What is waited for; values combine as bits.
  enum class Interest : std::uint8_t { readable = 1, writable = 2, either = 3 };

  // Makes the socket non-blocking and unbuffered (no Nagle delay).
  explicit Transport(Socket socket);
  ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  // From here on bytes are encrypted; `handshake` must reach `done` before other steps.
  void use_tls(SslHandle ssl);
  bool is_tls() const { return ssl_ != nullptr; }
  IoStep handshake();

  IoStep read(std::span<char> into);
  // Writes the pieces as one; `bytes` counts over all of them.
  IoStep write(std::span<const iovec> pieces);
  // Whether an idle connection has neither bytes nor an end waiting, so that it can carry another
  // request.
  bool quiet();
  // Seen without reading, for times when nothing is read: the peer's end (also a half-close), or a
  // reset.
  bool peer_has_closed();
  bool peer_has_reset();

  // Tells the peer that nothing more will be sent.
  void shutdown_write();
  // Waiters continue and see `failed`.
  void close();
  // As close, but the peer sees a reset instead of an orderly end.
  void reset();
  bool closed() const { return !socket_.is_open(); }
  // All waiters continue as if they were ready, to look at their surroundings again.
  void wake();

  class Wait;
  Wait ready(Side side, Progress progress);
  Wait ready(Side side, Interest interest);
  // Lets others run first if this connection has made many steps without waiting.
  class Breath;
  Breath breathe();

  // Calls `on_ready` once instead of resuming a coroutine; replaces an earlier watch of that side.
  void watch(Side side, Interest interest, std::move_only_function<void()> on_ready);
  void unwatch(Side side);

  Socket& socket() { return socket_; }

 private:
  struct Waiter {
    std::uint8_t interest = 0;
    std::coroutine_handle<> coroutine;
    std::move_only_function<void()> callback;
  };

  Waiter& waiter(Side side) { return waiters_[static_cast<std::size_t>(side)]; }
  void wait(Side side, Interest interest, std::coroutine_handle<> coroutine);
  void arm(Interest interest);
  void on_ready(Interest direction);
  void fire(Side side, Interest direction);
  short poll_now(short events);
  IoStep tls_step(int result);
  IoStep write_plain(std::span<const iovec> pieces);
  IoStep write_tls(std::span<const iovec> pieces);

  Socket socket_;
  SslHandle ssl_;
  bool tls_ready_ = false;
  std::array<Waiter, 2> waiters_;
  std::array<bool, 2> armed_{};
  std::coroutine_handle<> breather_;
  int steps_without_wait_ = 0;
};

// co_await transport.ready(...): continues when the socket may make progress, was closed or woken.
class Transport::Wait {
 public:
  Wait(Transport& transport, Side side, Interest interest)
      : transport_(transport), side_(side), interest_(interest) {}
  Wait(const Wait&) = delete;
  ~Wait();
  bool await_ready() const { return transport_.closed(); }
  void await_suspend(std::coroutine_handle<> coroutine);
  void await_resume() { suspended_ = nullptr; }

 private:
  Transport& transport_;
  Side side_;
  Interest interest_;
  std::coroutine_handle<> suspended_;
};
class Transport::Breath {
 public:
  explicit Breath(Transport& transport) : transport_(transport) {}
  Breath(const Breath&) = delete;
  ~Breath();
  bool await_ready();
  void await_suspend(std::coroutine_handle<> coroutine);
  void await_resume() { suspended_ = nullptr; }

 private:
  Transport& transport_;
  std::coroutine_handle<> suspended_;
};

}  // namespace stoker::net
