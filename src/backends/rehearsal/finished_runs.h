// The ends of the newest runs, for a caller that comes back and asks.
//
// Threading: on the loop.
// Limits: `kept` runs and kFinishedBytesMax bytes of results; the oldest go first.
#pragma once

#include <cstddef>
#include <deque>
#include <utility>

#include "backends/backend.h"
#include "base/bytes.h"

namespace stoker {

inline constexpr std::size_t kFinishedBytesMax = 64 * kBytesPerMiB;

class FinishedRuns {
 public:
  explicit FinishedRuns(std::size_t kept) : kept_(kept) {}

  void add(AttemptId attempt, Result<RunReport> end) {
    bytes_ += size_of(end);
    ends_.emplace_back(attempt, std::move(end));
    while (!ends_.empty() && (ends_.size() > kept_ || bytes_ > kFinishedBytesMax)) {
      bytes_ -= size_of(ends_.front().second);
      ends_.pop_front();
    }
  }

  // None: never heard of, or forgotten.
  const Result<RunReport>* find(AttemptId attempt) const {
    for (const auto& [id, end] : ends_) {
      if (id == attempt) return &end;
    }
    return nullptr;
  }

  void clear() {
    ends_.clear();
    bytes_ = 0;
  }

  std::size_t count() const { return ends_.size(); }

 private:
  static std::size_t size_of(const Result<RunReport>& end) {
    std::size_t bytes = 0;
    if (!end) return bytes;
    for (const RunOutput& output : end->outputs) bytes += output.bytes.size();
    return bytes;
  }

  const std::size_t kept_;
  std::size_t bytes_ = 0;
  std::deque<std::pair<AttemptId, Result<RunReport>>> ends_;
};

}  // namespace stoker
