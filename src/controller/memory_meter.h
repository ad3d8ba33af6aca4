// What the cards say, read off the loop, one reading at a time.
//
// Purpose: the one place that asks the probe: once a second, and before and after each load and unload.
// Threading: loop; the probe itself runs through Loop::offload. Ownership: borrows loop and probe.
// Limits: calls that come while a reading is under way share the next one; the history is bounded (gpu/history.h).
// Errors: without a probe, and while it fails, nothing is known: `used_by` is empty, `ok` is false; the last values stay
//   as old ones. A driver that does not answer within kReadingMax counts as failed, and nobody waits for it any more.
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

// Longer than the slowest driver's own deadlines.
inline constexpr Duration kReadingMax = seconds(12);

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
  // On this device; none while its last reading is not good.
  std::optional<MiB> used_by(BackendId backend, DeviceId device) const;
  const gpu::GpuHistory& history() const { return history_; }

 private:
  void begin();
  struct Reading;
  void take(Result<std::vector<GpuSample>> reading, gpu::HistoryMark mark);
  void release(Reading& reading);

  Loop& loop_;
  GpuProbe* probe_;
  std::function<void()> on_reading_;
  bool reading_ = false;
  bool hangs_ = false;                                  // the reading under way has been given up
  std::vector<std::move_only_function<void()>> asked_;  // wait for a reading to begin
  gpu::HistoryMark asked_mark_ = gpu::HistoryMark::regular;
  std::map<DeviceId, GpuSample> latest_;  // good ones
  std::optional<Error> failed_;           // the last reading as a whole
  std::map<DeviceId, Error> troubles_;    // of the last reading
  gpu::GpuHistory history_;
};

}  // namespace stoker::controller
