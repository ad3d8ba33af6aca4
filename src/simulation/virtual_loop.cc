#include "simulation/virtual_loop.h"

#include <utility>

#include "base/error.h"

namespace stoker {
namespace {

std::int64_t mono_ms(Instant t) {
  return t.us / 1000;
}

}  // namespace

VirtualLoop::VirtualLoop(WallTime wall, Instant start) : now_(start) {
  set_wall(wall);
}

VirtualLoop::~VirtualLoop() {
  // What a dropped task owned may still cancel timers here; that must find a whole loop.
  while (!tasks_.empty()) {
    const auto dropped = std::exchange(tasks_, {});
    due_of_timer_.clear();
  }
}

WallTime VirtualLoop::wall_now() const {
  return WallTime{mono_ms(now_) + wall_minus_mono_ms_};
}

void VirtualLoop::set_wall(WallTime wall) {
  wall_minus_mono_ms_ = wall.ms - mono_ms(now_);
}

TimerId VirtualLoop::add(Instant due, std::move_only_function<void()> task) {
  STOKER_INVARIANT(tasks_.size() < kLoopBacklogMax, "a source of tasks has no limit of its own");
  const std::uint64_t number = ++handed_in_;
  tasks_.emplace(Key{due, number}, std::move(task));
  due_of_timer_.emplace(number, due);
  return TimerId(number);
}

void VirtualLoop::post(std::move_only_function<void()> task) {
  add(now_, std::move(task));
}

TimerId VirtualLoop::after(Duration delay, std::move_only_function<void()> task) {
  return add(delay.us > 0 ? now_ + delay : now_, std::move(task));
}

void VirtualLoop::cancel(TimerId timer) {
  const auto found = due_of_timer_.find(timer.value);
  if (found == due_of_timer_.end()) return;
  const Key key{found->second, timer.value};
  due_of_timer_.erase(found);
  const auto dropped = tasks_.extract(key);
}

void VirtualLoop::offload(std::move_only_function<void()> work,
                          std::move_only_function<void()> done) {
  after(offload_time_, [this, work = std::move(work), done = std::move(done)]() mutable {
    work();
    post(std::move(done));
  });
}

std::optional<Instant> VirtualLoop::next_due() const {
  if (tasks_.empty()) return std::nullopt;
  return tasks_.begin()->first.first;
}

bool VirtualLoop::run_one() {
  STOKER_INVARIANT(!running_, "a task drives the loop that runs it");
  if (tasks_.empty()) return false;
  auto next = tasks_.extract(tasks_.begin());
  due_of_timer_.erase(next.key().second);
  if (next.key().first > now_) now_ = next.key().first;
  ++tasks_run_;
  running_ = true;
  next.mapped()();
  running_ = false;
  return true;
}

void VirtualLoop::run_until(Instant until) {
  while (!tasks_.empty() && tasks_.begin()->first.first <= until) run_one();
  if (until > now_) now_ = until;
}

bool VirtualLoop::run_until_idle(std::size_t tasks_max) {
  for (std::size_t run = 0; run < tasks_max; ++run) {
    if (!run_one()) return true;
  }
  return tasks_.empty();
}

}  // namespace stoker
