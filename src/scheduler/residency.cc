#include "scheduler/residency.h"

#include <algorithm>
#include <array>

#include "scheduler/constraints.h"
#include "scheduler/victims.h"

namespace stoker::scheduler {
namespace {

constexpr std::array<CauseKind, 3> kWantedOrder = {CauseKind::preload, CauseKind::warm_up,
                                                   CauseKind::focus_change};

bool mentions(const std::vector<ModelId>& models, ModelId model) {
  return std::find(models.begin(), models.end(), model) != models.end();
}

void set_residency(ModelEntry& model, ResidencyState residency, const Cause& cause, Instant now) {
  model.residency = residency;
  model.since = now;
  model.cause = cause;
}

bool loader_is_busy(const State& state, DeviceId device) {
  for (const auto& [id, model] : state.models) {
    if (model.residency == ResidencyState::loading && state.device_of(id) == device) return true;
  }
  return false;
}

bool is_wanted(const State& state, ModelId model) {
  return std::any_of(state.wanted.begin(), state.wanted.end(),
                     [&](const auto& entry) { return mentions(entry.second, model); });
}

bool can_be_loaded(const State& state, const ModelEntry& model, Instant now) {
  return model.residency == ResidencyState::cold && !model.removed &&
         state.backends.at(model.backend).reachable && model.retry_load_at <= now;
}

void start_load(State& state, ModelId id, const Cause& cause, Instant now,
                std::vector<Decision>& out) {
  ModelEntry& model = state.model(id);
  set_residency(model, ResidencyState::loading, cause, now);
  model.reserved = model.vram;
  model.skips = 0;
  out.emplace_back(Load{id, model.reserved, cause});
}

void begin_switch(State& state, DeviceEntry& device, ModelId target, std::vector<ModelId> victims,
                  const Cause& cause, Instant now) {
  for (const ModelId victim : victims) {
    Cause evicted{CauseKind::make_room, cause.job, target, cause.person};
    if (cause.kind == CauseKind::focus_change) evicted.kind = CauseKind::focus_change;
    set_residency(state.model(victim), ResidencyState::draining, evicted, now);
  }
  state.model(target).skips = 0;
  device.gate.reset();
  device.switching = Switch{target, std::move(victims), cause};
}

void give_up_switch(State& state, DeviceEntry& device, Instant now) {
  for (const ModelId victim : device.switching->victims) {
    ModelEntry& model = state.model(victim);
    if (model.residency == ResidencyState::draining) {
      set_residency(model, ResidencyState::resident, model.cause, now);
    }
  }
  device.switching.reset();
}

// True while the switch is under way and nothing else may be planned on the device.
bool advance_switch(State& state, DeviceEntry& device, Instant now, std::vector<Decision>& out) {
  const Switch plan = *device.switching;
  const ModelEntry& target = state.model(plan.target);
  const bool still_wanted =
      first_demanding(state, target) != nullptr || is_wanted(state, plan.target);
  if (!still_wanted || !can_be_loaded(state, target, now)) {
    give_up_switch(state, device, now);
    return false;
  }
  bool victims_are_gone = true;
  for (const ModelId victim : plan.victims) {
    ModelEntry& model = state.model(victim);
    if (model.residency == ResidencyState::draining && !is_leased(model)) {
      set_residency(model, ResidencyState::unloading, model.cause, now);
      out.emplace_back(Unload{victim, model.cause});
    }
    victims_are_gone = victims_are_gone && model.residency == ResidencyState::cold;
  }
  if (!victims_are_gone || loader_is_busy(state, device.id)) return true;
  device.switching.reset();
  if (!fits_into_free_room(state, target)) return false;  // others took the memory: plan again
  start_load(state, plan.target, plan.cause, now, out);
  return true;
}

// Sum over the waiting of (wait + 10 s), per second of load time.
double urgency(const ModelEntry& model, Instant now) {
  const auto n = static_cast<std::int64_t>(model.waiting.size());
  const std::int64_t waited_us = n * now.us - model.waiting_release_us_sum + n * seconds(10).us;
  const std::int64_t load_us = std::max<std::int64_t>(model.load.mean().us, 1000);
  return static_cast<double>(waited_us) / static_cast<double>(load_us);
}

std::vector<ModelId> blocked_models(const State& state, DeviceId device, Instant now) {
  std::vector<ModelId> blocked;
  for (const auto& [id, model] : state.models) {
    if (state.device_of(id) != device || !can_be_loaded(state, model, now)) continue;
    if (first_demanding(state, model) != nullptr) blocked.push_back(id);
  }
  std::sort(blocked.begin(), blocked.end(), [&](ModelId a, ModelId b) {
    const ModelEntry& x = state.model(a);
    const ModelEntry& y = state.model(b);
    const std::uint32_t x_due = x.skips >= kSkipsMax ? x.skips : 0;
    const std::uint32_t y_due = y.skips >= kSkipsMax ? y.skips : 0;
    if (x_due != y_due) return x_due > y_due;
    const double x_urgency = urgency(x, now);
    const double y_urgency = urgency(y, now);
    return x_urgency != y_urgency ? x_urgency > y_urgency : a < b;
  });
  return blocked;
}

void count_skips(State& state, const std::vector<ModelId>& blocked, ModelId chosen) {
  for (const ModelId id : blocked) {
    if (id != chosen) ++state.model(id).skips;
  }
}

Cause request_cause(const State& state, ModelId id) {
  const JobEntry* job = first_demanding(state, state.model(id));
  return {CauseKind::request, job != nullptr ? job->id : JobId{}, id,
          job != nullptr ? job->person : PersonId{}};
}

void open_gate(State& state, DeviceEntry& device, ModelId target, std::vector<ModelId> victims) {
  Duration cost = state.model(target).load.mean();
  for (const ModelId victim : victims) cost += state.model(victim).load.mean();
  device.gate =
      Gate{target, std::move(victims), state.arrivals, cost * kGateQuantumFactor, Duration{}};
}

bool gate_has_run_dry(const State& state, const Gate& gate) {
  return std::none_of(gate.victims.begin(), gate.victims.end(), [&](ModelId victim) {
    return first_admitted(state, state.model(victim)) != nullptr;
  });
}

// True when a load or a switch was decided.
bool serve_blocked(State& state, DeviceEntry& device, Instant now, std::vector<Decision>& out) {
  const std::vector<ModelId> blocked = blocked_models(state, device.id, now);
  for (const ModelId id : blocked) {
    if (!fits_into_free_room(state, state.model(id))) continue;
    count_skips(state, blocked, id);
    start_load(state, id, request_cause(state, id), now, out);
    return true;
  }
  for (const ModelId id : blocked) {
    auto victims = choose_victims(state, id, VictimScope::idle_only, now);
    if (!victims) continue;
    count_skips(state, blocked, id);
    begin_switch(state, device, id, std::move(*victims), request_cause(state, id), now);
    return true;
  }
  if (device.gate && !mentions(blocked, device.gate->target)) device.gate.reset();
  if (!device.gate) {
    for (const ModelId id : blocked) {
      auto victims = choose_victims(state, id, VictimScope::any, now);
      if (!victims) continue;
      open_gate(state, device, id, std::move(*victims));
      break;
    }
  }
  if (!device.gate || !gate_has_run_dry(state, *device.gate)) return false;
  const Gate gate = *device.gate;
  count_skips(state, blocked, gate.target);
  begin_switch(state, device, gate.target, gate.victims, request_cause(state, gate.target), now);
  return true;
}

bool is_spare(const State& state, ModelId id) {
  return !is_wanted(state, id) && !is_focus(state, id);
}

void serve_wanted(State& state, DeviceEntry& device, Instant now, std::vector<Decision>& out) {
  for (const CauseKind kind : kWantedOrder) {
    const auto wanted = state.wanted.find(kind);
    if (wanted == state.wanted.end()) continue;
    for (const ModelId id : wanted->second) {
      const auto model = state.models.find(id);
      if (model == state.models.end() || state.device_of(id) != device.id) continue;
      if (!can_be_loaded(state, model->second, now)) continue;
      const Cause cause{kind, JobId{}, id, PersonId{}};
      if (fits_into_free_room(state, model->second)) return start_load(state, id, cause, now, out);
      auto victims = choose_victims(state, id, VictimScope::idle_only, now);
      if (!victims || !std::all_of(victims->begin(), victims->end(),
                                   [&](ModelId victim) { return is_spare(state, victim); })) {
        continue;
      }
      return begin_switch(state, device, id, std::move(*victims), cause, now);
    }
  }
}

}  // namespace

void plan_residency(State& state, Instant now, std::vector<Decision>& out) {
  for (auto& [id, device] : state.devices) {
    if (device.switching && advance_switch(state, device, now, out)) continue;
    if (loader_is_busy(state, id)) continue;
    if (!serve_blocked(state, device, now, out)) serve_wanted(state, device, now, out);
    if (device.switching) advance_switch(state, device, now, out);
  }
}

void forget_plans_with(State& state, ModelId model) {
  DeviceEntry& device = state.devices.at(state.device_of(model));
  if (device.gate && (device.gate->target == model || mentions(device.gate->victims, model))) {
    device.gate.reset();
  }
  if (device.switching && device.switching->target == model) {
    give_up_switch(state, device, state.model(model).since);
  }
}

void give_up_switch_over(State& state, ModelId victim, Instant now) {
  DeviceEntry& device = state.devices.at(state.device_of(victim));
  if (!device.switching || !mentions(device.switching->victims, victim)) return;
  state.model(device.switching->target).retry_load_at = now + kUnloadRetryPause;
  give_up_switch(state, device, now);
}

std::optional<Instant> next_load_retry(const State& state, Instant now) {
  std::optional<Instant> next;
  for (const auto& [id, model] : state.models) {
    if (model.residency != ResidencyState::cold || model.retry_load_at <= now) continue;
    if (first_demanding(state, model) == nullptr && !is_wanted(state, id)) continue;
    if (!next || model.retry_load_at < *next) next = model.retry_load_at;
  }
  return next;
}

}  // namespace stoker::scheduler
