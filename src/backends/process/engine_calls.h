// Calls at adapters whose engines may vanish under them.
//
// Purpose: each call ends exactly once, by its adapter or, when the engine is lost, at once with the reason. An adapter
//   that is given up goes when its own answers have come, as the port demands.
// Threading: loop; callbacks as in the port.
// Ownership: owns the adapters. Destroying it answers nobody: the loop has stopped by then.
// Limits: adapters are bounded by their engines; calls by whoever makes them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "backends/backend.h"
#include "base/loop.h"
#include "base/strong_id.h"

namespace stoker {

class EngineCalls {
 public:
  using AdapterId = StrongId<struct AdapterIdTag>;
  template <class T>
  using Callback = Backend::Callback<T>;

  explicit EngineCalls(Loop& loop) : loop_(loop) {}
  EngineCalls(const EngineCalls&) = delete;
  EngineCalls& operator=(const EngineCalls&) = delete;

  AdapterId add(std::unique_ptr<Backend> adapter);
  Backend& at(AdapterId adapter) { return *adapters_.at(adapter).backend; }
  // Ends all calls there with `why` and lets the adapter go.
  void give_up(AdapterId adapter, const Error& why);

  // What to hand to the adapter instead of `done`.
  template <class T>
  Callback<T> track(AdapterId adapter, Callback<T> done);

  // Where an attempt runs; none: nowhere.
  AdapterId running_at(AttemptId attempt) const;
  using Progress = std::function<void(RunProgress)>;
  struct TrackedRun {
    Progress progress;
    Callback<RunReport> done;
  };
  TrackedRun track_run(AdapterId adapter, AttemptId attempt, Progress progress,
                       Callback<RunReport> done);

 private:
  using CallId = StrongId<struct TrackedCallTag>;
  struct Adapter {
    std::unique_ptr<Backend> backend;
    std::size_t calls = 0;  // without an answer of its own
    bool given_up = false;
  };
  struct Call {
    AdapterId adapter;
    AttemptId attempt;
    std::move_only_function<void(const Error&)> end_with;
  };

  void answered(AdapterId adapter);
  void drop_unused(AdapterId adapter);

  Loop& loop_;
  std::map<CallId, Call> calls_;
  std::map<AdapterId, Adapter> adapters_;
  std::uint64_t last_call_ = 0;
  std::uint64_t last_adapter_ = 0;
};

template <class T>
EngineCalls::Callback<T> EngineCalls::track(AdapterId adapter, Callback<T> done) {
  const CallId id(++last_call_);
  ++adapters_.at(adapter).calls;
  auto shared = std::make_shared<Callback<T>>(std::move(done));
  calls_[id] = {.adapter = adapter, .attempt = {}, .end_with = [shared](const Error& why) {
                  (*shared)(fail(why));
                }};
  return [this, id, adapter, shared](Result<T> result) {
    const bool open = calls_.erase(id) > 0;
    answered(adapter);
    if (open) (*shared)(std::move(result));
  };
}

}  // namespace stoker
