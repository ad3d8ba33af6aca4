// What a generation holds while it runs: one of its runner's places, and its row in the counters.
#pragma once

#include <algorithm>

#include "tests/engines/ollama_server/residency.h"

namespace stoker::engines::ollama {

// One of the runner's places, given on when the answer has ended.
class Permit {
 public:
  explicit Permit(Runner& runner) : runner_(runner) {}
  Permit(const Permit&) = delete;
  Permit& operator=(const Permit&) = delete;
  ~Permit() {
    if (!runner_.permit_free.wake_one()) ++runner_.permits;
  }

 private:
  Runner& runner_;
};

inline net::Task<bool> take_permit(Runner& runner, Life& life) {
  if (runner.permits > 0) {
    --runner.permits;
    co_return true;
  }
  co_return co_await runner.permit_free.wait(life);
}

// Counts a generation that is cancelled unless it says that it has finished.
class Counted {
 public:
  Counted(OllamaCounters& counters, std::size_t at_once) : counters_(counters) {
    ++counters_.generations_started;
    ++counters_.running;
    counters_.most_at_once = std::max(counters_.most_at_once, at_once);
  }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() {
    --counters_.running;
    ++(finished_ ? counters_.generations_finished : counters_.generations_cancelled);
  }
  void finished() { finished_ = true; }

 private:
  OllamaCounters& counters_;
  bool finished_ = false;
};

}  // namespace stoker::engines::ollama
