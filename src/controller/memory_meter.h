// What the cards say, read off the loop, one reading at a time.
//
// Purpose: the one place that asks the probe: once a second, and before and after each load and unload.
// Threading: loop; the probe itself runs through Loop::offload. Ownership: borrows loop and probe.
// Limits: calls that come while a reading is under way share the next one; the history is bounded (gpu/history.h).
// Errors: without a probe, and while it fails, nothing is known: `used_by` is empty, `ok` is false; the last values stay
//   as old ones.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/loop.h"
#include "gpu/history.h"
#include "gpu/probe.h"

namespace stoker::controller {

class MemoryMeter {
 public:
  // `on_reading` is told after each reading, before those who asked for it.
  MemoryMeter(Loop& loop, GpuProbe* probe, std::function<void()> on_reading);

  // A reading that begins after this call; `done` comes on the loop, never inside the call.
  void read(gpu::HistoryMark mark, std::move_only_function<void()> done);

  bool has_probe() const { return probe_ != nullptr; }
  // The last reading gave this device's numbers.
  bool ok(DeviceId device) const;
  // Why not, in words for operators.
  std::string trouble(DeviceId device) const;
  const std::map<DeviceId, GpuSample>& latest() const { return latest_; }
  // Over all devices; none while the last reading is not good.
  std::optional<MiB> used_by(BackendId backend) const;
  const gpu::GpuHistory& history() const { return history_; }

 private:
  void begin();
  void take(Result<std::vector<GpuSample>> reading, gpu::HistoryMark mark);

  Loop& loop_;
  GpuProbe* probe_;
  std::function<void()> on_reading_;
  bool reading_ = false;
  std::vector<std::move_only_function<void()>> asked_;  // wait for a reading to begin
  gpu::HistoryMark asked_mark_ = gpu::HistoryMark::regular;
  std::map<DeviceId, GpuSample> latest_;  // good ones
  std::optional<Error> failed_;           // the last reading as a whole
  std::map<DeviceId, Error> troubles_;    // of the last reading
  gpu::GpuHistory history_;
};

}  // namespace stoker::controller
