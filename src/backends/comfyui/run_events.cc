#include "backends/comfyui/run_events.h"

#include <utility>

namespace stoker::comfyui {
namespace {

namespace wire = protocol::comfyui;

net::Task<void> read_frames(std::shared_ptr<RunEvents> events,
                            std::unique_ptr<net::WebSocket> socket) {
  while (true) {
    const auto message = co_await socket->read();
    if (!message) break;
    if (message->binary) continue;  // previews
    wire::Event event = wire::parse_event(message->bytes);
    if (event.prompt_id != events->prompt_id()) continue;
    events->push({.kind = Signal::Kind::event, .event = std::move(event)});
  }
  events->push({.kind = Signal::Kind::lost});
}

net::Task<void> tick(std::shared_ptr<RunEvents> events, Duration interval) {
  while (true) {
    co_await events->network().sleep(interval);
    events->push({.kind = Signal::Kind::tick});
  }
}

}  // namespace

void RunEvents::push(Signal signal) {
  const bool may_be_left_out = signal.kind == Signal::Kind::tick ||
                               signal.event.kind == wire::EventKind::progress ||
                               signal.event.kind == wire::EventKind::other;
  if (signals_.size() >= kSignalsMax && may_be_left_out) return;
  signals_.push_back(std::move(signal));
  if (auto waiting = std::exchange(waiting_, std::nullopt)) (*waiting)(true);
}

net::Task<Signal> RunEvents::next(std::shared_ptr<RunEvents> events) {
  while (events->signals_.empty()) {
    co_await net::async_call<bool>(events->network_, [&events](net::Completion<bool> done) {
      events->waiting_.emplace(std::move(done));
    });
  }
  Signal signal = std::move(events->signals_.front());
  events->signals_.pop_front();
  co_return signal;
}

RunWatch::~RunWatch() {
  reader_.give_up();
  ticker_.give_up();
}

void RunWatch::read(std::unique_ptr<net::WebSocket> socket) {
  reader_ = events_->network().spawn_for(read_frames(events_, std::move(socket)));
}

void RunWatch::tick_every(Duration interval) {
  ticker_.give_up();
  ticker_ = events_->network().spawn_for(tick(events_, interval));
}

}  // namespace stoker::comfyui
