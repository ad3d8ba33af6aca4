#include "scheduler/constraints.h"

#include <algorithm>

namespace stoker::scheduler {
namespace {

bool contains(const std::vector<ModelId>& models, ModelId model) {
  return std::find(models.begin(), models.end(), model) != models.end();
}

}  // namespace

MiB capacity(const DeviceEntry& device) {
  return device.vram - device.reserve - device.foreign;
}

MiB held(const State& state, DeviceId device) {
  return state.devices.at(device).held;
}

MiB room(const DeviceEntry& device) {
  return capacity(device) - device.held;
}

std::size_t places_missing(const State& state, const ModelEntry& model) {
  const std::size_t places = state.backends.at(model.backend).models_max;
  if (places == 0) return 0;
  std::size_t after = 1;
  for (const ModelId id : state.devices.at(model.device).present) {
    if (id != model.id && state.model(id).backend == model.backend) ++after;
  }
  return after > places ? after - places : 0;
}

bool fits_into_free_room(const State& state, const ModelEntry& model) {
  return model.vram <= room(state.devices.at(model.device)) && places_missing(state, model) == 0;
}

bool is_leased(const ModelEntry& model) {
  return model.running > 0;
}

bool is_live(WorkshopState state) {
  return state != WorkshopState::planned && state != WorkshopState::ended;
}

bool in_focus_of(const State& state, WorkshopId workshop, GroupId group, ModelId model) {
  const auto it = state.workshops.find(workshop);
  if (it == state.workshops.end()) return true;
  const auto own = it->second.group_focus.find(group);
  if (own != it->second.group_focus.end() && !own->second.empty())
    return contains(own->second, model);
  return it->second.focus.empty() || contains(it->second.focus, model);
}

bool may_be_evicted_for(const State& state, const ModelEntry& victim,
                        const ModelEntry& beneficiary) {
  if (victim.pinned) return false;
  // It makes room by itself, but only for what it loads.
  const bool by_itself = state.backends.at(victim.backend).granularity == EvictionGranularity::self;
  if (by_itself && victim.backend != beneficiary.backend) return false;
  return !victim.focus || beneficiary.focus;
}

bool stays_for_focus(const State& state, const ModelEntry& model) {
  if (model.removed) return false;
  const bool evicts_itself =
      state.backends.at(model.backend).granularity == EvictionGranularity::self;
  return model.pinned || (model.focus && evicts_itself);
}

bool stays_for_others(const ModelEntry& model) {
  return !model.removed && (model.pinned || model.focus);
}

namespace {

// Focus models on an engine that evicts by itself leave for other models of that engine.
MiB leaves_for_own_engine(const State& state, const ModelEntry& model) {
  MiB sum;
  if (state.backends.at(model.backend).granularity != EvictionGranularity::self) return sum;
  for (const auto& [id, other] : state.models) {
    const bool leaves = other.backend == model.backend && other.focus && !other.pinned;
    if (leaves && !other.removed && model.focus && id != model.id) sum += other.vram;
  }
  return sum;
}

MiB needed_with_what_stays(const State& state, const ModelEntry& model) {
  const DeviceEntry& device = state.devices.at(model.device);
  MiB stays = model.focus ? device.stays_for_focus : device.stays_for_others;
  const bool is_counted = model.focus ? stays_for_focus(state, model) : stays_for_others(model);
  if (is_counted) stays -= model.vram;
  return model.vram + stays - leaves_for_own_engine(state, model);
}

// Whether its backend has a place left beside the models there that never leave for it.
bool has_a_place_ever(const State& state, const ModelEntry& model) {
  const std::size_t places = state.backends.at(model.backend).models_max;
  if (places == 0) return true;
  std::size_t taken = 0;
  for (const auto& [id, other] : state.models) {
    if (other.backend != model.backend || id == model.id || other.removed) continue;
    if (other.pinned || (other.focus && !model.focus)) ++taken;
  }
  return taken < places;
}

}  // namespace

bool can_ever_fit(const State& state, ModelId id) {
  const ModelEntry& model = state.model(id);
  return needed_with_what_stays(state, model) <= capacity(state.devices.at(model.device)) &&
         has_a_place_ever(state, model);
}

bool can_fit_without_others(const State& state, ModelId id) {
  const ModelEntry& model = state.model(id);
  const DeviceEntry& device = state.devices.at(model.device);
  return needed_with_what_stays(state, model) <= device.vram - device.reserve &&
         has_a_place_ever(state, model);
}

bool is_served(const State& state, WorkshopId workshop) {
  const auto it = state.workshops.find(workshop);
  return it == state.workshops.end() || it->second.state != WorkshopState::paused;
}

bool is_guest(const State& state, const ModelEntry& model) {
  if (model.pinned || model.home) return false;
  const DeviceEntry& device = state.devices.at(model.device);
  return model.vram > capacity(device) - device.kept;
}

bool can_be_loaded(const State& state, const ModelEntry& model, Instant now) {
  return model.residency == ResidencyState::cold && !model.removed &&
         state.backends.at(model.backend).reachable && model.retry_load_at <= now;
}

}  // namespace stoker::scheduler
