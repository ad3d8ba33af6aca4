#include "backends/http/engine_link.h"

namespace stoker {

EngineLink::EngineLink(Loop& loop, net::Network& network)
    : network_(network), shared_(std::make_shared<Post::Shared>(loop)) {}

EngineLink::~EngineLink() {
  shared_->alive = false;
  for (auto& [id, call] : calls_) call.task.give_up();
}

void EngineLink::Post::operator()(std::move_only_function<void()> work) const {
  shared_->loop.post([shared = shared_, work = std::move(work)]() mutable {
    if (shared->alive) work();
  });
}

bool EngineLink::give_up(CallId call, Error why) {
  const auto found = calls_.find(call);
  if (found == calls_.end()) return false;
  Call ended = std::move(found->second);
  calls_.erase(found);
  ended.task.give_up();
  post()([end_with = std::move(ended.end_with), why = std::move(why)]() mutable {
    end_with(std::move(why));
  });
  return true;
}

}  // namespace stoker
