// GET /queue: what the engine works on and what waits.
//
// Threading: pure functions. Errors: backend_down for an answer that is none.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace stoker::protocol::comfyui {

struct QueueItem {
  std::string prompt_id;
  double number = 0;
};

struct QueueState {
  std::vector<QueueItem> running;
  std::vector<QueueItem> pending;  // in the order in which they will run; the engine sends a heap

  bool runs(std::string_view prompt_id) const;
  bool holds(std::string_view prompt_id) const;  // running or pending
};

Result<QueueState> parse_queue(std::string_view body);

}  // namespace stoker::protocol::comfyui
