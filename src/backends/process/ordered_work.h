// Slow work of one owner, one piece after the other.
//
// Purpose: what touches the same small files must happen in the order in which it was asked for; Loop::offload keeps none.
// Threading: loop; the pieces run where the loop does slow work.
// Ownership: borrows the loop. After destruction, pieces that were handed in still run while the loop does; their `done`
//   does not.
// Limits: the owner bounds how much it hands in.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <utility>

#include "base/loop.h"

namespace stoker {

class OrderedWork {
 public:
  explicit OrderedWork(Loop& loop) : shared_(std::make_shared<Shared>(loop)) {}
  ~OrderedWork() { shared_->owned = false; }
  OrderedWork(const OrderedWork&) = delete;
  OrderedWork& operator=(const OrderedWork&) = delete;

  void add(std::move_only_function<void()> work, std::move_only_function<void()> done) {
    shared_->waiting.emplace_back(std::move(work), std::move(done));
    if (!shared_->busy) next(shared_);
  }

 private:
  struct Shared {
    explicit Shared(Loop& its_loop) : loop(its_loop) {}
    Loop& loop;
    std::deque<std::pair<std::move_only_function<void()>, std::move_only_function<void()>>> waiting;
    bool busy = false;
    bool owned = true;
  };

  static void next(const std::shared_ptr<Shared>& shared) {
    shared->busy = !shared->waiting.empty();
    if (!shared->busy) return;
    auto piece = std::move(shared->waiting.front());
    shared->waiting.pop_front();
    auto& [work, done] = piece;
    shared->loop.offload(std::move(work), [shared, then = std::move(done)]() mutable {
      if (shared->owned) then();
      next(shared);
    });
  }

  std::shared_ptr<Shared> shared_;
};

}  // namespace stoker
