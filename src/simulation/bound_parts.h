// What bounds.h is computed from: how fast a device can be at best, and when things can happen at the earliest.
//
// Purpose: shared by bounds*.cc; nobody else includes it.
// Threading: values and pure functions. Ownership: scenarios are lent. Errors: none.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "simulation/scenario.h"

namespace stoker::simulation {

// What one second of work of each kind costs, by kind_index.
using Prices = std::array<double, 2>;

// Work per second that the device can do, for every mix of running steps.
class Capacity {
 public:
  explicit Capacity(const Scenario& scenario);

  // The most that one second of the device is worth: no mix of steps earns more.
  double worth(const Prices& prices) const;
  // Progress per second of a single step at best; 0 where no such step can run.
  double fastest(StepKind kind) const { return fastest_[kind_index(kind)]; }
  // The sides of the region of possible work, as prices at which one second is worth 1: work fits into a time if it is
  // worth no more than that time at any of them.
  std::vector<Prices> sides() const;

 private:
  std::vector<std::array<double, 2>> mixes_;  // total progress per second of each kind
  std::array<double, 2> fastest_{};
};

// The least time a step can run.
Duration shortest_run(const Capacity& capacity, const ModelFacts& model, const StepDraw& draw);

// How long a step may take from its release.
Duration limit_of(const Setting& setting, const StepDraw& draw);

// Whether the participant may leave this step by choice.
bool may_withdraw(const Setting& setting, const StepDraw& draw);

// The end of the first load of each model, if it began at 0; 0 for those in memory.
std::vector<Duration> first_ready(const Setting& setting);

// The parts of the actual phases in which ideas can begin: those before the horizon.
std::vector<Phase> working_phases(const Scenario& scenario);

// The first moment of a phase from `at` on.
std::optional<Instant> earliest_begin(const std::vector<Phase>& phases, Instant at);

// Missing if the participant never begins.
std::optional<Instant> first_begin(const Scenario& scenario, const Person& person);

}  // namespace stoker::simulation
