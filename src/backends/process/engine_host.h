// What an engine's process needs from the machine, so that its life can be played without one.
//
// Purpose: start, watch and stop one process at a time, ask it whether it is ready, clear what an earlier life left.
// Threading: loop; callbacks come on the loop, exactly once, never inside the call, and not after destruction.
// Ownership: destroying it ends a process that still runs, without waiting.
// Errors: those of net/child_process.h; backend_down and run_timeout from `ask`.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "base/error.h"
#include "base/time.h"
#include "net/child_process.h"

namespace stoker {

struct EngineEnd {
  net::ChildExit exit;
  Result<void> cleared = {};  // whether nobody of its group is left
};

class EngineHost {
 public:
  template <class T>
  using Done = Backend::Callback<T>;

  struct Events {
    // What it printed, in order. Of a flood the oldest lines are left out.
    std::function<void(const std::vector<std::string>& lines)> lines;
    // The process has ended, by itself or stopped; after its last lines, exactly once per launch that succeeded.
    std::function<void(const EngineEnd& end)> ended;
  };

  virtual ~EngineHost() = default;

  // A port where nobody listens at this moment.
  virtual Result<std::uint16_t> free_port() = 0;
  // Ends the process that an earlier life of the server left behind, if there is one.
  virtual void clear_leftovers(Done<void> done) = 0;
  // Answers with the process group.
  virtual void launch(net::ChildCommand command, Events events, Done<int> done) = 0;
  // The status of its answer.
  virtual void ask(std::uint16_t port, std::string target, Duration deadline, Done<int> done) = 0;
  // Done when nobody of the group is left; also when the process has ended before.
  virtual void stop(int signal, Duration grace, Done<void> done) = 0;
};

// Makes the host of one engine; `engine` is unique among this machine's engines.
using EngineHosts = std::function<std::unique_ptr<EngineHost>(const std::string& engine)>;

}  // namespace stoker
