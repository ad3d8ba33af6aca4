// A loop whose clock moves only when its owner says so: whole workshop days in milliseconds, the
// same every time.
//
// Purpose: runs the controller and the backends without a real clock. Time jumps from one task to
//   the next.
// Threading: one thread drives it and is the only one that touches it; `post` too, because nothing
//   else exists here.
// Order: tasks run by the instant they are due, and among equals in the order they were handed in.
//   Slow work given to `offload` runs as a task of its own after `offload_time`, its `done` as the
//   task behind it.
// Limits: kLoopBacklogMax tasks at once; more is a broken invariant. Tasks that never ran are
//   dropped at the end.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/loop.h"
#include "base/time.h"

namespace stoker {

class VirtualLoop final : public Loop {
 public:
  explicit VirtualLoop(WallTime wall = WallTime{}, Instant start = Instant{});
  ~VirtualLoop() override;
  VirtualLoop(const VirtualLoop&) = delete;
  VirtualLoop& operator=(const VirtualLoop&) = delete;

  Instant now() const override { return now_; }
  WallTime wall_now() const override;
  void post(std::move_only_function<void()> task) override;
  TimerId after(Duration delay, std::move_only_function<void()> task) override;
  void cancel(TimerId timer) override;
  void offload(std::move_only_function<void()> work, std::move_only_function<void()> done) override;

  // Runs the next task, moving the clock to it. False: there is none.
  bool run_one();
  // Runs everything that is due by `until`, what these tasks add included, and leaves the clock
  // there. Must not be called from inside a task, and neither must its siblings below.
  void run_until(Instant until);
  void run_for(Duration duration) { run_until(now_ + duration); }
  // Runs what is due now without moving the clock.
  void run_ready() { run_until(now_); }
  // Runs until nothing is left, at most `tasks_max` tasks. True: nothing is left.
  bool run_until_idle(std::size_t tasks_max = kLoopBacklogMax);

  // The clock on the wall from now on; forwards and backwards. The monotonic clock does not notice.
  void set_wall(WallTime wall);
  // How long offloaded work takes in virtual time.
  void set_offload_time(Duration time) { offload_time_ = time; }

  std::size_t waiting() const { return tasks_.size(); }
  // When the next task is due, none if nothing waits.
  std::optional<Instant> next_due() const;
  std::uint64_t tasks_run() const { return tasks_run_; }

 private:
  using Key = std::pair<Instant, std::uint64_t>;
  TimerId add(Instant due, std::move_only_function<void()> task);

  Instant now_;
  std::int64_t wall_minus_mono_ms_ = 0;
  Duration offload_time_;
  std::uint64_t handed_in_ = 0;
  std::uint64_t tasks_run_ = 0;
  bool running_ = false;
  std::map<Key, std::move_only_function<void()>> tasks_;
  std::unordered_map<std::uint64_t, Instant> due_of_timer_;
};

}  // namespace stoker
