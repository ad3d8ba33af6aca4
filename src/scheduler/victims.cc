#include "scheduler/victims.h"

#include <algorithm>
#include <map>

#include "scheduler/constraints.h"

namespace stoker::scheduler {
namespace {

// Models that go together: one model, or everything a backend holds.
struct Unit {
  std::vector<ModelId> models;
  MiB size;
  std::int64_t keep = 0;
};

bool is_idle(const State& state, const ModelEntry& model) {
  return !is_leased(model) && first_admitted(state, model) == nullptr;
}

bool is_candidate(const State& state, const ModelEntry& model, const ModelEntry& target,
                  VictimScope scope) {
  if (model.id == target.id || model.residency != ResidencyState::resident) return false;
  if (!may_be_evicted_for(state, model, target)) return false;
  return scope == VictimScope::any || is_idle(state, model);
}

std::vector<Unit> units_on(const State& state, DeviceId device, const ModelEntry& target,
                           VictimScope scope, Instant now) {
  std::map<BackendId, std::vector<const ModelEntry*>> held_by;
  for (const auto& [id, model] : state.models) {
    if (model.residency == ResidencyState::cold || state.device_of(id) != device) continue;
    held_by[model.backend].push_back(&model);
  }
  std::vector<Unit> units;
  for (const auto& [backend, models] : held_by) {
    const bool together = state.backends.at(backend).granularity == EvictionGranularity::backend;
    const auto candidate = [&](const ModelEntry* m) {
      return is_candidate(state, *m, target, scope);
    };
    if (together) {
      if (!std::all_of(models.begin(), models.end(), candidate)) continue;
      Unit unit;
      for (const ModelEntry* m : models) {
        unit.models.push_back(m->id);
        unit.size += m->reserved;
        unit.keep += keep_value(state, *m, now);
      }
      units.push_back(std::move(unit));
      continue;
    }
    for (const ModelEntry* m : models) {
      if (candidate(m)) units.push_back({{m->id}, m->reserved, keep_value(state, *m, now)});
    }
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
                                                        MiB needed) {
  std::optional<std::uint32_t> best;
  std::int64_t best_keep = 0;
  MiB best_size;
  for (std::uint32_t subset = 1; subset < (1U << units.size()); ++subset) {
    MiB size;
    std::int64_t keep = 0;
    for (std::size_t i = 0; i < units.size(); ++i) {
      if ((subset >> i & 1U) == 0) continue;
      size += units[i].size;
      keep += units[i].keep;
    }
    if (size < needed) continue;
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
std::optional<std::vector<std::size_t>> greedy_subset(const std::vector<Unit>& units, MiB needed) {
  std::vector<std::size_t> order(units.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const auto x = static_cast<double>(units[a].keep) * static_cast<double>(units[b].size.count);
    const auto y = static_cast<double>(units[b].keep) * static_cast<double>(units[a].size.count);
    return x != y ? x < y : a < b;
  });
  std::vector<std::size_t> chosen;
  MiB size;
  for (const std::size_t i : order) {
    if (size >= needed) break;
    chosen.push_back(i);
    size += units[i].size;
  }
  if (size < needed) return std::nullopt;
  std::sort(chosen.begin(), chosen.end(), [&](std::size_t a, std::size_t b) {
    return units[a].keep != units[b].keep ? units[a].keep > units[b].keep : a < b;
  });
  std::erase_if(chosen, [&](std::size_t i) {
    if (size - units[i].size < needed) return false;
    size -= units[i].size;
    return true;
  });
  return chosen;
}

}  // namespace

std::int64_t heat_q16(const ModelEntry& model, Instant now) {
  const std::int64_t elapsed = (now - model.heat_at).us;
  const std::int64_t halvings = elapsed / kHeatHalfLife.us;
  if (halvings >= 40) return 0;
  const std::int64_t halved = model.heat_q16 >> halvings;
  // Linear between two halvings: exact enough and the same on every machine.
  const std::int64_t rest_ms = (elapsed % kHeatHalfLife.us) / 1000;
  return halved - halved / 2 * rest_ms / (kHeatHalfLife.us / 1000);
}

std::int64_t keep_value(const State& state, const ModelEntry& model, Instant now) {
  std::int64_t expected_q16 = (static_cast<std::int64_t>(model.waiting.size()) + model.running)
                              << 16;
  for (const auto& [id, workshop] : state.workshops) {
    if (is_live(workshop.state) && !workshop.focus.empty() &&
        in_focus_of(state, id, GroupId{}, model.id)) {
      expected_q16 += static_cast<std::int64_t>(workshop.head_count) << 16;
    }
  }
  expected_q16 += heat_q16(model, now);
  constexpr std::int64_t kNeverNothing =
      1 << 10;  // an unused model still costs something to load again
  return model.load.mean().ms() * (expected_q16 + kNeverNothing) >> 10;
}

std::optional<std::vector<ModelId>> choose_victims(const State& state, ModelId target_id,
                                                   VictimScope scope, Instant now) {
  const ModelEntry& target = state.model(target_id);
  const DeviceId device = state.device_of(target_id);
  const MiB needed = target.vram - room(state, device);
  if (needed <= MiB{0}) return std::vector<ModelId>{};
  const std::vector<Unit> units = units_on(state, device, target, scope, now);
  const auto chosen = units.size() <= kSubsetUnitsMax ? cheapest_subset(units, needed)
                                                      : greedy_subset(units, needed);
  if (!chosen) return std::nullopt;
  return models_of(units, *chosen);
}

}  // namespace stoker::scheduler
