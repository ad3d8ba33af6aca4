// Which models are loaded and unloaded: loads beside work, gates, switches, warm-up.
//
// Purpose: rules 3 to 8 of the policy in their simple form (docs/adr/0011): load into free room at once, over idle
//   models at once, otherwise open a gate, let the victims finish what was there up to a quantum, then switch.
// Threading: part of Scheduler; changes the state it is given and appends decisions.
// Cost: O(models^2) per call in the worst case, and the subsets of victims.h when something must go.
#pragma once

#include <optional>
#include <vector>

#include "scheduler/decision.h"
#include "scheduler/state.h"

namespace stoker::scheduler {

// A gate admits new work of the victims for this multiple of the load times it will cost.
inline constexpr std::int64_t kGateQuantumFactor = 3;
// A blocked model that was passed over this often goes first.
inline constexpr std::uint32_t kSkipsMax = 2;
inline constexpr std::uint32_t kLoadFailuresMax = 3;
inline constexpr Duration kUnloadRetryPause = seconds(10);

// Decides at most one new load or switch per device and call.
void plan_residency(State& state, Instant now, std::vector<Decision>& out);

// Gives up gates and switches that mention the model, for example because its backend went away.
void forget_plans_with(State& state, ModelId model);

// A victim could not be unloaded: its switch is given up, and the target waits before it is tried again.
void give_up_switch_over(State& state, ModelId victim, Instant now);

// The next instant at which a failed load may be tried again and somebody wants it.
std::optional<Instant> next_load_retry(const State& state, Instant now);

}  // namespace stoker::scheduler
