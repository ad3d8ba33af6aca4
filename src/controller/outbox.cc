#include "controller/outbox.h"

#include <utility>

namespace stoker::controller {

void Outbox::after_commit(Action action) {
  actions_.push_back(std::move(action));
}

void Outbox::flush() {
  if (in_flight_) return;
  if (pending_.empty() && actions_.empty()) return;
  in_flight_ = true;
  committing_ = std::exchange(actions_, {});
  send(std::exchange(pending_, {}));
}

void Outbox::send(Batch batch) {
  if (batch.empty()) {
    loop_.post([this] { on_done({}, {}); });
    return;
  }
  Batch copy = batch;
  store_.commit(std::move(copy), [this, batch = std::move(batch)](Result<void> done) mutable {
    on_done(std::move(done), std::move(batch));
  });
}

void Outbox::on_done(Result<void> done, Batch batch) {
  const bool ok = done.has_value();
  if (ok != store_ok_) {
    store_ok_ = ok;
    on_health_(ok);
  }
  if (!ok) {
    loop_.after(kCommitRetry,
                [this, batch = std::move(batch)]() mutable { send(std::move(batch)); });
    return;
  }
  in_flight_ = false;
  std::vector<Action> ready = std::exchange(committing_, {});
  for (Action& action : ready) action();
  flush();
}

}  // namespace stoker::controller
