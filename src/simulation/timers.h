// What is going to happen at a known time, in order: by instant, and among equals in the order it was added.
//
// Purpose: the heap behind the world's clock.
// Threading: none. Limits: the owner's; each release, give-up, load, incident and wake-up is one entry.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/time.h"

namespace stoker::simulation {

enum class TimerKind : std::uint8_t {
  wake,
  release,            // subject: participant, detail: idea, step
  give_up,            // subject: job
  load_finished,      // subject: model, detail: number of the load
  load_failed,        // subject: model, detail: number of the load
  external_eviction,  // subject: model
  foreign_edge,
};

struct Timer {
  Instant at;
  std::uint64_t number = 0;
  TimerKind kind = TimerKind::wake;
  std::uint32_t subject = 0;
  std::uint32_t detail = 0;
  std::uint32_t step = 0;
};

class Timers {
 public:
  void reserve(std::size_t timers) { heap_.reserve(timers); }

  void add(Timer timer) {
    timer.number = ++added_;
    heap_.push_back(timer);
    std::ranges::push_heap(heap_, later);
  }

  bool empty() const { return heap_.empty(); }
  // The next one; there must be one.
  const Timer& next() const { return heap_.front(); }

  Timer take() {
    std::ranges::pop_heap(heap_, later);
    const Timer timer = heap_.back();
    heap_.pop_back();
    return timer;
  }

 private:
  static bool later(const Timer& a, const Timer& b) {
    return a.at != b.at ? a.at > b.at : a.number > b.number;
  }

  std::vector<Timer> heap_;
  std::uint64_t added_ = 0;
};

}  // namespace stoker::simulation
