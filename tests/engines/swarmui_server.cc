#include "tests/engines/swarmui_server.h"

#include <utility>

#include "tests/engines/swarmui_server/passthrough.h"
#include "tests/engines/swarmui_server/routes.h"
#include "tests/engines/swarmui_server/scheduler.h"
#include "tests/engines/swarmui_server/state.h"

namespace stoker::engines {
namespace {

constexpr Duration kKeepAlive = seconds(30);

}  // namespace

std::size_t SwarmUiCounts::loads_of(std::string_view model) const {
  const auto found = loads.find(model);
  return found == loads.end() ? 0 : found->second;
}

struct SwarmUiServer::Parts {
  Parts(net::Network& network, Gates& gates, Faults& faults, Watch& watch, SwarmUiOptions options)
      : state(network, gates, faults, watch, std::move(options)),
        scheduler(state),
        passthrough(state),
        routes(state, scheduler, passthrough) {}

  // When a backend was last used, and which of the two cleanings that idle time has already had.
  void clean_when_idle() {
    Instant last{};
    bool busy = false;
    for (const auto& backend : state.backends) {
      last = std::max(last, backend->released_at);
      busy = busy || backend->usages > 0 || backend->reserved;
    }
    if (busy) return;
    if (last != idle_since) {
      idle_since = last;
      cleaned_vram = cleaned_ram = false;
    }
    const std::int64_t idle_minutes = (state.now() - last).us / minutes(1).us;
    const auto due = [&](std::int64_t after) { return after >= 0 && idle_minutes >= after; };
    if (!cleaned_vram && due(state.options.clear_vram_after_minutes)) {
      cleaned_vram = true;
      clean(false);
    }
    if (!cleaned_ram && due(state.options.clear_system_ram_after_minutes)) {
      cleaned_ram = true;
      clean(true);
    }
  }
  void clean(bool whole) {
    ++state.counts.cleanings;
    scheduler.free(std::nullopt);
    state.network.spawn(passthrough.free(whole));
  }

  swarmui::State state;
  swarmui::Scheduler scheduler;
  swarmui::Passthrough passthrough;
  swarmui::Routes routes;
  Instant idle_since;
  bool cleaned_vram = false;
  bool cleaned_ram = false;
  std::int64_t keep_alives = 0;
};

SwarmUiServer::SwarmUiServer(net::Network& network, SwarmUiOptions options)
    : EngineServer(network),
      parts_(std::make_unique<Parts>(network, gates(), faults(), watch(), std::move(options))) {
  parts_->state.now = [this] { return now(); };
  parts_->state.date = [this] { return timestamp().substr(0, 10); };
  start();
}

SwarmUiServer::~SwarmUiServer() {
  stop();
  // What the stop has woken ends before the members go.
  on_network(network(), [] {});
}

net::Task<void> SwarmUiServer::handle(net::Exchange& exchange, std::string body, Life& life) {
  co_await parts_->routes.answer(exchange, body, life);
}

void SwarmUiServer::forget() {
  swarmui::State& state = parts_->state;
  parts_->scheduler.die();
  parts_->routes.die();
  for (auto& backend : state.backends) {
    backend->current_model.clear();
    backend->resident.clear();
    backend->leaked = backend->usages = 0;
    backend->reserved = backend->at_work = false;
    backend->failed.clear();
  }
}

void SwarmUiServer::time_passed() {
  parts_->scheduler.look();
  parts_->clean_when_idle();
  const std::int64_t due = now().us / kKeepAlive.us;
  if (due > parts_->keep_alives) parts_->routes.keep_alive();
  parts_->keep_alives = due;
}

SwarmUiCounts SwarmUiServer::counts() {
  return on_network(network(), [this] { return parts_->state.counts; });
}

std::string SwarmUiServer::current_model(int backend) {
  return on_network(network(), [&] {
    return parts_->state.backends.at(static_cast<std::size_t>(backend))->current_model;
  });
}

std::string SwarmUiServer::resident_model(int backend) {
  return on_network(network(), [&] {
    return parts_->state.backends.at(static_cast<std::size_t>(backend))->resident;
  });
}

std::size_t SwarmUiServer::waiting_images() {
  return on_network(network(), [this] {
    std::size_t count = 0;
    for (const auto& [id, session] : parts_->state.sessions) count += session->waiting_gens;
    return count;
  });
}

bool SwarmUiServer::wait_for_images(std::size_t made) {
  return wait_until([this, made] { return parts_->state.counts.images >= made; });
}

void SwarmUiServer::set_backend_status(int backend, SwarmBackendStatus status) {
  on_network(network(), [&] {
    parts_->state.backends.at(static_cast<std::size_t>(backend))->status = status;
    for (const auto& [id, session] : parts_->state.sessions) session->changed();
    parts_->scheduler.look();
  });
}

void SwarmUiServer::expire_sessions() {
  on_network(network(), [this] { parts_->state.sessions.clear(); });
}

void SwarmUiServer::deny(std::string_view permission) {
  on_network(network(), [&] { parts_->state.denied.emplace(permission); });
}

void SwarmUiServer::set_other_use(std::uint64_t bytes) {
  on_network(network(), [&] { parts_->state.other_use = bytes; });
}

void SwarmUiServer::add_model(SwarmUiModel model) {
  on_network(network(), [&] { parts_->state.options.models.push_back(std::move(model)); });
}

void SwarmUiServer::restart() {
  stop();
  start();
}

}  // namespace stoker::engines
