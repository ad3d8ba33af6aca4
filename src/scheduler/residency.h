// Carries out loads and exchanges of models; what to load is decided in loader.h.
//
// Purpose: a load reserves its memory at once; an exchange drains its victims, unloads them, and then loads its target.
// Threading: part of Scheduler; changes the state it is given and appends decisions.
#pragma once

#include <optional>
#include <vector>

#include "scheduler/decision.h"
#include "scheduler/state.h"

namespace stoker::scheduler {

inline constexpr Duration kUnloadRetryPause = seconds(10);

void start_load(State& state, ModelId model, const Cause& cause, Instant now,
                std::vector<Decision>& out);

// Decides an exchange and carries out what is possible at once. Without victims it is a load.
void begin_switch(State& state, DeviceEntry& device, ModelId target, std::vector<ModelId> victims,
                  const Cause& cause, Instant now, std::vector<Decision>& out);

// Unloads idle victims, and loads the target once there is room. True while the exchange is under way.
bool advance_switch(State& state, DeviceEntry& device, Instant now, std::vector<Decision>& out);

// Gives up the exchange that is for the model, for example because its backend went away.
void forget_plans_with(State& state, ModelId model, Instant now);

// A victim could not be unloaded: its switch is given up, and the target waits before it is tried again.
void give_up_switch_over(State& state, ModelId victim, Instant now);

// A model on a list of the operator or leader.
bool is_wanted(const State& state, ModelId model);

// The next instant at which a failed load may be tried again and somebody wants it.
std::optional<Instant> next_load_retry(const State& state, Instant now);

}  // namespace stoker::scheduler
