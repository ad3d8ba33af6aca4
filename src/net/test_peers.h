// Peers made of plain blocking sockets, and a way to run a task from a test. For the tests of this
// folder.
//
// Nothing here waits for time to pass: every wait is for an event and fails after kGuard, which is
// generous.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "net/http_server.h"
#include "net/network.h"

namespace stoker::net::testing {

inline constexpr std::chrono::seconds kGuard{30};

class Socket {
 public:
  Socket() = default;
  explicit Socket(int fd) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    close();
    fd_ = std::exchange(other.fd_, -1);
    return *this;
  }
  ~Socket() { close(); }

  int fd() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  void reset() {
    const linger abrupt{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &abrupt, sizeof abrupt);
    close();
  }
  void half_close() { ::shutdown(fd_, SHUT_WR); }

  // False once the peer does not take more.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  // What arrives next; empty at the end, on a reset, or (with a failure) after the guard.
  std::string receive(std::size_t bytes_max = 64 * 1024) {
    pollfd state{fd_, POLLIN, 0};
    if (::poll(&state, 1, static_cast<int>(std::chrono::milliseconds(kGuard).count())) <= 0) {
      ADD_FAILURE() << "nothing arrived";
      return {};
    }
    std::string bytes(bytes_max, '\0');
    const ssize_t got = ::recv(fd_, bytes.data(), bytes.size(), 0);
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return bytes;
  }
  std::string receive_all() {
    std::string all;
    for (std::string piece = receive(); !piece.empty(); piece = receive()) all += piece;
    return all;
  }
  // Until `end` was seen; what came too early stays for the next call.
  std::string receive_until(std::string_view end) {
    while (seen_.find(end) == std::string::npos) {
      const std::string piece = receive();
      if (piece.empty()) return std::exchange(seen_, {});
      seen_ += piece;
    }
    const std::size_t size = seen_.find(end) + end.size();
    std::string found = seen_.substr(0, size);
    seen_.erase(0, size);
    return found;
  }
  std::string receive_exactly(std::size_t bytes) {
    while (seen_.size() < bytes) {
      const std::string piece = receive();
      if (piece.empty()) return std::exchange(seen_, {});
      seen_ += piece;
    }
    std::string found = seen_.substr(0, bytes);
    seen_.erase(0, bytes);
    return found;
  }
  // A head and its Content-Length body.
  std::string receive_answer() {
    std::string head = receive_until("\r\n\r\n");
    const std::size_t at = head.find("Content-Length: ");
    if (at == std::string::npos) return head;
    return head + receive_exactly(std::stoul(head.substr(at + 16)));
  }
  // Whether the peer has ended or reset the connection, after what it still sent.
  bool ends() {
    while (true) {
      pollfd state{fd_, POLLIN, 0};
      if (::poll(&state, 1, static_cast<int>(std::chrono::milliseconds(kGuard).count())) <= 0)
        return false;
      char bytes[4096];
      if (::recv(fd_, bytes, sizeof bytes, 0) <= 0) return true;
    }
  }

 private:
  int fd_ = -1;
  std::string seen_;
};

inline sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

inline Socket connect_to(std::uint16_t port, int receive_buffer_bytes = 0) {
  Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (receive_buffer_bytes > 0) {
    ::setsockopt(socket.fd(), SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes,
                 sizeof receive_buffer_bytes);
  }
  const int no_delay = 1;
  ::setsockopt(socket.fd(), IPPROTO_TCP, TCP_NODELAY, &no_delay, sizeof no_delay);
  const sockaddr_in address = loopback(port);
  EXPECT_EQ(::connect(socket.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  return socket;
}

class Listener {
 public:
  explicit Listener(int backlog = 64) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(socket_.fd(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(socket_.fd(), backlog), 0);
    EXPECT_EQ(::getsockname(socket_.fd(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
  }
  std::uint16_t port() const { return port_; }
  Socket accept() {
    pollfd state{socket_.fd(), POLLIN, 0};
    if (::poll(&state, 1, static_cast<int>(std::chrono::milliseconds(kGuard).count())) <= 0) {
      ADD_FAILURE() << "nobody connected";
      return Socket();
    }
    const int fd = ::accept4(socket_.fd(), nullptr, nullptr, SOCK_CLOEXEC);
    const int no_delay = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &no_delay, sizeof no_delay);
    return Socket(fd);
  }
  void close() { socket_.close(); }

 private:
  Socket socket_;
  std::uint16_t port_ = 0;
};

namespace detail {
template <class T>
Task<void> run_into(Task<T> task, std::promise<T> promise) {
  promise.set_value(co_await task);
}
inline Task<void> run_into_void(Task<void> task, std::promise<void> promise) {
  co_await task;
  promise.set_value();
}
}  // namespace detail

template <class T>
std::future<T> begin(Network& network, Task<T> task) {
  std::promise<T> promise;
  std::future<T> future = promise.get_future();
  network.spawn(detail::run_into(std::move(task), std::move(promise)));
  return future;
}
inline std::future<void> begin(Network& network, Task<void> task) {
  std::promise<void> promise;
  std::future<void> future = promise.get_future();
  network.spawn(detail::run_into_void(std::move(task), std::move(promise)));
  return future;
}

template <class T>
T finish(std::future<T> future) {
  if (future.wait_for(kGuard) != std::future_status::ready) {
    ADD_FAILURE() << "the task did not end";
    std::abort();
  }
  return future.get();
}

template <class T>
T run(Network& network, Task<T> task) {
  return finish(begin(network, std::move(task)));
}

// Something that happens once, on another thread; may be destroyed as soon as it has been seen.
class Event {
 public:
  void set() {
    const std::shared_ptr<State> state = state_;
    const std::lock_guard lock(state->mutex);
    state->happened = true;
    state->changed.notify_all();
  }
  [[nodiscard]] bool happens() {
    std::unique_lock lock(state_->mutex);
    return state_->changed.wait_for(lock, kGuard, [&] { return state_->happened; });
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    bool happened = false;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

inline std::unique_ptr<HttpServer> serve(Network& network, Handler handler,
                                         ServerLimits limits = {}) {
  auto server = HttpServer::listen(
      network, {.host = "127.0.0.1", .port = 0, .tls = {}, .limits = limits}, std::move(handler));
  EXPECT_TRUE(server.has_value());
  return std::move(*server);
}

inline int status_of(std::string_view answer) {
  return answer.size() < 12 ? 0 : std::stoi(std::string(answer.substr(9, 3)));
}

inline std::string body_of(std::string_view answer) {
  const std::size_t at = answer.find("\r\n\r\n");
  return at == std::string_view::npos ? std::string() : std::string(answer.substr(at + 4));
}

}  // namespace stoker::net::testing
