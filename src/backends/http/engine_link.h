// The way of an engine's answer from the network's thread to the loop.
//
// Purpose: an adapter lives on the loop, its calls are tasks of the network; each call's callback comes on the loop,
//   exactly once, also when the call is given up.
// Threading: loop, except the tasks themselves.
// Ownership: borrows loop and network. Destroying it gives up what is under way without calling anybody: the loop has
//   stopped by then. Tasks must not refer to the adapter; they hold what they need by value or shared_ptr.
// Limits: calls under way are bounded by whoever makes them (slots, one load per model, one probe).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "backends/backend.h"
#include "base/loop.h"
#include "base/strong_id.h"
#include "net/network.h"
#include "net/task.h"

namespace stoker {

class EngineLink {
 public:
  using CallId = StrongId<struct EngineCallTag>;

  EngineLink(Loop& loop, net::Network& network);
  ~EngineLink();
  EngineLink(const EngineLink&) = delete;
  EngineLink& operator=(const EngineLink&) = delete;

  template <class T>
  CallId start(net::Task<Result<T>> work, Backend::Callback<T> done);

  // Ends the call with `why`: its connections close, its callback comes soon with that error. False: it has ended.
  bool give_up(CallId call, Error why);

  Loop& loop() const;
  net::Network& network() const { return network_; }

  // For tasks: runs `work` on the loop, unless the link is gone by then.
  class Post {
   public:
    void operator()(std::move_only_function<void()> work) const;

   private:
    friend class EngineLink;
    struct Shared;
    explicit Post(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
    std::shared_ptr<Shared> shared_;
  };
  Post post() const { return Post(shared_); }

 private:
  struct Call {
    net::SpawnedTask task;
    std::move_only_function<void(Error)> end_with;
  };

  template <class T>
  static net::Task<void> bring(net::Task<Result<T>> work, Post post,
                               std::move_only_function<void(Result<T>)> deliver);

  net::Network& network_;
  std::shared_ptr<Post::Shared> shared_;
  std::map<CallId, Call> calls_;
  std::uint64_t last_ = 0;
};

struct EngineLink::Post::Shared {
  Loop& loop;
  bool alive = true;  // loop only
};

inline Loop& EngineLink::loop() const {
  return shared_->loop;
}

template <class T>
net::Task<void> EngineLink::bring(net::Task<Result<T>> work, Post post,
                                  std::move_only_function<void(Result<T>)> deliver) {
  Result<T> result = co_await std::move(work);
  post([deliver = std::move(deliver), result = std::move(result)]() mutable {
    deliver(std::move(result));
  });
}

template <class T>
EngineLink::CallId EngineLink::start(net::Task<Result<T>> work, Backend::Callback<T> done) {
  const CallId id(++last_);
  auto callback = std::make_shared<Backend::Callback<T>>(std::move(done));
  auto deliver = [this, id, callback](Result<T> result) {
    if (calls_.erase(id) > 0) (*callback)(std::move(result));
  };
  Call& call = calls_[id];
  call.end_with = [callback](Error why) { (*callback)(fail(std::move(why))); };
  call.task = network_.spawn_for(bring<T>(std::move(work), post(), std::move(deliver)));
  return id;
}

}  // namespace stoker
