// What shall go wrong at a rehearsal engine: planned for a model, or by chance.
//
// Purpose: leaders and tests see how the workshop copes before real children wait. Used up one by
//   one.
// Threading: on the loop.
// Limits: one planned fault of each kind per model; a new one replaces the old one.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>

#include "base/random.h"
#include "domain/ids.h"

namespace stoker {

enum class FaultKind : std::uint8_t {
  fail,   // ends with an error at the given fraction of its time
  stall,  // makes no progress any more from the given fraction on; only its deadline ends it
};

struct PlannedFault {
  FaultKind kind = FaultKind::fail;
  double at_fraction = 1.0;  // 0 at once, 1 at the end
};

class RehearsalFaults {
 public:
  explicit RehearsalFaults(std::uint64_t seed) : random_(seed) {}

  void break_next_load(ModelId model, PlannedFault fault) { loads_[model] = cut(fault); }
  void break_next_run(ModelId model, PlannedFault fault) { runs_[model] = cut(fault); }
  // Out of a thousand; each load and each run draws anew.
  void break_by_chance(std::uint32_t loads_permille, std::uint32_t runs_permille) {
    loads_permille_ = std::min(loads_permille, 1000U);
    runs_permille_ = std::min(runs_permille, 1000U);
  }
  void clear() {
    loads_.clear();
    runs_.clear();
    break_by_chance(0, 0);
  }

  // The fault of the load or run that starts now, if any.
  std::optional<PlannedFault> take_for_load(ModelId model) {
    return take(loads_, model, loads_permille_);
  }
  std::optional<PlannedFault> take_for_run(ModelId model) {
    return take(runs_, model, runs_permille_);
  }

 private:
  using Plan = std::map<ModelId, PlannedFault>;

  static PlannedFault cut(PlannedFault fault) {
    fault.at_fraction = std::clamp(fault.at_fraction, 0.0, 1.0);
    return fault;
  }

  std::optional<PlannedFault> take(Plan& plan, ModelId model, std::uint32_t permille) {
    if (const auto found = plan.find(model); found != plan.end()) {
      const PlannedFault fault = found->second;
      plan.erase(found);
      return fault;
    }
    if (permille == 0 || random_.below(1000) >= permille) return std::nullopt;
    return PlannedFault{FaultKind::fail, random_.unit()};
  }

  Random random_;
  Plan loads_;
  Plan runs_;
  std::uint32_t loads_permille_ = 0;
  std::uint32_t runs_permille_ = 0;
};

}  // namespace stoker
