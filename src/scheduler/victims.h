// Which models make room for another one.
//
// Purpose: rule 7 of the policy: the set with the smallest sum of keep values that frees enough.
// Threading: pure functions. Cost: at most 2^kSubsetUnitsMax subsets, greedy beyond that.
// Source: weighted caching with sizes (Young 2002, Landlord); few candidates, so that exact search is cheap.
#pragma once

#include <optional>
#include <vector>

#include "scheduler/state.h"

namespace stoker::scheduler {

inline constexpr std::size_t kSubsetUnitsMax = 12;
inline constexpr Duration kHeatHalfLife = seconds(208);  // a decay constant of 300 s

// Only models without leases and without admitted waiting jobs, or any that may be evicted.
enum class VictimScope : std::uint8_t { idle_only, any };

// What it would cost to have it gone: load time times the requests expected for it.
std::int64_t keep_value(const State& state, const ModelEntry& model, Instant now);

// Requests in the recent past, decayed to `now`, 16 fractional bits.
std::int64_t heat_q16(const ModelEntry& model, Instant now);

// The victims that let `target` in, in order of id; nullopt: not possible within the scope.
std::optional<std::vector<ModelId>> choose_victims(const State& state, ModelId target,
                                                   VictimScope scope, Instant now);

}  // namespace stoker::scheduler
