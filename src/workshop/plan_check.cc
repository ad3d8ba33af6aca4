#include "workshop/plan_check.h"

#include <algorithm>

namespace stoker::workshop {
namespace {

// Without `left_out`, no backend has more models than it can hold.
bool every_model_has_a_place(std::span<const PlannedModel> models, ModelId left_out) {
  return std::all_of(models.begin(), models.end(), [&](const PlannedModel& model) {
    if (model.backend_models_max == 0 || model.model == left_out) return true;
    const auto there = std::count_if(models.begin(), models.end(), [&](const PlannedModel& other) {
      return other.backend == model.backend && other.model != left_out;
    });
    return static_cast<std::uint32_t>(there) <= model.backend_models_max;
  });
}

}  // namespace

Budget check_budget(std::span<const PlannedModel> models, MiB capacity) {
  Budget budget{.capacity = capacity};
  for (const PlannedModel& model : models) budget.needed += model.vram;
  const MiB spare = capacity - budget.needed;
  if (spare >= MiB{0} && every_model_has_a_place(models, ModelId{})) {
    const bool is_tight = spare.count * 100 < capacity.count * kTightPercent;
    budget.verdict = is_tight ? Verdict::tight : Verdict::fits;
    return budget;
  }
  budget.verdict = Verdict::misfit;
  std::vector<PlannedModel> candidates;
  for (const PlannedModel& model : models) {
    if (!model.pinned && spare + model.vram >= MiB{0} &&
        every_model_has_a_place(models, model.model))
      candidates.push_back(model);
  }
  std::sort(candidates.begin(), candidates.end(), [](const PlannedModel& a, const PlannedModel& b) {
    return a.vram != b.vram ? a.vram < b.vram : a.model < b.model;
  });
  for (const PlannedModel& model : candidates) budget.ways_out.push_back(model.model);
  return budget;
}

}  // namespace stoker::workshop
