#include "scheduler/victims.h"

#include <algorithm>

#include "scheduler/constraints.h"

namespace stoker::scheduler {
namespace {

// Models that go together: one model, or everything a backend holds.
struct Unit {
  std::vector<ModelId> models;
  MiB size;
  std::int64_t keep = 0;
  std::size_t places = 0;  // that become free at the target's backend
};

// What must become free.
struct Need {
  MiB size;
  std::size_t places = 0;
};

bool has_had_its_quantum(const State& state, const ModelEntry& model) {
  return model.served >= model.load.mean() * state.policy.quantum_loads;
}

bool is_in_scope(const State& state, const ModelEntry& model, VictimScope scope) {
  if (scope == VictimScope::any) return true;
  if (model.home) return false;
  switch (scope) {
    case VictimScope::unwanted:
      return model.waiting.empty() && model.coming == 0 && !is_leased(model);
    case VictimScope::past_quantum:
      return model.waiting.empty() || has_had_its_quantum(state, model);
    case VictimScope::guests:
      return is_guest(state, model);
    case VictimScope::loose:
    case VictimScope::any:
      return true;
  }
  return false;
}

bool is_candidate(const State& state, const ModelEntry& model, const ModelEntry& target,
                  VictimScope scope) {
  if (model.id == target.id || model.residency != ResidencyState::resident) return false;
  return is_in_scope(state, model, scope) && may_be_evicted_for(state, model, target);
}

// What a backend holds and can only drop as a whole is one unit, and goes only if all of it may go.
std::optional<Unit> unit_of_backend(const State& state, const DeviceEntry& device,
                                    BackendId backend, const ModelEntry& target, VictimScope scope,
                                    Instant now) {
  Unit unit;
  for (const ModelId id : device.present) {
    const ModelEntry& model = state.model(id);
    if (model.backend != backend) continue;
    if (!is_candidate(state, model, target, scope)) return std::nullopt;
    unit.models.push_back(id);
    unit.size += model.reserved;
    unit.keep += keep_value(state, model, now);
    unit.places += model.backend == target.backend ? 1 : 0;
  }
  return unit;
}

std::vector<Unit> units_on(const State& state, const DeviceEntry& device, const ModelEntry& target,
                           VictimScope scope, Instant now) {
  std::vector<Unit> units;
  std::vector<BackendId> whole;
  for (const ModelId id : device.present) {
    const ModelEntry& model = state.model(id);
    if (state.backends.at(model.backend).granularity != EvictionGranularity::backend) {
      if (is_candidate(state, model, target, scope)) {
        units.push_back({{id},
                         model.reserved,
                         keep_value(state, model, now),
                         model.backend == target.backend ? std::size_t{1} : 0});
      }
      continue;
    }
    if (std::find(whole.begin(), whole.end(), model.backend) != whole.end()) continue;
    whole.push_back(model.backend);
    if (auto unit = unit_of_backend(state, device, model.backend, target, scope, now))
      units.push_back(std::move(*unit));
  }
  return units;
}

std::vector<ModelId> models_of(const std::vector<Unit>& units,
                               const std::vector<std::size_t>& chosen) {
  std::vector<ModelId> models;
  for (const std::size_t i : chosen) {
    models.insert(models.end(), units[i].models.begin(), units[i].models.end());
  }
  std::sort(models.begin(), models.end());
  return models;
}

std::optional<std::vector<std::size_t>> cheapest_subset(const std::vector<Unit>& units,
                                                        const Need& needed) {
  std::optional<std::uint32_t> best;
  std::int64_t best_keep = 0;
  MiB best_size;
  for (std::uint32_t subset = 1; subset < (1U << units.size()); ++subset) {
    MiB size;
    std::size_t places = 0;
    std::int64_t keep = 0;
    for (std::size_t i = 0; i < units.size(); ++i) {
      if ((subset >> i & 1U) == 0) continue;
      size += units[i].size;
      places += units[i].places;
      keep += units[i].keep;
    }
    if (size < needed.size || places < needed.places) continue;
    if (best && (keep > best_keep || (keep == best_keep && size >= best_size))) continue;
    best = subset;
    best_keep = keep;
    best_size = size;
  }
  if (!best) return std::nullopt;
  std::vector<std::size_t> chosen;
  for (std::size_t i = 0; i < units.size(); ++i) {
    if ((*best >> i & 1U) != 0) chosen.push_back(i);
  }
  return chosen;
}

// Cheapest per MiB first until enough, then the dearest superfluous ones are spared.
std::optional<std::vector<std::size_t>> greedy_subset(const std::vector<Unit>& units,
                                                      const Need& needed) {
  std::vector<std::size_t> order(units.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const auto x = static_cast<double>(units[a].keep) * static_cast<double>(units[b].size.count);
    const auto y = static_cast<double>(units[b].keep) * static_cast<double>(units[a].size.count);
    return x != y ? x < y : a < b;
  });
  std::vector<std::size_t> chosen;
  MiB size;
  std::size_t places = 0;
  for (const std::size_t i : order) {
    const bool frees_what_is_missing = size < needed.size || units[i].places > 0;
    if (size >= needed.size && places >= needed.places) break;
    if (!frees_what_is_missing) continue;
    chosen.push_back(i);
    size += units[i].size;
    places += units[i].places;
  }
  if (size < needed.size || places < needed.places) return std::nullopt;
  std::sort(chosen.begin(), chosen.end(), [&](std::size_t a, std::size_t b) {
    return units[a].keep != units[b].keep ? units[a].keep > units[b].keep : a < b;
  });
  std::erase_if(chosen, [&](std::size_t i) {
    if (size - units[i].size < needed.size || places - units[i].places < needed.places)
      return false;
    size -= units[i].size;
    places -= units[i].places;
    return true;
  });
  return chosen;
}

}  // namespace

