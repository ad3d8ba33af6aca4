// Does a plan fit on the device? Answered before the day, from the sizes that planning uses.
//
// Purpose: the budget of a set of focus models beside what is pinned, the verdict, and the ways out of a misfit.
// Threading: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "domain/ids.h"

namespace stoker::workshop {

// Less than this share of the capacity free: tight.
inline constexpr std::int64_t kTightPercent = 8;

enum class Verdict : std::uint8_t { fits, tight, misfit };

struct PlannedModel {
  ModelId model;
  MiB vram;
  bool pinned = false;
  BackendId backend = {};
  std::uint32_t backend_models_max =
      0;  // that its backend holds at the same time, 0: as many as fit
};

struct Budget {
  Verdict verdict = Verdict::fits;
  MiB needed;
  MiB capacity;
  std::vector<ModelId>
      ways_out;  // leaving out this one model makes the plan fit; smallest loss first
};

Budget check_budget(std::span<const PlannedModel> models, MiB capacity);

}  // namespace stoker::workshop
