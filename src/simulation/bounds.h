// What no schedule of a scenario can beat, computed from all its draws (docs/reference/bounds.md).
//
// Purpose: the yardstick beside the baselines: how much of what is possible a policy reaches.
// Threading: pure functions of a constant scenario.
// Validity: bounds hold for the exact physics of the simulation format. The world rounds every event to whole
//   microseconds, so times may be beaten by some microseconds a step; counts allow for that. Each structure says for
//   which runs it holds and what it leaves out; leaving out can only make a bound weaker, never wrong.
// Limits: time grows with ideas and models; the label lists and cut points have limits, beyond which bounds get weaker.
// Errors: none.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "simulation/scenario.h"

namespace stoker::simulation {

// Upper bounds on finished ideas. Hold for EVERY run, whatever it refuses or lets fail.
//
// A participant completes ideas in order; any of them may be dropped, which costs nothing but the thinking after it.
// Completed ones take at least their work at the fastest rate that the contention numbers allow, plus reading, and no
// step ends before the first load of its model could have (from time 0). The next idea begins at the earliest moment
// of a phase that the rules could give, offsets of later phases left out.
// `people` counts that alone: everybody has the device to himself. `at_most` prices device time besides: during the
// phases the work of both kinds stays inside what the fastest mix of running steps does in that time. Work of an idea
// that began in a phase and ends after it is free (at most one idea of each participant and phase). It is the dual of
// the linear program over service modes, minimised over the two prices; every price gives a valid bound. Left out:
// loads after the first of each model, memory beyond "can a text and a generation model run side by side", patience,
// incidents, slots of single backends.
struct ResultsBound {
  std::uint64_t people = 0;
  std::uint64_t at_most = 0;  // never more than `people`
};

enum class Until : std::uint8_t { horizon, end };

ResultsBound results_bound(const Scenario& scenario, Until until);

// Earliest first result after the start of the first actual phase. Each step of an idea needs all models of the idea so
// far, loaded one after another (or `loader.parallel` side by side), and then its work; ideas before it may be dropped.
// Missing if nobody can ever finish anything. Contention, memory and other people are left out.
struct FirstResultBound {
  std::optional<double> warm_s;  // EVERY run: loads may begin at time 0
  std::optional<double> cold_s;  // runs that start no load before the first step is released
};

FirstResultBound first_result_bound(const Scenario& scenario);

// Lower bounds on loads. Hold for runs in which NOBODY FAILS (no step is refused or given up out of patience).
//
// Then some steps must happen whatever is decided, each between its earliest release and its latest end: those of the
// first ideas, and of later ones as long as they certainly begin. A participant counts up to the first step that he may
// withdraw. Failed, aborted and external events are left out: they only add loads.
struct LoadBound {
  std::uint64_t loads = 0;
  MiB memory;
  double load_s = 0;
};

struct LoadBounds {
  // Each model that is needed at some time and not in memory at 0.
  LoadBound first;
  // Disjoint windows, chosen by dynamic programming: a step whose time lies inside a window runs in it, and at its
  // begin no more models can be in memory than fit; the rest is loaded inside it. Each number has its own windows and is
  // never below `first`.
  LoadBound windows;
};

LoadBounds load_bounds(const Scenario& scenario);

// Lower bounds for open traces: everybody has one idea of one step, so nobody's arrival depends on the service. Hold for
// runs in which EVERY idea gets its result.
//
// Makespan: the maximum of: what arrives late still has to be worked off; loads and then work as a two-stage flow
// shop (Johnson's order); loads plus work, where no two models fit together. Flows: one preemptive server as fast as
// the fastest mix, shortest remaining work first for the sum, earliest arrival first for the maximum; a step arrives
// when its model's first load could be over. Loads are left out of the flows otherwise.
struct OpenTraceBound {
  double makespan_s = 0;
  double flow_sum_s = 0;
  double flow_max_s = 0;
};

// Missing for closed loops: there nothing about waits holds, since people who wait ask for less.
std::optional<OpenTraceBound> open_trace_bound(const Scenario& scenario);

struct Bounds {
  ResultsBound results_by_horizon;
  ResultsBound results;
  FirstResultBound first_result;
  LoadBounds loads;
  std::optional<OpenTraceBound> open;
};

Bounds bounds_of(const Scenario& scenario);

}  // namespace stoker::simulation
