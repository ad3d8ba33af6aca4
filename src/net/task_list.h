// Running top-level tasks: each is owned here until it ends or the list destroys it.
//
// Threading: network thread; destroy_all also on the owner thread after the network thread has
//   ended.
// REQUIRES: destroy, destroy_all (and the destructor) must not be reached from inside a task of the list.
#pragma once

#include <cstddef>
#include <memory>

#include "net/task.h"

namespace stoker::net {

class TaskList {
 private:
  struct Root;
  struct RootPromise;

 public:
  // Where a task that may be given up can be found while it lives.
  struct Place {
    RootPromise* promise = nullptr;
  };

  TaskList() = default;
  ~TaskList() { destroy_all(); }
  TaskList(const TaskList&) = delete;
  TaskList& operator=(const TaskList&) = delete;

  // Runs the task up to its first suspension, here and now.
  void start(Task<void> task, std::shared_ptr<Place> place = nullptr);
  // Destroys the frame of the task at `place`, if it has not ended.
  static void destroy(Place& place);
  // Destroys the frames of all tasks that have not ended, in no particular order.
  void destroy_all();
  bool empty() const { return first_ == nullptr; }

 private:
  static Root run(TaskList& list, Task<void> task, std::shared_ptr<Place> place);

  RootPromise* first_ = nullptr;
};

}  // namespace stoker::net
