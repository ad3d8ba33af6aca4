#include "scheduler/planned_phases.h"

#include <algorithm>

namespace stoker::scheduler {
namespace {

// Loads may still begin so long after an announced start: nobody has come to the first model yet.
constexpr Duration kWarmUpGrace = seconds(5);
// People begin this long after an announced start on average.
constexpr Duration kPhaseStartSpread = seconds(30);

// Home models first, then what was announced.
std::vector<ModelId> announced_on(const State& state, const WorkshopEntry& workshop,
                                  DeviceId device) {
  std::vector<ModelId> models;
  const auto add = [&](ModelId id) {
    if (std::find(models.begin(), models.end(), id) == models.end()) models.push_back(id);
  };
  for (const ModelId id : workshop.announced) {
    const auto model = state.models.find(id);
    if (model == state.models.end() || model->second.device != device) continue;
    if (model->second.pinned || model->second.home) add(id);
  }
  for (const ModelId id : workshop.announced) {
    const auto model = state.models.find(id);
    if (model != state.models.end() && model->second.device == device) add(id);
  }
  return models;
}

// A quick no for nearly all of the day: no announced start is near enough for any order of the models.
bool no_start_is_near(const State& state, const WorkshopEntry& workshop, Instant now) {
  if (workshop.phases.empty() || workshop.state == WorkshopState::ended) return true;
  Duration lead_max = state.policy.warm_up_margin;
  for (const ModelId id : workshop.announced) {
    const auto model = state.models.find(id);
    if (model != state.models.end()) lead_max += model->second.load.mean();
  }
  return std::none_of(workshop.phases.begin(), workshop.phases.end(),
                      [&](const PlannedPhase& phase) {
                        return phase.start - lead_max <= now && now < phase.start + kWarmUpGrace;
                      });
}

Instant warm_up_begins(const State& state, const std::vector<ModelId>& models, Instant start) {
  Duration lead = state.policy.warm_up_margin;
  for (const ModelId id : models) lead += state.model(id).load.mean();
  return start - lead;
}

template <class What>
void each_phase(const State& state, What what) {
  for (const auto& [id, workshop] : state.workshops) {
    if (workshop.state == WorkshopState::ended) continue;
    for (const PlannedPhase& phase : workshop.phases) what(workshop, phase);
  }
}

}  // namespace

bool phase_is_near(const State& state, Instant now, Duration lead) {
  bool near = false;
  each_phase(state, [&](const WorkshopEntry&, const PlannedPhase& phase) {
    near = near || (phase.start - lead <= now && now < phase.end);
  });
  return near;
}

std::vector<ModelId> models_to_warm_up(const State& state, DeviceId device, Instant now) {
  for (const auto& [id, workshop] : state.workshops) {
    if (no_start_is_near(state, workshop, now)) continue;
    std::vector<ModelId> models = announced_on(state, workshop, device);
    for (const PlannedPhase& phase : workshop.phases) {
      const bool is_time =
          warm_up_begins(state, models, phase.start) <= now && now < phase.start + kWarmUpGrace;
      if (is_time) return models;
    }
  }
  return {};
}

bool is_between_phases(const State& state, Instant now, Duration edge) {
  bool between = true;
  each_phase(state, [&](const WorkshopEntry&, const PlannedPhase& phase) {
    between = between && (now < phase.start - edge || phase.end - edge <= now);
  });
  return between;
}

std::optional<Instant> next_working_time(const State& state, WorkshopId id, Instant t) {
  const auto workshop = state.workshops.find(id);
  if (workshop == state.workshops.end() || workshop->second.phases.empty()) return t;
  for (const PlannedPhase& phase : workshop->second.phases) {
    if (t < phase.start) return phase.start + kPhaseStartSpread;
    if (t < phase.end) return t;
  }
  return std::nullopt;
}

std::optional<Instant> next_phase_moment(const State& state, Instant now) {
  std::optional<Instant> next;
  const auto consider = [&](Instant at) {
    if (at > now && (!next || at < *next)) next = at;
  };
  const Policy& policy = state.policy;
  each_phase(state, [&](const WorkshopEntry& workshop, const PlannedPhase& phase) {
    for (const auto& [device, entry] : state.devices) {
      consider(warm_up_begins(state, announced_on(state, workshop, device), phase.start));
    }
    consider(phase.start - policy.home_lead);
    consider(phase.end - policy.visit_edge);
    consider(phase.end);
  });
  return next;
}

}  // namespace stoker::scheduler
