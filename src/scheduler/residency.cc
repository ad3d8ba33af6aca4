#include "scheduler/residency.h"

#include <algorithm>

#include "scheduler/bookkeeping.h"
#include "scheduler/constraints.h"

namespace stoker::scheduler {
namespace {

bool mentions(const std::vector<ModelId>& models, ModelId model) {
  return std::find(models.begin(), models.end(), model) != models.end();
}

bool is_still_useful(const State& state, const ModelEntry& model) {
  return !model.waiting.empty() || model.coming > 0 || model.home || model.pinned ||
         is_wanted(state, model.id);
}

void give_up_switch(State& state, DeviceEntry& device, Instant now) {
  for (const ModelId victim : device.switching->victims) {
    ModelEntry& model = state.model(victim);
    if (model.residency == ResidencyState::draining)
      set_residency(state, model, ResidencyState::resident, model.cause, now);
  }
  device.switching.reset();
}

}  // namespace

bool is_wanted(const State& state, ModelId model) {
  return std::any_of(state.wanted.begin(), state.wanted.end(),
                     [&](const auto& entry) { return mentions(entry.second, model); });
}

void start_load(State& state, ModelId id, const Cause& cause, Instant now,
                std::vector<Decision>& out) {
  ModelEntry& model = state.model(id);
  set_residency(state, model, ResidencyState::loading, cause, now);
  set_reserved(state, model, model.vram);
  out.emplace_back(Load{id, model.reserved, cause});
}

void begin_switch(State& state, DeviceEntry& device, ModelId target, std::vector<ModelId> victims,
                  const Cause& cause, Instant now, std::vector<Decision>& out) {
  for (const ModelId victim : victims) {
    Cause evicted{CauseKind::make_room, cause.job, target, cause.person};
    if (cause.kind == CauseKind::focus_change) evicted.kind = CauseKind::focus_change;
    set_residency(state, state.model(victim), ResidencyState::draining, evicted, now);
  }
  if (is_guest(state, state.model(target))) device.visit_since = now;  // for those who wait now
  device.switching = Switch{target, std::move(victims), cause};
  advance_switch(state, device, now, out);
}

bool advance_switch(State& state, DeviceEntry& device, Instant now, std::vector<Decision>& out) {
  const Switch plan = *device.switching;
  const ModelEntry& target = state.model(plan.target);
  if (!is_still_useful(state, target) || !can_be_loaded(state, target, now)) {
    give_up_switch(state, device, now);
    return false;
  }
  bool victims_are_gone = true;
  for (const ModelId victim : plan.victims) {
    ModelEntry& model = state.model(victim);
    const bool is_back = model.residency == ResidencyState::resident;  // not by us
    const bool drains = model.residency == ResidencyState::draining;
    if (is_back || (drains && !may_be_evicted_for(state, model, target))) {
      give_up_switch(state, device, now);
      return false;
    }
    if (drains && !is_leased(model)) {
      set_residency(state, model, ResidencyState::unloading, model.cause, now);
      out.emplace_back(Unload{victim, model.cause});
    }
    victims_are_gone = victims_are_gone && model.residency == ResidencyState::cold;
  }
  if (!victims_are_gone || device.loading >= device.loads_parallel) return true;
  device.switching.reset();
  if (!fits_into_free_room(state, target)) return false;  // others took the memory: plan again
  start_load(state, plan.target, plan.cause, now, out);
  return true;
}

void forget_plans_with(State& state, ModelId model, Instant now) {
  DeviceEntry& device = state.devices.at(state.device_of(model));
  if (device.switching && device.switching->target == model) give_up_switch(state, device, now);
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
    if (!is_still_useful(state, model)) continue;
    if (!next || model.retry_load_at < *next) next = model.retry_load_at;
  }
  return next;
}

}  // namespace stoker::scheduler
