#include "controller/thread_loop.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <utility>

#include "base/error.h"

namespace stoker {
namespace {

// Condition variables wait on a clock that stops while the machine sleeps, `now` does not stop: no
// single wait is longer than this, so that a timer is at most this late after a sleep.
constexpr Duration kWaitMax = seconds(1);

timespec read_clock(clockid_t clock) {
  timespec time{};
  STOKER_INVARIANT(clock_gettime(clock, &time) == 0, "the clock cannot be read");
  return time;
}

}  // namespace

ThreadLoop::ThreadLoop() {
  workers_.reserve(kOffloadThreads);
  for (std::size_t i = 0; i < kOffloadThreads; ++i)
    workers_.emplace_back([this] { work_slowly(); });
}

ThreadLoop::~ThreadLoop() {
  stop();
  join();
  finish_slow_work();
  drop_everything();
}

void ThreadLoop::finish_slow_work() {
  std::deque<SlowWork> dropped;
  {
    const std::lock_guard lock(work_mutex_);
    work_ended_ = true;
    dropped.swap(work_);
  }
  work_wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
  workers_.clear();
}

Instant ThreadLoop::now() const {
  const timespec time = read_clock(CLOCK_BOOTTIME);
  return {time.tv_sec * 1'000'000 + time.tv_nsec / 1000};
}

WallTime ThreadLoop::wall_now() const {
  const timespec time = read_clock(CLOCK_REALTIME);
  return {time.tv_sec * 1000 + time.tv_nsec / 1'000'000};
}

void ThreadLoop::run() {
  loop_thread_ = std::this_thread::get_id();
  while (!stopped_) {
    wait_for_tasks();
    run_ready();
    run_due_timers();
  }
  drop_everything();
  loop_thread_ = std::thread::id{};
}

void ThreadLoop::start() {
  STOKER_INVARIANT(!own_thread_.joinable(), "the loop was started twice");
  own_thread_ = std::thread([this] { run(); });
}

void ThreadLoop::join() {
  if (own_thread_.joinable()) own_thread_.join();
}

void ThreadLoop::stop() {
  {
    // Under the lock, or the loop could go to sleep between its look at the flag and the wake-up.
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  wake_.notify_one();
}

void ThreadLoop::post(Task task) {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    STOKER_INVARIANT(incoming_.size() < kLoopBacklogMax, "the loop has too many tasks");
    incoming_.push_back(std::move(task));
  }
  wake_.notify_one();
}

TimerId ThreadLoop::after(Duration delay, Task task) {
  require_loop_thread();
  STOKER_INVARIANT(timers_.size() < kTimersMax, "the loop has too many timers");
  const Instant deadline = now() + std::max(delay, Duration{0});
  const TimerId id{++timers_made_};
  timers_.emplace(TimerKey{deadline, id.value}, std::move(task));
  deadlines_.emplace(id, deadline);
  return id;
}

void ThreadLoop::cancel(TimerId timer) {
  require_loop_thread();
  const auto found = deadlines_.find(timer);
  if (found == deadlines_.end()) return;
  const TimerKey key{found->second, timer.value};
  deadlines_.erase(found);
  // Taken out first: the destructor of a task may call `cancel` again.
  const auto dropped = timers_.extract(key);
}

void ThreadLoop::offload(Task work, Task done) {
  require_loop_thread();
  {
    const std::lock_guard lock(work_mutex_);
    if (work_ended_) return;
    STOKER_INVARIANT(work_.size() < kOffloadBacklogMax, "too much slow work is waiting");
    work_.push_back({std::move(work), std::move(done)});
  }
  work_wake_.notify_one();
}

void ThreadLoop::require_loop_thread() const {
  const std::thread::id runner = loop_thread_;
  STOKER_INVARIANT(runner == std::thread::id{} || runner == std::this_thread::get_id(),
                   "timers and slow work belong to the loop's own thread");
}

void ThreadLoop::wait_for_tasks() {
  std::unique_lock lock(mutex_);
  const auto has_work = [this] { return stopped_ || !incoming_.empty(); };
  if (ready_.empty() && !has_work()) {
    Duration wait = kWaitMax;
    if (!timers_.empty()) wait = std::min(wait, timers_.begin()->first.first - now());
    wake_.wait_for(lock, std::chrono::microseconds(std::max<std::int64_t>(wait.us, 0)), has_work);
  }
  if (ready_.empty()) ready_.swap(incoming_);
}

void ThreadLoop::run_ready() {
  for (std::size_t i = 0; i < kTasksPerTurn && !ready_.empty() && !stopped_; ++i) {
    Task task = std::move(ready_.front());
    ready_.pop_front();
    task();
  }
}

void ThreadLoop::run_due_timers() {
  const Instant due = now();
  // Timers that these tasks set have a later place, so this ends.
  const std::uint64_t made_before = timers_made_;
  while (!stopped_ && !timers_.empty()) {
    const auto first = timers_.begin();
    if (first->first.first > due || first->first.second > made_before) return;
    auto timer = timers_.extract(first);
    deadlines_.erase(TimerId{timer.key().second});
    timer.mapped()();
  }
}

void ThreadLoop::drop_everything() {
  // A task's destructor may post, cancel or set a timer; each round takes what is there out of
  // reach first.
  for (;;) {
    std::deque<Task> tasks;
    {
      const std::lock_guard lock(mutex_);
      tasks.swap(incoming_);
    }
    const std::deque<Task> ready = std::exchange(ready_, {});
    const std::map<TimerKey, Task> timers = std::exchange(timers_, {});
    deadlines_.clear();
    if (tasks.empty() && ready.empty() && timers.empty()) return;
  }
}

void ThreadLoop::work_slowly() {
  for (;;) {
    SlowWork next;
    {
      std::unique_lock lock(work_mutex_);
      work_wake_.wait(lock, [this] { return work_ended_ || !work_.empty(); });
      if (work_ended_) return;
      next = std::move(work_.front());
      work_.pop_front();
    }
    if (stopped_) continue;
    next.work();
    // What the work holds is let go before its result is told.
    next.work = nullptr;
    post(std::move(next.done));
  }
}

}  // namespace stoker
