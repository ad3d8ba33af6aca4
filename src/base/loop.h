// The loop as its callers see it: one order of things, a clock, timers and a place for slow work.
//
// Purpose: the controller and every backend run on a Loop. The server gives a thread with real clocks, a simulation
//   gives a virtual clock; neither the controller nor a backend can tell the difference.
// Threading: `post` may be called from any thread; everything else only on the loop. Tasks run one at a time, in the
//   order they were posted, and never inside the call that posted them.
// Ownership: tasks are owned by the loop until they have run. A loop that is stopped drops what has not run.
// Limits: kLoopBacklogMax tasks; a `post` beyond it is a broken invariant, because every source is bounded itself.
#pragma once

#include <cstdint>
#include <functional>

#include "base/strong_id.h"
#include "base/time.h"

namespace stoker {

using TimerId = StrongId<struct TimerIdTag>;

inline constexpr std::size_t kLoopBacklogMax = 1'000'000;

class Loop {
 public:
  virtual ~Loop() = default;

  // Monotonic: never goes back, does not stop while the machine sleeps.
  virtual Instant now() const = 0;
  // What a clock on the wall shows; may jump.
  virtual WallTime wall_now() const = 0;

  virtual void post(std::move_only_function<void()> task) = 0;

  // Runs the task on the loop once `delay` has passed. A negative delay counts as zero.
  virtual TimerId after(Duration delay, std::move_only_function<void()> task) = 0;
  // A timer that has run or was cancelled is ignored.
  virtual void cancel(TimerId timer) = 0;

  // Runs `work` where it may block (files, painting a picture), then `done` on the loop.
  virtual void offload(std::move_only_function<void()> work,
                       std::move_only_function<void()> done) = 0;
};

}  // namespace stoker
