// Running top-level tasks: each is owned here until it ends or the list destroys it.
//
// Threading: network thread; destroy_all also on the owner thread after the network thread has
//   ended.
// REQUIRES: destroy_all (and the destructor) must not be reached from inside a task of the list.
#pragma once

#include <cstddef>

#include "net/task.h"

namespace stoker::net {

class TaskList {
 public:
  TaskList() = default;
  ~TaskList() { destroy_all(); }
  TaskList(const TaskList&) = delete;
  TaskList& operator=(const TaskList&) = delete;

  // Runs the task up to its first suspension, here and now.
  void start(Task<void> task);
  // Destroys the frames of all tasks that have not ended, in no particular order.
  void destroy_all();
  bool empty() const { return first_ == nullptr; }

 private:
  struct Root;
  struct RootPromise;
  static Root run(TaskList& list, Task<void> task);

  RootPromise* first_ = nullptr;
};

}  // namespace stoker::net
