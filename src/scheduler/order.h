// Who is served next, and when texts are.
//
// Purpose: the fair order (smallest tag first), deadlines where people give up, and texts in batches beside generation.
// Threading: part of Scheduler.
// Cost: O(present models) per choice; with deadlines O(kTriageMax * (kTriageMax + present models)) more.
// Source: start-time fair queueing (Goyal 1996); Moore-Hodgson (1968) for the largest set of jobs that end in time.
#pragma once

#include <optional>

#include "scheduler/state.h"

namespace stoker::scheduler {

// So many of the first by tag are looked at for their deadlines; behind them the order is by tag alone.
inline constexpr std::size_t kTriageMax = 64;

// The first text step of a backend by tag whose model is resident.
const JobEntry* next_text(const State& state, const BackendEntry& backend);

// The generation step that starts next: by tag among those that can still end in time, unless another of them would
// then miss its deadline; who cannot make it any more comes last. Whose deadline has passed goes by
// tag again, and gets every second start if it is first.
const JobEntry* next_generation(const State& state, const BackendEntry& backend, Instant now);

// Opens and closes the text batch of a device. While it is closed, texts beside generation are held, and
// `text_hold_ends` says until when at most.
void update_text_batch(const State& state, DeviceEntry& device, Instant now);

}  // namespace stoker::scheduler
