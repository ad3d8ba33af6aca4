// The sending side of a websocket: messages leave in the order they were pushed, then perhaps a goodbye.
//
// Threading: network thread. Ownership: shared by the handler and by whoever pushes.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "net/network.h"
#include "net/websocket.h"
#include "tests/engines/faults.h"

namespace stoker::engines::swarmui {

class Outlet : public std::enable_shared_from_this<Outlet> {
 public:
  Outlet(net::Network& network, std::unique_ptr<net::WebSocket> socket)
      : network_(network), socket_(std::move(socket)) {}

  // The connection breaks after so many messages.
  void break_after(std::optional<Fault> fault) { fault_ = std::move(fault); }
  void push(std::string text);
  void push_binary(std::string bytes);
  // Says goodbye once everything pushed has left.
  void close();
  // At once, without a goodbye.
  void cut() { socket_.reset(); }
  bool closed() const { return closing_ || socket_ == nullptr; }

  net::Task<Result<net::WebSocketMessage>> read() { return socket_->read(); }

 private:
  struct Message {
    std::string bytes;
    bool binary = false;
  };
  void enqueue(Message message);
  void run();
  static net::Task<void> drain(std::shared_ptr<Outlet> self);

  net::Network& network_;
  std::unique_ptr<net::WebSocket> socket_;
  std::deque<Message> waiting_;
  std::optional<Fault> fault_;
  std::size_t sent_ = 0;
  bool closing_ = false;
  bool draining_ = false;
};

}  // namespace stoker::engines::swarmui
