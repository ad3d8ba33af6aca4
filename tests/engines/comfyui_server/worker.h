// The one worker thread of the played ComfyUI: it takes prompts from the queue and plays them.
//
// Threading: network thread.
// Ownership: the server owns it; a frame that still runs when the process "dies" finds its life ended.
#pragma once

#include <memory>

#include "tests/engines/comfyui_server/state.h"

namespace stoker::engines::comfyui {

class Worker {
 public:
  explicit Worker(State& state) : state_(state), life_(std::make_shared<Life>()) {}

  // There is a prompt to play or memory to free.
  void wake();
  void interrupt();
  // The process dies: the run ends where it is.
  void die();

 private:
  net::Task<void> work(std::shared_ptr<Life> life);
  net::Task<void> apply_free(std::shared_ptr<Life> life);

  State& state_;
  std::shared_ptr<Life> life_;
  bool at_work_ = false;
};

}  // namespace stoker::engines::comfyui
