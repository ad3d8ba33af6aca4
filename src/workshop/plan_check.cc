#include "workshop/plan_check.h"

#include <algorithm>

namespace stoker::workshop {

Budget check_budget(std::span<const PlannedModel> models, MiB capacity) {
  Budget budget{.capacity = capacity};
  for (const PlannedModel& model : models) budget.needed += model.vram;
  const MiB spare = capacity - budget.needed;
  if (spare >= MiB{0}) {
    const bool is_tight = spare.count * 100 < capacity.count * kTightPercent;
    budget.verdict = is_tight ? Verdict::tight : Verdict::fits;
    return budget;
  }
  budget.verdict = Verdict::misfit;
  std::vector<PlannedModel> candidates;
  for (const PlannedModel& model : models) {
    if (!model.pinned && spare + model.vram >= MiB{0}) candidates.push_back(model);
  }
  std::sort(candidates.begin(), candidates.end(), [](const PlannedModel& a, const PlannedModel& b) {
    return a.vram != b.vram ? a.vram < b.vram : a.model < b.model;
  });
  for (const PlannedModel& model : candidates) budget.ways_out.push_back(model.model);
  return budget;
}

}  // namespace stoker::workshop
