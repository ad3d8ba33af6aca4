#include "gpu/history.h"

#include <algorithm>

namespace stoker::gpu {
namespace {

HistoryPoint point_of(Instant at, const GpuSample& sample, HistoryMark mark) {
  HistoryPoint point{.at = at, .mark = mark, .used = sample.used, .foreign = sample.foreign};
  std::vector<BackendShare> shares = sample.backends;
  std::ranges::sort(shares, [](const BackendShare& a, const BackendShare& b) {
    return a.used != b.used ? a.used > b.used : a.backend < b.backend;
  });
  for (const BackendShare& share : shares) {
    if (point.backend_count < kHistoryBackendsMax) {
      point.backends.at(point.backend_count++) = share;
    } else {
      point.others += share.used;
    }
  }
  return point;
}

}  // namespace

void GpuHistory::add(Instant at, const GpuSample& sample, HistoryMark mark) {
  if (sample.trouble || points_max_ == 0) return;
  if (rings_.size() >= kDevicesMax && !rings_.contains(sample.device)) return;
  Ring<HistoryPoint>& ring = rings_.try_emplace(sample.device, points_max_).first->second;
  if (!ring.entries().empty() && at < ring.entries().back().at) return;
  ring.push(point_of(at, sample, mark));
}

std::vector<HistoryPoint> GpuHistory::since(DeviceId device, Instant from) const {
  const auto ring = rings_.find(device);
  if (ring == rings_.end()) return {};
  const auto& points = ring->second.entries();
  const auto first = std::ranges::lower_bound(points, from, {}, &HistoryPoint::at);
  return {first, points.end()};
}

}  // namespace stoker::gpu
