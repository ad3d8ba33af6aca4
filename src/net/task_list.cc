#include "net/task_list.h"

namespace stoker::net {

struct TaskList::Root {
  using promise_type = RootPromise;
};

// Links itself into the list while its frame lives. The frame destroys itself when the task has
// ended.
struct TaskList::RootPromise {
  RootPromise(TaskList& owner, Task<void>&, std::shared_ptr<Place>& known_at)
      : list(owner), next(owner.first_), place(known_at) {
    if (place) place->promise = this;
    if (next != nullptr) next->previous = this;
    list.first_ = this;
  }
  ~RootPromise() {
    if (place) place->promise = nullptr;
    if (previous != nullptr) previous->next = next;
    if (next != nullptr) next->previous = previous;
    if (list.first_ == this) list.first_ = next;
  }
  RootPromise(const RootPromise&) = delete;
  RootPromise& operator=(const RootPromise&) = delete;

  Root get_return_object() noexcept { return {}; }
  std::suspend_never initial_suspend() noexcept { return {}; }
  std::suspend_never final_suspend() noexcept { return {}; }
  void return_void() noexcept {}
  [[noreturn]] void unhandled_exception() noexcept {
    broken_invariant("an exception left a network task", __FILE__, __LINE__);
  }

  TaskList& list;
  RootPromise* previous = nullptr;
  RootPromise* next;
  std::shared_ptr<Place> place;
};

TaskList::Root TaskList::run(TaskList&, Task<void> task, std::shared_ptr<Place>) {
  co_await task;
}

void TaskList::start(Task<void> task, std::shared_ptr<Place> place) {
  run(*this, std::move(task), std::move(place));
}

void TaskList::destroy(Place& place) {
  if (place.promise == nullptr) return;
  std::coroutine_handle<RootPromise>::from_promise(*place.promise).destroy();
}

void TaskList::destroy_all() {
  while (first_ != nullptr) std::coroutine_handle<RootPromise>::from_promise(*first_).destroy();
}

}  // namespace stoker::net
