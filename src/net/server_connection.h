// One accepted connection: reads heads, runs the handler for each, keeps the order, and ends
// politely.
//
// Threading: network thread. Ownership: belongs to its own task, which the server owns.
#pragma once

#include <optional>
#include <string>

#include "net/channel.h"
#include "net/head_parser.h"
#include "net/server_state.h"

namespace stoker::net {

class ServerExchange;

class ServerConnection {
 public:
  ServerConnection(ServerState& server, std::shared_ptr<Transport> transport);
  ~ServerConnection();
  ServerConnection(const ServerConnection&) = delete;
  ServerConnection& operator=(const ServerConnection&) = delete;

  static Task<void> run(std::unique_ptr<ServerConnection> self);

  // For the server: ends a connection that has no request.
  void close_idle();
  // For the server: tells the handler that its peer is gone.
  void cut();

  ServerState& server() { return server_; }
  Channel& channel() { return channel_; }

 private:
  enum class HeadOutcome : std::uint8_t { request, closed, refused };
  enum class Next : std::uint8_t { another_request, close, linger, nothing };

  Task<bool> prepare();
  Task<Next> serve_one();
  Task<HeadOutcome> read_head();
  Task<HeadOutcome> read_rest_of_head(RequestParser& parser);
  Task<void> linger();
  void set_idle(bool idle);

  ServerState& server_;
  Channel channel_;
  std::string peer_address_;
  bool peer_is_loopback_ = false;
  bool idle_ = true;
  ServerState::Connections::iterator place_;
  std::optional<ParsedRequest> request_;
  int refused_status_ = 0;
  ServerExchange* exchange_ = nullptr;  // while a handler runs
};

}  // namespace stoker::net
