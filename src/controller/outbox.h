// The way out: rows are made durable first, then what depends on them happens.
//
// Purpose: write-ahead and group commit. Everything that is added while a commit is under way goes into the next one.
// Threading: loop. Ownership: borrows store and loop.
// Limits: kOutboxRowsMax waiting rows; beyond it `is_full` says so and the controller refuses new work.
// Errors: a failed commit is tried again, in order, until it succeeds; meanwhile `store_ok` is false and nothing leaves.
#pragma once

#include <functional>
#include <vector>

#include "base/loop.h"
#include "storage/store.h"

namespace stoker::controller {

inline constexpr std::size_t kOutboxRowsMax = 200'000;
inline constexpr Duration kCommitRetry = seconds(1);

class Outbox {
 public:
  using Action = std::move_only_function<void()>;

  Outbox(Loop& loop, Store& store, std::function<void(bool)> on_health)
      : loop_(loop), store_(store), on_health_(std::move(on_health)) {}

  // Rows and texts that belong together; they are committed in one transaction with what was added before.
  Batch& pending() { return pending_; }
  // Happens once everything added so far is durable.
  void after_commit(Action action);
  // Starts a commit unless one is under way.
  void flush();

  bool is_idle() const { return !in_flight_ && pending_.empty() && actions_.empty(); }
  bool store_ok() const { return store_ok_; }
  bool is_full() const { return pending_.journal.size() >= kOutboxRowsMax; }

 private:
  void send(Batch batch);
  void on_done(Result<void> done, Batch batch);

  Loop& loop_;
  Store& store_;
  std::function<void(bool)> on_health_;
  Batch pending_;
  std::vector<Action> actions_;
  std::vector<Action> committing_;
  bool in_flight_ = false;
  bool store_ok_ = true;
};

}  // namespace stoker::controller
