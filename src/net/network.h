// The network thread: one event loop of the operating system on which all connections live.
//
// Purpose: owns the I/O thread, spawns tasks on it, bridges callbacks of other threads into
//   awaiting tasks.
// Threading: construct and destroy on one owner thread; `post`, `spawn` and Completion::operator()
//   from any thread, the latter even after the Network is gone (then it does nothing).
// Ownership: servers, clients and streams must be destroyed before their Network. Spawned tasks
//   belong to the Network: its destructor stops the thread and then destroys, on the owner thread,
//   every frame that has not ended.
// Limits: kPostBacklogMax posted functions (more is a broken invariant, every source is bounded
//   itself); the limit of open files is raised to the hard limit.
#pragma once

#include <coroutine>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "base/time.h"
#include "net/task.h"

namespace stoker::net {

inline constexpr std::size_t kPostBacklogMax = 1'000'000;

namespace detail {
class Mailbox;
void post_to(Mailbox& mailbox, std::move_only_function<void()> work);
}  // namespace detail

// A task that was spawned and may be given up. Any thread; harmless once the task has ended or the Network is gone.
class SpawnedTask {
 public:
  SpawnedTask() = default;
  explicit SpawnedTask(std::move_only_function<void()> end) : end_(std::move(end)) {}
  // Soon destroys the frames of the task on the network thread, which closes the connections they hold. Works once.
  void give_up() {
    if (end_) std::exchange(end_, nullptr)();
  }

 private:
  std::move_only_function<void()> end_;
};

class Network {
 public:
  Network();   // starts the thread
  ~Network();  // stops the thread; pending tasks are destroyed
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  // Runs `work` on the network thread. Any thread.
  void post(std::move_only_function<void()> work);

  // Starts a task on the network thread and lets it run to its end. Any thread.
  void spawn(Task<void> task);
  // The same for a task that may have to end early. Dropping the handle lets the task go on.
  [[nodiscard]] SpawnedTask spawn_for(Task<void> task);

  bool on_network_thread() const;

  // Continues the awaiting task after `delay`.
  Task<void> sleep(Duration delay);

  // `handler` runs on the network thread each time the process receives `signal` (SIGTERM, SIGINT,
  // SIGHUP).
  void on_signal(int signal, std::function<void()> handler);

  // For the other files of this folder, and for async_call.
  struct Impl;
  Impl& impl() { return *impl_; }
  std::shared_ptr<detail::Mailbox> mailbox() const;

 private:
  std::unique_ptr<Impl> impl_;
};

namespace detail {
template <class T>
struct CompletionState {
  std::shared_ptr<Mailbox> mailbox;
  std::coroutine_handle<>
      waiting;  // touched on the network thread only; null once the awaiting frame is gone
  std::optional<T> value;
};
}  // namespace detail

// What async_call hands out: call it once, from any thread, to let the task go on with `value`. A
// task whose Completion is dropped uncalled waits until its frame is destroyed, so whoever holds
// one must call it.
template <class T>
class Completion {
 public:
  explicit Completion(std::shared_ptr<detail::CompletionState<T>> state)
      : state_(std::move(state)) {}
  void operator()(T value) {
    auto state = std::move(state_);
    const std::shared_ptr<detail::Mailbox> mailbox = state->mailbox;
    detail::post_to(*mailbox, [state = std::move(state), value = std::move(value)]() mutable {
      if (!state->waiting) return;
      state->value.emplace(std::move(value));
      std::exchange(state->waiting, nullptr).resume();
    });
  }

 private:
  std::shared_ptr<detail::CompletionState<T>> state_;
};

// co_await async_call<T>(network, [&](Completion<T> done) { ... }): starts something elsewhere and
// waits for its answer.
template <class T>
class AsyncCall {
 public:
  template <class Start>
  AsyncCall(Network& network, Start start)
      : state_(std::make_shared<detail::CompletionState<T>>()) {
    state_->mailbox = network.mailbox();
    start_ = [this, start = std::move(start)]() mutable { start(Completion<T>(state_)); };
  }
  AsyncCall(const AsyncCall&) = delete;
  AsyncCall& operator=(const AsyncCall&) = delete;
  ~AsyncCall() { state_->waiting = nullptr; }

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting) {
    state_->waiting = waiting;
    start_();
  }
  T await_resume() { return std::move(*state_->value); }

 private:
  std::shared_ptr<detail::CompletionState<T>> state_;
  std::move_only_function<void()> start_;
};

template <class T, class Start>
AsyncCall<T> async_call(Network& network, Start start) {
  return AsyncCall<T>(network, std::move(start));
}

}  // namespace stoker::net
