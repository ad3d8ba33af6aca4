// Whether a submitted job may enter the queue: limits, focus and fit, checked once, at the door of the scheduler.
#pragma once

#include <cstdint>
#include <optional>

#include "base/error.h"
#include "scheduler/event.h"
#include "scheduler/state.h"

namespace stoker::scheduler {

struct Refusal {
  ErrorCode code = ErrorCode::internal;
  std::int64_t limit = 0;
};

// nullopt: admitted. Order of the checks: known, workshop, focus, backend, fit, limits.
std::optional<Refusal> refusal_of(const State& state, const JobSubmitted& job);

// The same for a step that was added to an idea in progress; limits of the queue do not apply to it.
std::optional<Refusal> refusal_of_step(const State& state, const JobEntry& job);

}  // namespace stoker::scheduler
