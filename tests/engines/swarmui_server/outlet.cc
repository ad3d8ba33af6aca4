#include "tests/engines/swarmui_server/outlet.h"

#include <utility>

namespace stoker::engines::swarmui {

void Outlet::push(std::string text) {
  enqueue({.bytes = std::move(text)});
}

void Outlet::push_binary(std::string bytes) {
  enqueue({.bytes = std::move(bytes), .binary = true});
}

void Outlet::enqueue(Message message) {
  if (closed()) return;
  waiting_.push_back(std::move(message));
  run();
}

void Outlet::close() {
  closing_ = true;
  run();
}

void Outlet::run() {
  if (std::exchange(draining_, true)) return;
  network_.spawn(drain(shared_from_this()));
}

net::Task<void> Outlet::drain(std::shared_ptr<Outlet> self) {
  while (!self->waiting_.empty() && self->socket_) {
    if (self->fault_ && self->sent_ >= self->fault_->after) self->cut();
    if (!self->socket_) break;
    const Message message = std::move(self->waiting_.front());
    self->waiting_.pop_front();
    net::Task<Result<void>> write = message.binary ? self->socket_->write_binary(message.bytes)
                                                   : self->socket_->write_text(message.bytes);
    co_await write;
    ++self->sent_;
  }
  if (self->closing_ && self->socket_) {
    net::Task<void> goodbye = self->socket_->close(1000);
    co_await goodbye;
  }
  self->draining_ = false;
}

}  // namespace stoker::engines::swarmui
