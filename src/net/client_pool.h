// Idle connections of one HttpClient, kept for the next request to the same origin.
//
// Threading: network thread. Ownership: shared by the client and its running calls.
// Limits: ClientLimits; a connection whose peer closes it, or that is idle for too long, leaves at
//   once.
#pragma once

#include <chrono>
#include <compare>
#include <list>
#include <map>
#include <memory>
#include <string>

#include "net/channel.h"
#include "net/http_client.h"
#include "net/network_impl.h"
#include "net/tls.h"

namespace stoker::net {

struct Origin {
  bool tls = false;
  std::string host;
  std::uint16_t port = 0;
  friend auto operator<=>(const Origin&, const Origin&) = default;
};

class ClientPool {
 public:
  ClientPool(Network& network, ClientLimits limits);
  ~ClientPool() { close(); }
  ClientPool(const ClientPool&) = delete;
  ClientPool& operator=(const ClientPool&) = delete;

  // The most recently used connection that still stands, or none.
  std::unique_ptr<Channel> take(const Origin& origin);
  void give_back(const Origin& origin, std::unique_ptr<Channel> channel);
  // Closes what is idle and takes nothing back any more.
  void close();

  Network::Impl& network() { return network_.impl(); }
  const ClientLimits& limits() const { return limits_; }
  const Result<SslContext>& tls() const { return tls_; }

 private:
  struct Idle {
    std::unique_ptr<Channel> channel;
    std::chrono::steady_clock::time_point until;
  };
  using IdleList = std::list<Idle>;  // the most recently used first

  void drop_outdated();

  Network& network_;
  ClientLimits limits_;
  Result<SslContext> tls_;
  Deadline next_outdated_;
  std::map<Origin, IdleList> idle_;
  bool closed_ = false;
};

}  // namespace stoker::net