std::int64_t heat_q16(const ModelEntry& model, Instant now) {
  const std::int64_t elapsed = std::max<std::int64_t>((now - model.heat_at).us, 0);
  const std::int64_t halvings = elapsed / kHeatHalfLife.us;
  if (halvings >= 40) return 0;
  const std::int64_t halved = model.heat_q16 >> halvings;
  // Linear between two halvings: exact enough and the same on every machine.
  const std::int64_t rest_ms = (elapsed % kHeatHalfLife.us) / 1000;
  return halved - halved / 2 * rest_ms / (kHeatHalfLife.us / 1000);
}

std::int64_t keep_value(const State& state, const ModelEntry& model, Instant now) {
  const Policy& policy = state.policy;
  std::int64_t expected_q16 =
      (policy.keep_per_waiting * static_cast<std::int64_t>(model.waiting.size()) +
       policy.keep_per_coming * static_cast<std::int64_t>(model.coming))
      << 16;
  expected_q16 += heat_q16(model, now);
  // An unused model still costs something to load again.
  constexpr std::int64_t kNeverNothing = 1 << 10;
  return model.load.mean().ms() * (expected_q16 + kNeverNothing) >> 10;
}

std::optional<std::vector<ModelId>> choose_victims(const State& state, const ModelEntry& target,
                                                   VictimScope scope, Instant now) {
  const DeviceEntry& device = state.devices.at(target.device);
  const Need needed{target.vram - room(device), places_missing(state, target)};
  if (needed.size <= MiB{0} && needed.places == 0) return std::vector<ModelId>{};
  const std::vector<Unit> units = units_on(state, device, target, scope, now);
  const auto chosen = units.size() <= kSubsetUnitsMax ? cheapest_subset(units, needed)
                                                      : greedy_subset(units, needed);
  if (!chosen) return std::nullopt;
  return models_of(units, *chosen);
}

}  // namespace stoker::scheduler
