// Awaits an operation that reports by a callback on the network thread.
//
// The callback may come after the awaiting frame is gone; then nothing happens. It must not come
// inside `start`.
#pragma once

#include <coroutine>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

namespace stoker::net {

template <class T>
class CallbackWait {
  struct State {
    std::coroutine_handle<> waiting;
    std::optional<T> value;
  };

 public:
  // Copyable, so that it fits every kind of handler; calls after the first are ignored.
  class Done {
   public:
    explicit Done(std::shared_ptr<State> state) : state_(std::move(state)) {}
    void operator()(T value) const {
      if (!state_->waiting) return;
      const std::shared_ptr<State> state = state_;
      state->value.emplace(std::move(value));
      std::exchange(state->waiting, nullptr).resume();
    }

   private:
    std::shared_ptr<State> state_;
  };

  explicit CallbackWait(std::move_only_function<void(Done)> start)
      : state_(std::make_shared<State>()), start_(std::move(start)) {}
  CallbackWait(const CallbackWait&) = delete;
  CallbackWait& operator=(const CallbackWait&) = delete;
  ~CallbackWait() { state_->waiting = nullptr; }

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting) {
    state_->waiting = waiting;
    start_(Done(state_));
  }
  T await_resume() { return std::move(*state_->value); }

 private:
  std::shared_ptr<State> state_;
  std::move_only_function<void(Done)> start_;
};

}  // namespace stoker::net
