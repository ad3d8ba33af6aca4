// The front door: one handler for every request, which goes to the API, the pages, the metrics or the health checks.
//
// Purpose: routing, the access log and the counting of requests in one place. Listens before the journal is read, so
//   that "is it up" has an answer early; until `open` the API answers 503.
// Threading: `handler` and what it calls on the network thread; `open` and `drain` from any thread.
// Ownership: borrows log and metrics; outlives the HttpServer that uses its handler.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "controller/snapshot.h"
#include "net/http_server.h"
#include "server/log.h"
#include "server/metrics.h"

namespace stoker::server {

// What stands behind the door once everything is up.
struct Household {
  net::Handler api;  // everything below /api/
  std::function<std::shared_ptr<const controller::Snapshot>()> snapshot;
  std::function<std::size_t()> connections;
  std::function<bool(const net::RequestHead&)> is_ours;  // Host and Origin, for the pages
};

class Front {
 public:
  Front(Log& log, Metrics& metrics) : log_(log), metrics_(metrics) {}
  ~Front();
  Front(const Front&) = delete;
  Front& operator=(const Front&) = delete;

  net::Handler handler();
  void open(Household household);
  // From here on /readyz says no.
  void drain() { draining_.store(true); }
  // Ends the event streams, which would go on for ever. Network thread.
  void end_streams();

 private:
  class Watched;

  static net::Task<void> answer(Front& front, net::Exchange& exchange);
  static net::Task<void> answer_by_path(Front& front, net::Exchange& exchange);
  net::Task<void> answer_page_request(net::Exchange& exchange);
  net::Task<void> say_ready(net::Exchange& exchange);
  net::Task<void> say_metrics(net::Exchange& exchange);
  void report(const Watched& watched, const std::string& route, double ms);

  Log& log_;
  Metrics& metrics_;
  std::atomic<const Household*> household_ = nullptr;  // set once, owned
  std::atomic<bool> draining_ = false;
  std::set<Watched*> event_streams_;  // network thread
};

}  // namespace stoker::server
