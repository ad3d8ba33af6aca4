#include "gpu/history.h"

#include <gtest/gtest.h>

namespace stoker::gpu {
namespace {

Instant at(int second) {
  return Instant{} + seconds(second);
}

GpuSample sample(std::int64_t used, DeviceId device = DeviceId(1)) {
  return {.device = device, .total = MiB{1000}, .used = MiB{used}, .processes = {}};
}

TEST(GpuHistory, GivesThePointsSinceAnInstantOldestFirst) {
  GpuHistory history;
  for (int second = 0; second < 10; ++second)
    history.add(at(second), sample(second), HistoryMark::regular);
  const auto points = history.since(DeviceId(1), at(7));
  ASSERT_EQ(points.size(), 3U);
  EXPECT_EQ(points[0].used, MiB{7});
  EXPECT_EQ(points[2].used, MiB{9});
  EXPECT_TRUE(history.since(DeviceId(1), at(11)).empty());
  EXPECT_TRUE(history.since(DeviceId(2), at(0)).empty());
  EXPECT_EQ(history.since(DeviceId(1), at(-5)).size(), 10U);
}

TEST(GpuHistory, KeepsTheNewestPointsOfEachDevice) {
  GpuHistory history(3);
  for (int second = 0; second < 10; ++second)
    history.add(at(second), sample(second), HistoryMark::regular);
  history.add(at(0), sample(50, DeviceId(2)), HistoryMark::regular);
  const auto points = history.since(DeviceId(1), at(0));
  ASSERT_EQ(points.size(), 3U);
  EXPECT_EQ(points.front().at, at(7));
  EXPECT_EQ(history.since(DeviceId(2), at(0)).size(), 1U);
}

TEST(GpuHistory, PointsAroundALoadKeepTheirMarkAndTheirOrder) {
  GpuHistory history;
  history.add(at(1), sample(10), HistoryMark::before_load);
  history.add(at(1), sample(90), HistoryMark::after_load);
  history.add(at(0), sample(5), HistoryMark::regular);
  const auto points = history.since(DeviceId(1), at(0));
  ASSERT_EQ(points.size(), 2U) << "a point from before the last one is dropped";
  EXPECT_EQ(points[0].mark, HistoryMark::before_load);
  EXPECT_EQ(points[1].mark, HistoryMark::after_load);
}

TEST(GpuHistory, NamesTheBackendsThatHoldMostAndSumsTheOthers) {
  GpuHistory history;
  GpuSample busy = sample(1000);
  busy.foreign = MiB{7};
  for (std::uint32_t id = 1; id <= 12; ++id)
    busy.backends.push_back({BackendId(id), MiB{static_cast<std::int64_t>(id) * 10}});
  history.add(at(1), busy, HistoryMark::regular);
  const auto points = history.since(DeviceId(1), at(0));
  ASSERT_EQ(points.size(), 1U);
  const auto shares = points[0].shares();
  ASSERT_EQ(shares.size(), kHistoryBackendsMax);
  EXPECT_EQ(shares.front(), (BackendShare{BackendId(12), MiB{120}}));
  EXPECT_EQ(shares.back(), (BackendShare{BackendId(5), MiB{50}}));
  EXPECT_EQ(points[0].others, MiB{10 + 20 + 30 + 40});
  EXPECT_EQ(points[0].foreign, MiB{7});
}

TEST(GpuHistory, ADeviceThatCannotBeReadLeavesAGap) {
  GpuHistory history;
  GpuSample lost = sample(0);
  lost.trouble = Error{ErrorCode::backend_down, "lost"};
  history.add(at(1), lost, HistoryMark::regular);
  EXPECT_TRUE(history.since(DeviceId(1), at(0)).empty());
}

TEST(GpuHistory, HasRoomForTheDevicesOfOneMachine) {
  GpuHistory history;
  for (std::uint32_t id = 1; id <= kDevicesMax + 5; ++id)
    history.add(at(1), sample(1, DeviceId(id)), HistoryMark::regular);
  EXPECT_EQ(history.since(DeviceId(kDevicesMax), at(0)).size(), 1U);
  EXPECT_TRUE(history.since(DeviceId(kDevicesMax + 1), at(0)).empty());
}

}  // namespace
}  // namespace stoker::gpu
