// Where the engines of tests wait instead of letting time pass: gates that a test holds, steps and releases.
//
// Purpose: a phase of an engine (loading, the next token, a sampling step) passes its gate. An open gate lets
//   everything through at once, a held one makes it wait until the test steps or releases it, or until the life
//   of the request ends.
// Threading: everything lives on the network thread. A test reaches it through `on_network`, which posts the work
//   and waits for it, and through Watch::wait_until; both are callable from any thread.
// Ownership: Life, WaitList and Gates must outlive the tasks that wait in them; the frames of such tasks may be
//   destroyed at any time. The Network must outlive all of them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <utility>
#include <vector>

#include "net/http_server.h"
#include "net/network.h"
#include "net/task.h"

namespace stoker::engines {

// The phases that a test can hold. Every server says which ones it has.
enum class Gate : std::uint8_t {
  head,      // a request was read and logged, nothing was done or answered
  load,      // a model is being loaded
  unload,    // a model is leaving memory and is still listed
  prefill,   // the prompt is being evaluated: nothing was answered yet
  token,     // before each piece of a text
  step,      // before each sampling step of a picture
  node,      // before each node of a workflow
  result,    // everything is computed, the answer is not sent
  transfer,  // an upload, a download, a pull
};
inline constexpr std::size_t kGateCount = 9;

// Runs `work` on the network thread, waits for it and returns its value.
template <class Work>
auto on_network(net::Network& network, Work work) -> decltype(work()) {
  if (network.on_network_thread()) return work();
  std::packaged_task<decltype(work())()> task(std::move(work));
  auto value = task.get_future();
  network.post([&task] { task(); });
  return value.get();
}

// Lets a test wait until something holds. Whoever changes the state says `changed`.
class Watch {
 public:
  explicit Watch(net::Network& network) : network_(network) {}

  // Network thread.
  void changed();
  // Any other thread: true once `holds`, evaluated on the network thread after each change, says so; false after
  // 30 seconds of real time, which only a failing test sees.
  [[nodiscard]] bool wait_until(std::function<bool()> holds);

 private:
  struct Pending {
    std::function<bool()> holds;
    std::promise<void> met;
  };
  net::Network& network_;
  std::vector<std::shared_ptr<Pending>> pending_;
};

namespace detail {
struct Waiter;
struct LifeState;
}  // namespace detail

// The life of one request or one run: what waits on its behalf ends with it.
class Life {
 public:
  Life();
  // Ends when the peer is gone.
  explicit Life(net::Exchange& exchange);
  Life(const Life&) = delete;
  Life& operator=(const Life&) = delete;

  bool ended() const;
  void end();
  // Called once at the end; at once if that has passed. `callback` must not outlive what it captures, so set it only
  // with things that live longer than the exchange.
  void on_end(std::function<void()> callback);

 private:
  friend class WaitList;
  std::shared_ptr<detail::LifeState> state_;
};

// Tasks that wait for the same thing, in the order they came.
class WaitList {
 public:
  // `watch` is told when a task begins to wait.
  WaitList(net::Network& network, Watch& watch) : network_(network), watch_(watch) {}

  // True when woken, false when `life` ended first.
  net::Task<bool> wait(Life& life);
  bool wake_one();  // false if nobody waits
  void wake_all();
  std::size_t size() const;

 private:
  void forget_settled();

  net::Network& network_;
  Watch& watch_;
  std::vector<std::shared_ptr<detail::Waiter>> waiting_;
};

class Gates {
 public:
  Gates(net::Network& network, Watch& watch);

  // For the engine: true when let through, false when `life` ended.
  net::Task<bool> pass(Gate gate, Life& life);

  // For the test's side, on the network thread.
  void hold(Gate gate);
  void release(Gate gate);
  // Lets `count` passages through a held gate: those that wait, then those that come.
  void step(Gate gate, std::size_t count);
  std::size_t waiting(Gate gate) const;

 private:
  struct State {
    State(net::Network& network, Watch& watch) : tasks(network, watch) {}
    WaitList tasks;
    bool held = false;
    std::size_t steps = 0;
  };
  State& at(Gate gate) { return *states_[static_cast<std::size_t>(gate)]; }
  const State& at(Gate gate) const { return *states_[static_cast<std::size_t>(gate)]; }

  std::array<std::unique_ptr<State>, kGateCount> states_;
};

}  // namespace stoker::engines
