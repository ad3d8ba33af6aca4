// All engines of a configuration, rehearsed and real, with a probe that looks at all their cards.
//
// Purpose: the one place that makes backends out of a Machine.
//   Engines that an earlier life of the server left behind are ended before any of its own starts.
// Threading: made before the loop runs, and blocks while left-over engines end; everything else on the loop; the probe from any thread, one caller at a time.
// Ownership: owns adapters, processes' keepers and probes; borrows loop and network. Outlives the controller.
// Errors: bad_request (a key that cannot be read, a card of a kind that is not there is the probe's to tell).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backends/backend.h"
#include "base/loop.h"
#include "gpu/owners/process_owners.h"
#include "gpu/probe.h"
#include "net/network.h"
#include "server/adapters.h"
#include "server/config/config.h"
#include "server/rehearsal_rig.h"

namespace stoker::server {

struct RigPlace {
  Loop& loop;
  net::Network& network;
  std::string data;  // for pid files and logs of engines that Stoker starts
  std::uint64_t seed = 1;
  std::function<void(std::string_view event, std::string_view fields)> log = {};
};

class EngineRig {
 public:
  static Result<std::unique_ptr<EngineRig>> make(const RigPlace& place, const Machine& machine);
  ~EngineRig();
  EngineRig(const EngineRig&) = delete;
  EngineRig& operator=(const EngineRig&) = delete;

  // Faults of rehearsals.
  Result<void> arrange(const FaultOrder& fault) { return rehearsal_.arrange(fault); }
  // Another list of models for the engines that are there.
  void set_models(const std::vector<Model>& models, const std::vector<EngineModel>& engine_models);

  std::vector<std::pair<BackendId, Backend*>> backends() const;
  GpuProbe& probe();

  // Stops the engines that Stoker started; `done` comes when they are gone, or after `wait_max`.
  void shutdown(Duration wait_max, std::move_only_function<void()> done);

 private:
  class JoinedProbe;
  struct Real;

  EngineRig(const RigPlace& place, const Machine& machine);
  Result<void> add(const RigPlace& place, const Machine& machine, const EngineSetup& engine,
                   const std::string& salt);
  Result<void> manage(const RigPlace& place, const EngineSetup& engine,
                      const std::vector<EngineModel>& models, Real& real);

  RehearsalRig rehearsal_;
  gpu::ProcessOwners owners_;
  std::map<BackendId, std::unique_ptr<Real>> real_;
  std::unique_ptr<GpuProbe> probe_;
};

}  // namespace stoker::server
