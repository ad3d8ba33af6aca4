// What the announced phases say about an instant.
#pragma once

#include <optional>
#include <vector>

#include "scheduler/state.h"

namespace stoker::scheduler {

// Announced work is on, or begins within `lead`.
bool phase_is_near(const State& state, Instant now, Duration lead);

// Models to have ready before the next announced start, in order; empty outside the time for it.
std::vector<ModelId> models_to_warm_up(const State& state, DeviceId device, Instant now);

// Outside planned work, which is taken to begin and to end by `edge` earlier; true without any plan.
bool is_between_phases(const State& state, Instant now, Duration edge);

// When somebody whose pause ends at `t` begins, if the plan holds; nullopt: no phase is left.
std::optional<Instant> next_working_time(const State& state, WorkshopId workshop, Instant t);

// The next instant at which one of the answers above changes, for the leads and edges of the policy; nullopt: never.
std::optional<Instant> next_phase_moment(const State& state, Instant now);

}  // namespace stoker::scheduler
