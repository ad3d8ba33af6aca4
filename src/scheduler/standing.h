// What focus, pins and plans make of each model: focus or not, home, misfit, and how much memory always stays taken.
//
// Purpose: worked out once when one of them changes, so that decisions only look it up.
// Threading: part of Scheduler. Cost: O(models × (workshops + focus)).
#pragma once

#include "scheduler/state.h"

namespace stoker::scheduler {

// After devices, backends, models, workshops, groups or plans changed.
void refresh_standing(State& state);

}  // namespace stoker::scheduler
