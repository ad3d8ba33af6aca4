// The loop of the running product: real clocks, one thread that runs the tasks, two that do slow
// work.
//
// Purpose: the order of things for the controller and the backends; in a simulation a virtual loop
//   takes its place.
// Threading: `post`, `stop`, `now` and `wall_now` from any thread. `after`, `cancel` and `offload`
//   on the loop, and before `run` and after its return on the thread that owns the object. One call
//   of `run` in its life.
// Ownership: must outlive everything that posts to it. Tasks that are dropped are destroyed, never
//   run: at the end of `run` on the loop, later ones by whoever posts them or by the destructor.
// Order: posted tasks in the order of their posts; timers by deadline, equal deadlines in the order
//   of `after`. Due timers come after at most kTasksPerTurn posted tasks, so that neither starves
//   the other.
// Limits: kLoopBacklogMax posted tasks, kTimersMax timers, kOffloadBacklogMax pieces of waiting
//   slow work; more is a broken invariant, because every source is bounded itself.
// Errors: none; a task that throws ends the process.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/loop.h"

namespace stoker {

class ThreadLoop final : public Loop {
 public:
  static constexpr std::size_t kOffloadThreads = 2;
  static constexpr std::size_t kOffloadBacklogMax = 100'000;
  static constexpr std::size_t kTimersMax = 1'000'000;
  static constexpr std::size_t kTasksPerTurn = 256;

  ThreadLoop();
  // Stops, waits for the thread of `start` and for slow work that has begun; drops the rest.
  ~ThreadLoop() override;
  ThreadLoop(const ThreadLoop&) = delete;
  ThreadLoop& operator=(const ThreadLoop&) = delete;

  // Runs tasks on the caller's thread until `stop`.
  void run();
  // The same on a thread of its own, which the destructor or `join` waits for.
  void start();
  // Waits until the thread of `start` has ended.
  void join();
  // After the loop has ended: waits for slow work that has begun and drops the rest, so that what it uses may go.
  void finish_slow_work();

  // Asks the loop to end after the task that runs now, and returns at once. Everything else that
  // waits is dropped; a caller that wants it to happen first posts `stop` behind it.
  void stop();

  Instant now() const override;
  WallTime wall_now() const override;
  void post(std::move_only_function<void()> task) override;
  TimerId after(Duration delay, std::move_only_function<void()> task) override;
  void cancel(TimerId timer) override;
  void offload(std::move_only_function<void()> work, std::move_only_function<void()> done) override;

 private:
  using Task = std::move_only_function<void()>;
  using TimerKey = std::pair<Instant, std::uint64_t>;  // deadline, then the order of `after`
  struct SlowWork {
    Task work;
    Task done;
  };

  void require_loop_thread() const;
  void wait_for_tasks();
  void run_ready();
  void run_due_timers();
  void drop_everything();
  void work_slowly();

  mutable std::mutex mutex_;  // guards incoming_
  std::condition_variable wake_;
  std::deque<Task> incoming_;
  std::atomic<bool> stopped_ = false;
  std::atomic<std::thread::id> loop_thread_{};  // none: not running

  // Only touched on the loop.
  std::deque<Task> ready_;
  std::map<TimerKey, Task> timers_;
  std::unordered_map<TimerId, Instant> deadlines_;
  std::uint64_t timers_made_ = 0;

  std::mutex work_mutex_;  // guards work_ and work_ended_
  std::condition_variable work_wake_;
  std::deque<SlowWork> work_;
  bool work_ended_ = false;

  std::thread own_thread_;
  std::vector<std::thread> workers_;
};

}  // namespace stoker
