// What happens to one prompt: frames of the websocket, its loss, and ticks for looking at queue and history.
//
// Threading: network thread. Ownership: the task of the run owns a RunWatch; when that goes, the socket closes.
// Limits: kSignalsMax waiting signals; more than that and progress is left out.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "base/time.h"
#include "net/network.h"
#include "net/websocket.h"
#include "protocol/comfyui/events.h"

namespace stoker::comfyui {

struct Signal {
  enum class Kind : std::uint8_t { event, lost, tick };
  Kind kind = Kind::tick;
  protocol::comfyui::Event event = {};
};

class RunEvents {
 public:
  static constexpr std::size_t kSignalsMax = 10'000;

  RunEvents(net::Network& network, std::string prompt_id)
      : network_(network), prompt_id_(std::move(prompt_id)) {}

  static net::Task<Signal> next(std::shared_ptr<RunEvents> events);

  net::Network& network() const { return network_; }
  const std::string& prompt_id() const { return prompt_id_; }
  void push(Signal signal);

 private:
  net::Network& network_;
  std::string prompt_id_;
  std::deque<Signal> signals_;
  std::optional<net::Completion<bool>> waiting_;
};

class RunWatch {
 public:
  explicit RunWatch(std::shared_ptr<RunEvents> events) : events_(std::move(events)) {}
  ~RunWatch();
  RunWatch(const RunWatch&) = delete;
  RunWatch& operator=(const RunWatch&) = delete;

  // Frames of our prompt become signals, the end of the socket too.
  void read(std::unique_ptr<net::WebSocket> socket);
  void tick_every(Duration interval);

 private:
  std::shared_ptr<RunEvents> events_;
  net::SpawnedTask reader_;
  net::SpawnedTask ticker_;
};

}  // namespace stoker::comfyui
