// The progress of one run on its way from the network's thread to the loop.
//
// Purpose: a fast engine must not flood the loop: at most one report is under way, it brings the newest step. Nothing is
//   told once the run has ended.
// Threading: `step_is` on the network thread; construction and `end` on the loop.
// Ownership: shared by the run's task and its backend.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "backends/backend.h"
#include "backends/http/engine_link.h"

namespace stoker {

class RunListener : public std::enable_shared_from_this<RunListener> {
 public:
  RunListener(EngineLink::Post post, std::function<void(RunProgress)> tell)
      : post_(std::move(post)), tell_(std::move(tell)) {}

  // `steps`: of how many, where the engine tells.
  void step_is(std::uint32_t step, std::uint32_t steps = 0) {
    newest_.store(RunProgress{.step = step, .steps = steps});
    if (under_way_.exchange(true)) return;
    post_([self = shared_from_this()] {
      self->under_way_.store(false);
      const auto tell = self->tell_;  // it may end the run, and with it itself
      if (tell) tell(self->newest_.load());
    });
  }

  void end() { tell_ = nullptr; }

 private:
  EngineLink::Post post_;
  std::function<void(RunProgress)> tell_;  // loop only
  std::atomic<RunProgress> newest_ = RunProgress{};
  std::atomic<bool> under_way_ = false;
};

}  // namespace stoker
