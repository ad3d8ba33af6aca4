#include "storage/sqlite/call_queue.h"

#include <chrono>
#include <utility>

namespace stoker::sqlite {

std::optional<Call> CallQueue::push(Call call) {
  {
    const std::lock_guard lock(mutex_);
    // One call always fits, however large: its own parts have their limits.
    const bool full =
        unfinished_calls_ >= kStoreBacklogBatchesMax ||
        (unfinished_calls_ > 0 && unfinished_bytes_ + call.bytes > kStoreBacklogBytesMax);
    if (full) return call;
    ++unfinished_calls_;
    unfinished_bytes_ += call.bytes;
    waiting_.push_back(std::move(call));
  }
  wake_.notify_one();
  return std::nullopt;
}

std::vector<Call> CallQueue::take(Patience patience) {
  std::unique_lock lock(mutex_);
  const auto ready = [this] { return closed_ || !waiting_.empty(); };
  if (patience == Patience::forever) wake_.wait(lock, ready);
  if (patience == Patience::until_idle)
    wake_.wait_for(lock, std::chrono::milliseconds(kIdleMs), ready);
  std::vector<Call> taken;
  while (!waiting_.empty() && taken.size() < kTakenMax) {
    taken.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  return taken;
}

void CallQueue::finish(std::size_t calls, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  unfinished_calls_ -= calls;
  unfinished_bytes_ -= bytes;
}

void CallQueue::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  wake_.notify_one();
}

bool CallQueue::drained() const {
  const std::lock_guard lock(mutex_);
  return closed_ && waiting_.empty();
}

}  // namespace stoker::sqlite
