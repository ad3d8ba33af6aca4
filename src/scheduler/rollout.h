// One possible future: the scheduler's own code, played forward on a copy of its state.
//
// Purpose: what will happen to everybody who waits; the base of times, previews and look-ahead. What is shown and what is
//   done cannot disagree, because both come from the same decisions.
// Threading: pure. Cost: one copy of the state and one decision per expected event.
// Limits: plays at most to `horizon`; kRolloutEventsMax events. Whoever waits longer than the patience leaves.
// Method: mean work under the device's contention, mean load times, people who read, think and come back as they did
//   before. Futures differ in when people come back and with what; the draws of n samples lie an n-th of
//   the distribution apart, from a counter-based hash on: the same state gives the same futures.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "scheduler/decision.h"
#include "scheduler/event.h"
#include "scheduler/state.h"

namespace stoker::scheduler {

inline constexpr std::size_t kRolloutEventsMax = 20'000;

// What a future showed of one job that was open when it began.
struct SeenJob {
  Instant step_ends;        // of the step that was current at the beginning
  Instant ends;             // of the whole chain
  Duration loading;         // of the time until its step started, so much went into loading
  std::uint32_t ahead = 0;  // jobs of the same backend whose step started before
  bool ended = false;       // within the horizon
};

struct RolloutOptions {
  std::uint32_t sample = 0;
  std::uint32_t samples = 1;
  Duration horizon = minutes(25);
  bool people_come_back = true;
  std::optional<JobId> until;     // stop when the current step of this job has ended
  std::optional<WantedSet> wish;  // something the leader or operator may do first
};

struct Rollout {
  std::unordered_map<JobId, SeenJob> jobs;         // that were open at the beginning and started
  std::vector<std::pair<ModelId, Instant>> loads;  // ready at, in order
  std::vector<ModelId> unloads;                    // in order
};

Rollout play_forward(const State& state, Instant now, const RolloutOptions& options);

}  // namespace stoker::scheduler
