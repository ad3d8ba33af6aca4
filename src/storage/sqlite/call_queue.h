// What waits for the writer thread: commits, erasures and backups in the order of their calls.
//
// Threading: `push` and `close` from any thread, `take` from one. The mutex is inside.
// Limits: kStoreBacklogBatchesMax calls of kStoreBacklogBytesMax together, counted until they are
//   told finished.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <variant>
#include <vector>

#include "storage/store.h"

namespace stoker::sqlite {

struct Call {
  std::variant<Batch, Erasure, BackupOptions> what;
  Store::Done done;
  std::size_t bytes = 0;
};

class CallQueue {
 public:
  static constexpr std::size_t kTakenMax = 64;
  static constexpr int kIdleMs = 200;

  enum class Patience { none, until_idle, forever };

  // Gives the call back when there is no room for it.
  std::optional<Call> push(Call call);

  // The next calls, at most kTakenMax. None: nothing came within the patience, or the queue is
  // closed and empty.
  std::vector<Call> take(Patience patience);

  // Makes room again for calls that were taken.
  void finish(std::size_t calls, std::size_t bytes);

  // No more calls will come; those that wait are still taken.
  void close();
  bool drained() const;

 private:
  mutable std::mutex mutex_;  // guards all below
  std::condition_variable wake_;
  std::deque<Call> waiting_;
  std::size_t unfinished_calls_ = 0;
  std::size_t unfinished_bytes_ = 0;
  bool closed_ = false;
};

}  // namespace stoker::sqlite
