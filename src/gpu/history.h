// What each device held over the last hour: a ring of points per device.
//
// Purpose: curves for pages and exports, with a point right before and after each load and unload.
// Threading: plain object, one thread at a time. Reads no clock: points come with their instant.
// Limits: points_max per device, kDevicesMax devices, kHistoryBackendsMax backends per point (those that
//   hold most; the rest is in `others`). Points older than the last one of their device are dropped, as are
//   samples with `trouble`: a device that cannot be read leaves a gap.
// Errors: none.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/ring.h"
#include "base/time.h"
#include "domain/ids.h"
#include "gpu/probe.h"

namespace stoker::gpu {

inline constexpr std::size_t kHistoryPointsMax = 3600;
inline constexpr std::size_t kHistoryBackendsMax = 8;

enum class HistoryMark : std::uint8_t {
  regular,
  before_load,
  after_load,
  before_unload,
  after_unload,
};

struct HistoryPoint {
  Instant at;
  HistoryMark mark = HistoryMark::regular;
  MiB used;
  MiB foreign;
  MiB others;  // what backends hold beyond those in `backends`
  std::uint8_t backend_count = 0;
  std::array<BackendShare, kHistoryBackendsMax> backends =
      {};  // backend_count of them, largest first

  std::span<const BackendShare> shares() const { return {backends.data(), backend_count}; }
};

class GpuHistory {
 public:
  explicit GpuHistory(std::size_t points_max = kHistoryPointsMax) : points_max_(points_max) {}

  void add(Instant at, const GpuSample& sample, HistoryMark mark);

  // The points of a device at or after an instant, oldest first.
  std::vector<HistoryPoint> since(DeviceId device, Instant from) const;

 private:
  const std::size_t points_max_;
  std::map<DeviceId, Ring<HistoryPoint>> rings_;
};

}  // namespace stoker::gpu
