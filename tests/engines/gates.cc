#include "tests/engines/gates.h"

#include <algorithm>
#include <chrono>
#include <optional>

namespace stoker::engines {

namespace {
constexpr std::chrono::seconds kGuard{30};
}  // namespace

namespace detail {

struct Waiter {
  std::optional<net::Completion<bool>> done;

  bool settled() const { return !done; }
  void settle(bool woken) {
    if (settled()) return;
    net::Completion<bool> complete = std::move(*done);
    done.reset();
    complete(woken);
  }
};

// Held by the waiting frame, so that a frame that is destroyed no longer counts as waiting.
struct Place {
  std::shared_ptr<Waiter> waiter = std::make_shared<Waiter>();

  Place() = default;
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() { waiter->done.reset(); }
};

struct LifeState {
  bool ended = false;
  std::vector<std::weak_ptr<Waiter>> waiters;
  std::vector<std::function<void()>> callbacks;

  void end() {
    if (std::exchange(ended, true)) return;
    for (const auto& waiter : std::exchange(waiters, {})) {
      if (const auto kept = waiter.lock()) kept->settle(false);
    }
    for (const auto& callback : std::exchange(callbacks, {})) callback();
  }
  void add(const std::shared_ptr<Waiter>& waiter) {
    std::erase_if(waiters, [](const auto& other) { return other.expired(); });
    waiters.push_back(waiter);
  }
};

}  // namespace detail

void Watch::changed() {
  std::erase_if(pending_, [](const std::shared_ptr<Pending>& pending) {
    if (!pending->holds()) return false;
    pending->met.set_value();
    return true;
  });
}

bool Watch::wait_until(std::function<bool()> holds) {
  auto pending = std::make_shared<Pending>(Pending{std::move(holds), {}});
  std::future<void> met = pending->met.get_future();
  on_network(network_, [this, pending] {
    pending_.push_back(pending);
    changed();
  });
  if (met.wait_for(kGuard) == std::future_status::ready) return true;
  on_network(network_, [this, pending] { std::erase(pending_, pending); });
  return met.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

Life::Life() : state_(std::make_shared<detail::LifeState>()) {}

Life::Life(net::Exchange& exchange) : Life() {
  exchange.on_gone([state = state_] { state->end(); });
}

bool Life::ended() const {
  return state_->ended;
}

void Life::end() {
  state_->end();
}

void Life::on_end(std::function<void()> callback) {
  if (state_->ended) return callback();
  state_->callbacks.push_back(std::move(callback));
}

net::Task<bool> WaitList::wait(Life& life) {
  if (life.ended()) co_return false;
  forget_settled();
  const detail::Place place;
  waiting_.push_back(place.waiter);
  life.state_->add(place.waiter);
  co_return co_await net::async_call<bool>(network_, [this, &place](net::Completion<bool> done) {
    place.waiter->done.emplace(std::move(done));
    watch_.changed();
  });
}

bool WaitList::wake_one() {
  forget_settled();
  if (waiting_.empty()) return false;
  const auto first = waiting_.front();
  waiting_.erase(waiting_.begin());
  first->settle(true);
  return true;
}

void WaitList::wake_all() {
  for (const auto& waiter : std::exchange(waiting_, {})) waiter->settle(true);
}

std::size_t WaitList::size() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      waiting_, [](const std::shared_ptr<detail::Waiter>& waiter) { return !waiter->settled(); }));
}

void WaitList::forget_settled() {
  std::erase_if(waiting_, [](const auto& waiter) { return waiter->settled(); });
}

Gates::Gates(net::Network& network, Watch& watch) {
  for (auto& state : states_) state = std::make_unique<State>(network, watch);
}

net::Task<bool> Gates::pass(Gate gate, Life& life) {
  State& state = at(gate);
  if (life.ended()) co_return false;
  if (!state.held) co_return true;
  if (state.steps > 0) {
    --state.steps;
    co_return true;
  }
  co_return co_await state.tasks.wait(life);
}

void Gates::hold(Gate gate) {
  at(gate).held = true;
}

void Gates::release(Gate gate) {
  at(gate).held = false;
  at(gate).steps = 0;
  at(gate).tasks.wake_all();
}

void Gates::step(Gate gate, std::size_t count) {
  for (; count > 0 && at(gate).tasks.wake_one(); --count) {
  }
  at(gate).steps += count;
}

std::size_t Gates::waiting(Gate gate) const {
  return at(gate).tasks.size();
}

}  // namespace stoker::engines
