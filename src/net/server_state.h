// What the connections of one server share: limits, handler, the list of connections and the
// acceptor.
//
// Threading: network thread, except `count`.
#pragma once

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <list>
#include <memory>

#include "net/http_server.h"
#include "net/network_impl.h"
#include "net/tls.h"

namespace stoker::net {

class ServerConnection;

class ServerState : public std::enable_shared_from_this<ServerState> {
 public:
  using Acceptor = boost::asio::ip::tcp::acceptor;
  using Connections = std::list<ServerConnection*>;

  ServerState(Network& network, ServerLimits limits, Handler handler, SslContext tls,
              Acceptor acceptor);

  void accept_next();
  void drain(Duration deadline, std::move_only_function<void()> drained);
  // Destroys all connections and their handler tasks.
  void shut_down();

  bool draining() const { return draining_; }
  const ServerLimits& limits() const { return limits_; }
  const Handler& handler() const { return handler_; }
  SSL_CTX* tls() const { return tls_.get(); }
  DeadlineQueue& deadlines() { return network_.impl().deadlines; }
  std::size_t count() const { return count_.load(std::memory_order_relaxed); }

  // A connection is in one of the two lists; idle ones in the order in which they became so.
  Connections::iterator join(ServerConnection& connection);
  void leave(Connections::iterator place, bool idle);
  void became_idle(Connections::iterator place);
  void became_busy(Connections::iterator place);

 private:
  void accepted(boost::asio::ip::tcp::socket socket);
  bool make_place();
  void end_drain();
  void report_drained();

  Network& network_;
  ServerLimits limits_;
  Handler handler_;
  SslContext tls_;
  Acceptor acceptor_;
  Deadline accept_pause_;
  Deadline drain_deadline_;
  std::move_only_function<void()> drained_;
  bool draining_ = false;
  std::atomic<std::size_t> count_ = 0;
  Connections idle_;
  Connections busy_;
  TaskList tasks_;
};

}  // namespace stoker::net
