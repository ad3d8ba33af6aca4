// One after the other: tasks that want the same thing wait in the order they came.
//
// Threading: network thread. A waiting task may be destroyed; its place is then simply gone.
#pragma once

#include <algorithm>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>
#include <coroutine>
#include <deque>
#include <memory>
#include <utility>

namespace stoker::net {

class Turn {
  struct State {
    std::deque<std::coroutine_handle<>> waiting;
    bool taken = false;
  };

 public:
  explicit Turn(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}

  class Wait {
   public:
    explicit Wait(std::shared_ptr<State> state) : state_(std::move(state)) {}
    Wait(const Wait&) = delete;
    Wait& operator=(const Wait&) = delete;
    ~Wait() {
      if (suspended_) std::erase(state_->waiting, suspended_);
    }
    bool await_ready() { return !state_->taken && state_->waiting.empty(); }
    void await_suspend(std::coroutine_handle<> coroutine) {
      suspended_ = coroutine;
      state_->waiting.push_back(coroutine);
    }
    void await_resume() {
      suspended_ = nullptr;
      state_->taken = true;
    }

   private:
    std::shared_ptr<State> state_;
    std::coroutine_handle<> suspended_;
  };

  Wait take() { return Wait(state_); }
  void give_back() {
    state_->taken = false;
    if (state_->waiting.empty()) return;
    boost::asio::post(executor_, [state = state_] {
      if (state->taken || state->waiting.empty()) return;
      const std::coroutine_handle<> next = state->waiting.front();
      state->waiting.pop_front();
      next.resume();
    });
  }

 private:
  boost::asio::any_io_executor executor_;
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace stoker::net
