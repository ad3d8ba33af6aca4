// What plays a workshop: told about everything that happens, asked once for each instant.
//
// Purpose: the port between the world and a way to run it. The product's scheduler is one of them, the baselines are
//   the others.
// Order: all hooks of an instant come first, then one decide().
// Threading: one thread; a policy belongs to one run.
// Limits: inside hooks a policy may only quote, ask for a wake-up, abort a load and write notes; it starts, loads,
//   evicts and refuses in decide(). Anything else is a broken invariant.
// Determinism: the same world gives the same decisions; a policy reads no clock and draws no chance.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "simulation/world.h"

namespace stoker::simulation {

class Policy {
 public:
  virtual ~Policy() = default;

  virtual std::string_view name() const = 0;

  // Before anything happens; the clock shows zero.
  virtual void begin(World&) {}

  virtual void released(World&, const Job&) {}
  // The step has finished; `work` is known from here on.
  virtual void finished(World&, const Job&) {}
  // That was the last step of its idea; comes right after finished().
  virtual void result(World&, const Job&) {}
  // Given up or withdrawn by the participant, or refused by the policy itself: the idea has ended. A step that ran
  // was cancelled first.
  virtual void abandoned(World&, const Job&) {}
  // A running step was lost (`crash`, `external_eviction`) and waits again at its old place.
  virtual void requeued(World&, const Job&, CancelCause) {}

  virtual void loaded(World&, ModelIndex) {}
  // By an incident; the policy's own aborts are not told.
  virtual void load_failed(World&, ModelIndex) {}
  // Somebody else threw the model out; its running steps were requeued before.
  virtual void evicted_externally(World&, ModelIndex) {}
  // Other processes hold another amount than before: world.foreign().
  virtual void foreign_changed(World&) {}

  virtual void decide(World&) = 0;

  // Counters of its own for the report, by name.
  virtual std::vector<std::pair<std::string_view, std::uint64_t>> counts() const { return {}; }
};

}  // namespace stoker::simulation
