// Hard constraints: what must hold, as small named functions. Soft preferences live in victims.h and loader.h.
//
// Purpose: one place for "may this happen at all", for the planner, for admission and for what pages show.
// Threading: pure functions of the state.
#pragma once

#include "scheduler/state.h"

namespace stoker::scheduler {

// What models may hold on a device in all: its memory less the reserve and less what others hold.
MiB capacity(const DeviceEntry& device);

// What models hold now: resident, loading, draining and unloading ones.
MiB held(const State& state, DeviceId device);

MiB room(const DeviceEntry& device);

// How many models must leave the model's backend before it can come, because the backend holds only so many.
std::size_t places_missing(const State& state, const ModelEntry& model);

// Fits without anything being evicted.
bool fits_into_free_room(const State& state, const ModelEntry& model);

// A step of ours uses it right now.
bool is_leased(const ModelEntry& model);

// Whether the workshop (and group) lets its people use the model.
bool in_focus_of(const State& state, WorkshopId workshop, GroupId group, ModelId model);

// Not pinned, its backend can evict it, and no focus model goes for one that is out of focus. Says nothing about leases.
bool may_be_evicted_for(const State& state, const ModelEntry& victim,
                        const ModelEntry& beneficiary);

// Always wanted, and never leaves for a focus model; for any other model.
bool stays_for_focus(const State& state, const ModelEntry& model);
bool stays_for_others(const ModelEntry& model);

// Whether the model can be resident at some time beside all that never leaves for it; with the memory that other programs
// hold now, and as if they held none.
bool can_ever_fit(const State& state, ModelId model);
bool can_fit_without_others(const State& state, ModelId model);

// A workshop is live from its warm-up until its end.
bool is_live(WorkshopState state);

// The workshop's people are served now (a pause holds their place).
bool is_served(const State& state, WorkshopId workshop);

// Does not fit beside the pinned and home models now, with what others hold: it takes turns with the home models.
bool is_guest(const State& state, const ModelEntry& model);

// Nothing stands in the way of a load but memory and the loader.
bool can_be_loaded(const State& state, const ModelEntry& model, Instant now);

}  // namespace stoker::scheduler
