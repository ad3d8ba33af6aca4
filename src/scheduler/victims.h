// Which models make room for another one.
//
// Purpose: the set with the smallest sum of keep values that frees enough.
// Threading: pure functions. Cost: at most 2^kSubsetUnitsMax subsets, greedy by keep value per MiB beyond that.
// Source: weighted caching with sizes (Young 2002, Landlord); few candidates, so that exact search is cheap.
#pragma once

#include <optional>
#include <vector>

#include "scheduler/state.h"

namespace stoker::scheduler {

inline constexpr std::size_t kSubsetUnitsMax = 8;
inline constexpr Duration kHeatHalfLife = seconds(208);  // a decay constant of 300 s

// Who may go. Never: what is pinned, what its backend cannot evict, a focus model for one out of focus.
enum class VictimScope : std::uint8_t {
  unwanted,      // nobody waits for it, will need it or uses it
  past_quantum,  // not a home model; without waiting steps, or served for its quantum
  guests,        // models that do not fit beside the home models
  loose,         // everything but home models
  any,           // home models too
};

// What it would cost to have it gone: load time times the requests expected for it.
std::int64_t keep_value(const State& state, const ModelEntry& model, Instant now);

// Requests in the recent past, decayed to `now`, 16 fractional bits.
std::int64_t heat_q16(const ModelEntry& model, Instant now);

// The victims that let `target` in, in order of id; nullopt: not possible within the scope.
std::optional<std::vector<ModelId>> choose_victims(const State& state, const ModelEntry& target,
                                                   VictimScope scope, Instant now);

}  // namespace stoker::scheduler
