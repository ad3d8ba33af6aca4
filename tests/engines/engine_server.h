// The part that all engines of tests share: a port, gates, faults, the log of requests, virtual time.
//
// Purpose: a derived engine answers requests in `handle` and keeps its state as plain members.
// Threading: construct, `stop`, `start` and destroy on the test's thread. `handle` runs on the network thread, and
//   so does everything that touches the engine's state: the control functions post their work there and wait for
//   it, so they may be called from any thread and take effect before they return.
// Ownership: the derived constructor ends with `start`, the derived destructor begins with `stop`, so that no
//   handler outlives the members that it uses.
// Limits: request bodies up to kEngineBodyBytesMax.
#pragma once

#include <memory>
#include <string>

#include "base/time.h"
#include "net/http_server.h"
#include "net/network.h"
#include "tests/engines/faults.h"
#include "tests/engines/gates.h"
#include "tests/engines/request_log.h"

namespace stoker::engines {

inline constexpr std::size_t kEngineBodyBytesMax = 64 * 1024 * 1024;

class EngineServer {
 public:
  explicit EngineServer(net::Network& network);
  virtual ~EngineServer();
  EngineServer(const EngineServer&) = delete;
  EngineServer& operator=(const EngineServer&) = delete;

  // The same port for the whole life of the engine, also after stop and start.
  std::uint16_t port() const { return port_; }
  net::Url url() const;
  std::string base_url() const;  // "http://127.0.0.1:PORT"

  // The process dies: connections are cut, new ones refused, memory is lost.
  void stop();
  void start();

  void hold(Gate gate);
  void release(Gate gate);
  void step(Gate gate, std::size_t count = 1);
  void step_tokens(std::size_t count) { step(Gate::token, count); }
  std::size_t waiting(Gate gate);
  // Until at least that many tasks wait at the gate.
  [[nodiscard]] bool wait_at(Gate gate, std::size_t count = 1);
  // Until `holds`, which is evaluated on the network thread, is true.
  [[nodiscard]] bool wait_until(std::function<bool()> holds);

  void set_fault(Fault fault);
  void clear_faults();

  RequestLog& requests() { return log_; }

  // Virtual time since the engine was made; only this moves it.
  void advance(Duration by);

 protected:
  // Picks the port without listening on it, for engines that open late.
  void reserve_port();
  virtual net::Task<void> handle(net::Exchange& exchange, std::string body, Life& life) = 0;
  // The process starts: called before the first connection.
  virtual void begin() {}
  // The process died; forget what was in memory. No handler is left.
  virtual void forget() {}
  virtual void time_passed() {}
  Instant now() const { return now_; }
  // "2026-08-21T10:00:00.5Z" in virtual time; `offset` is added.
  std::string timestamp(Duration offset = {}) const;
  std::int64_t unix_s() const;

  net::Network& network() { return network_; }
  Gates& gates() { return gates_; }
  Faults& faults() { return faults_; }
  Watch& watch() { return watch_; }
  void changed() { watch_.changed(); }

 private:
  void listen();
  net::Task<void> receive(net::Exchange& exchange);
  net::Task<bool> struck_early(net::Exchange& exchange, Life& life);

  net::Network& network_;
  Watch watch_;
  Gates gates_;
  Faults faults_;
  RequestLog log_;
  WaitList hanging_;
  Instant now_;
  std::uint16_t port_ = 0;
  std::unique_ptr<net::HttpServer> server_;
};

// One answer in one piece.
net::Task<void> answer(net::Exchange& exchange, int status, std::string_view content_type,
                       std::string body);

}  // namespace stoker::engines
