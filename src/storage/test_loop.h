// A loop for the tests of this folder: tasks from any thread, run on the test's thread. No timers,
// no slow work.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/loop.h"
#include "storage/store.h"

namespace stoker {

class TestLoop final : public Loop {
 public:
  Instant now() const override { return {}; }
  WallTime wall_now() const override { return {}; }

  void post(std::move_only_function<void()> task) override {
    {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
    }
    wake_.notify_one();
  }

  TimerId after(Duration, std::move_only_function<void()>) override {
    STOKER_INVARIANT(false, "this loop has no timers");
  }
  void cancel(TimerId) override {}
  void offload(std::move_only_function<void()>, std::move_only_function<void()>) override {
    STOKER_INVARIANT(false, "this loop does no slow work");
  }

  // Runs tasks, waiting for them, until the condition holds.
  template <class Condition>
  void run_until(Condition holds) {
    while (!holds()) take()();
  }

  // Starts one call of a store and waits for its `done`.
  template <class Call>
  Result<void> wait(Call call) {
    std::optional<Result<void>> result;
    call([&result](Result<void> told) { result = std::move(told); });
    run_until([&result] { return result.has_value(); });
    return *result;
  }

 private:
  std::move_only_function<void()> take() {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return !tasks_.empty(); });
    std::move_only_function<void()> task = std::move(tasks_.front());
    tasks_.pop_front();
    return task;
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::move_only_function<void()>> tasks_;
};

}  // namespace stoker
