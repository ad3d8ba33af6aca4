// The rehearsal engines of a configuration on their simulated cards, with a probe that looks at the cards.
//
// Purpose: the one place that makes adapters out of a Machine.
// Threading: made before the loop runs; `set_models` and `arrange` on the loop; the probe from any thread.
// Ownership: owns cards, engines and probe; borrows the loop. Outlives the controller.
// Errors: bad_request for a fault that names nothing.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backends/rehearsal/rehearsal_backend.h"
#include "backends/rehearsal/virtual_gpu.h"
#include "base/loop.h"
#include "gpu/probe.h"
#include "server/config/config.h"

namespace stoker::server {

// What shall go wrong on request:
//   load_failed:MODEL  run_failed:MODEL  load_stalled:MODEL  run_stalled:MODEL   the next load or run of that model
//   backend_down:BACKEND[:SECONDS]   from the start on, for so many seconds of planning time or for good
//   foreign_memory:DEVICE:MIB        memory that other programs hold
//   chance:LOADS:RUNS                out of a thousand loads and runs
struct FaultOrder {
  std::string what;
  std::string name;
  std::int64_t first = 0;
  std::optional<std::int64_t> second;
};
std::optional<FaultOrder> parse_fault(std::string_view text);

class RehearsalRig {
 public:
  // `loop` is the planning loop: its time is already scaled.
  RehearsalRig(Loop& loop, const Machine& machine, std::uint64_t seed);
  RehearsalRig(const RehearsalRig&) = delete;
  RehearsalRig& operator=(const RehearsalRig&) = delete;

  Result<void> arrange(const FaultOrder& fault);
  // Another list of models for the engines that are there.
  void set_models(const std::vector<Model>& models);

  std::vector<std::pair<BackendId, Backend*>> backends() const;
  GpuProbe& probe() { return *probe_; }

 private:
  RehearsalBackend* backend_of(std::string_view name) const;
  Result<std::pair<RehearsalBackend*, ModelId>> model_of(std::string_view name) const;
  Result<std::vector<GpuSample>> sample() const;
  Result<void> take_down(const FaultOrder& fault);
  Result<void> hold_memory(const FaultOrder& fault);

  Loop& loop_;
  std::map<std::string, DeviceId, std::less<>> device_names_;
  std::map<std::string, BackendId, std::less<>> backend_names_;
  std::vector<Model> models_;
  std::map<DeviceId, std::unique_ptr<VirtualGpu>> gpus_;
  std::map<BackendId, std::unique_ptr<RehearsalBackend>> backends_;
  std::unique_ptr<GpuProbe> probe_;
};

}  // namespace stoker::server
