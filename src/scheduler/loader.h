// What is loaded next, and what goes for it: the rules of residency in the order in which they apply.
//
// Purpose: one exchange at a time and device, and as many loads as it takes side by side, each with its cause;
//   docs/adr/0012 has the reasons and numbers.
//   0 idle models give way to memory that others hold · 1 home models come back
//   2 announced models before a planned start · 3 the guarantee: who waited too long goes next
//   4 into free room · 5 over models that nobody wants · 6 when nobody waits for the victims (an exhaustive visit)
//   7 visits to models that do not fit beside the home models · 8 lists of the operator and the leader
// Threading: part of Scheduler; changes the state it is given and appends decisions.
// Cost: O(models that are present or demanded), and the subsets of victims.h when something must go.
#pragma once

#include <optional>
#include <vector>

#include "scheduler/decision.h"
#include "scheduler/state.h"

namespace stoker::scheduler {

inline constexpr std::uint32_t kLoadFailuresMax = 3;
// Blocked models that rules 6 and 7 look at, by urgency.
inline constexpr std::size_t kOptionsMax = 4;

// Decides loads and exchanges on every device.
void plan_residency(State& state, Instant now, std::vector<Decision>& out);

// When time alone changes what the plan asks for; nullopt: never.
std::optional<Instant> next_planned_moment(const State& state, Instant now);

}  // namespace stoker::scheduler
