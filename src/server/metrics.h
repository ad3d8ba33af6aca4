// Numbers for Prometheus: what the snapshot says at the moment of asking, and what has been counted since the start.
//
// Purpose: gauges come from the snapshot, so they cannot disagree with the pages; loads, runs and requests are counted.
// Threading: `count_request` and `text` on the network thread, `observe` on the loop, `count_store_failure` on the loop.
// Limits: labels are routes, states, causes, media, models and devices; never people, prompts or codes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "controller/snapshot.h"

namespace stoker::server {

// What only the network knows.
struct ConnectionNumbers {
  std::size_t connections = 0;
  std::size_t event_streams = 0;
};

class Metrics {
 public:
  // Jobs that ended before `start` belong to an earlier life and are not counted.
  Metrics(std::string_view version, WallTime start);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  void count_request(const std::string& route, int status);
  void count_store_failure();
  // Counts the entries of the ledger that are new since the last call.
  void observe(const controller::Snapshot& snapshot);

  // The text format, version 0.0.4.
  std::string text(const controller::Snapshot& snapshot, const ConnectionNumbers& connections);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace stoker::server
