#include "tests/engines/comfyui_server/worker.h"

#include <utility>

#include "tests/engines/comfyui_server/run.h"

namespace stoker::engines::comfyui {

void Worker::wake() {
  if (std::exchange(at_work_, true)) return;
  state_.network.spawn(work(life_));
}

void Worker::interrupt() {
  state_.interrupted = true;
  if (state_.running) state_.running->wait->end();
}

void Worker::die() {
  life_->end();
  if (state_.running) state_.running->wait->end();
  life_ = std::make_shared<Life>();
  at_work_ = false;
}

net::Task<void> Worker::work(std::shared_ptr<Life> life) {
  while (!life->ended()) {
    if (state_.free_memory || state_.unload_models) {
      co_await apply_free(life);
    } else if (auto item = state_.queue.pop()) {
      Run run(state_, life, std::move(*item));
      co_await run.play();
    } else {
      at_work_ = false;
      co_return;
    }
  }
}

net::Task<void> Worker::apply_free(std::shared_ptr<Life> life) {
  const bool whole = std::exchange(state_.free_memory, false);
  state_.unload_models = false;
  const bool let_through = co_await state_.gates.pass(Gate::unload, *life);
  if (!let_through || life->ended()) co_return;
  ++state_.counts.freed;
  const bool leaks = state_.faults.take(FaultKind::unload_keeps_memory).has_value();
  if (leaks) {
    state_.memory.leak_all();
  } else {
    state_.memory.unload_all();
  }
  if (whole) state_.cache.drop_all();
  state_.watch.changed();
}

}  // namespace stoker::engines::comfyui
