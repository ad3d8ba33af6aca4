#include "scheduler/standing.h"

#include <algorithm>
#include <vector>

#include "scheduler/constraints.h"

namespace stoker::scheduler {
namespace {

// Announced and focus text models of live workshops, in the order in which they were named.
std::vector<ModelId> announced_texts(const State& state) {
  std::vector<ModelId> texts;
  const auto add = [&](const std::vector<ModelId>& models) {
    for (const ModelId id : models) {
      const auto model = state.models.find(id);
      if (model == state.models.end() || !model->second.is_text() || model->second.removed)
        continue;
      if (std::find(texts.begin(), texts.end(), id) == texts.end()) texts.push_back(id);
    }
  };
  for (const auto& [id, workshop] : state.workshops) {
    if (workshop.state == WorkshopState::ended) continue;
    add(workshop.announced);
    if (!is_live(workshop.state)) continue;
    add(workshop.focus);
    for (const auto& [group, focus] : workshop.group_focus) add(focus);
  }
  return texts;
}

void find_homes(State& state, const DeviceEntry& device, const std::vector<ModelId>& texts) {
  MiB free = device.vram - device.reserve;
  MiB smallest_generation{INT64_MAX};
  for (auto& [id, model] : state.models) {
    if (model.device != device.id || model.removed) continue;
    if (model.pinned) free -= model.vram;
    if (!model.is_text()) smallest_generation = std::min(smallest_generation, model.vram);
  }
  if (smallest_generation.count == INT64_MAX) smallest_generation = MiB{0};
  for (const ModelId id : texts) {
    ModelEntry& model = state.model(id);
    if (model.device != device.id || model.pinned) continue;
    if (model.vram + smallest_generation > free) continue;
    model.home = true;
    free -= model.vram;
  }
  for (auto& [id, model] : state.models) {
    if (model.device == device.id) model.misfit = !model.pinned && !model.home && model.vram > free;
  }
}

// Part of the focus of a workshop that is live.
bool is_in_a_focus(const State& state, ModelId model) {
  const auto names = [&](const std::vector<ModelId>& focus) {
    return std::find(focus.begin(), focus.end(), model) != focus.end();
  };
  for (const auto& [id, workshop] : state.workshops) {
    if (!is_live(workshop.state)) continue;
    if (names(workshop.focus)) return true;
    for (const auto& [group, focus] : workshop.group_focus) {
      if (names(focus)) return true;
    }
  }
  return false;
}

void sum_up(State& state, DeviceEntry& device) {
  device.homes.clear();
  device.kept = MiB{0};
  device.stays_for_focus = MiB{0};
  device.stays_for_others = MiB{0};
  for (const auto& [id, model] : state.models) {
    if (model.device != device.id) continue;
    if (model.home || model.pinned) {
      device.homes.push_back(id);
      device.kept += model.vram;
    }
    if (stays_for_focus(state, model)) device.stays_for_focus += model.vram;
    if (stays_for_others(model)) device.stays_for_others += model.vram;
  }
}

}  // namespace

void refresh_standing(State& state) {
  state.look_for_stranded = true;
  for (auto& [id, model] : state.models) {
    model.home = false;
    model.focus = is_in_a_focus(state, id);
  }
  const std::vector<ModelId> texts = announced_texts(state);
  for (auto& [id, device] : state.devices) {
    find_homes(state, device, texts);
    sum_up(state, device);
  }
}

}  // namespace stoker::scheduler
