#include "controller/scaled_loop.h"

#include <gtest/gtest.h>

#include <vector>

#include "simulation/virtual_loop.h"

namespace stoker {
namespace {

TEST(ScaledLoop, RunsPlanningTimeFasterFromItsStart) {
  VirtualLoop real;
  real.run_for(seconds(10));
  ScaledLoop scaled(real, 60);
  EXPECT_EQ(scaled.now(), real.now());
  const Instant start = real.now();
  real.run_for(seconds(2));
  EXPECT_EQ(scaled.now() - start, seconds(120));
  EXPECT_EQ(scaled.planned(seconds(1)), minutes(1));
}

TEST(ScaledLoop, RunsTimersAtTheirPlanningTimeNeverEarlier) {
  VirtualLoop real;
  ScaledLoop scaled(real, 7);
  const Instant start = scaled.now();
  std::vector<Duration> seen;
  for (const Duration delay : {microseconds(1), milliseconds(10), seconds(1)}) {
    scaled.after(delay, [&, delay] {
      EXPECT_GE(scaled.now() - start, delay);
      seen.push_back(delay);
    });
  }
  real.run_for(milliseconds(143));
  EXPECT_EQ(seen, (std::vector{microseconds(1), milliseconds(10), seconds(1)}));
}

TEST(ScaledLoop, CancelsItsTimers) {
  VirtualLoop real;
  ScaledLoop scaled(real, 10);
  bool ran = false;
  scaled.cancel(scaled.after(seconds(1), [&] { ran = true; }));
  real.run_for(seconds(10));
  EXPECT_FALSE(ran);
}

TEST(ScaledLoop, LeavesTheClockOnTheWallAlone) {
  VirtualLoop real;
  ScaledLoop scaled(real, 1000);
  real.run_for(seconds(5));
  EXPECT_EQ(scaled.wall_now(), real.wall_now());
}

TEST(ScaledLoop, KeepsItsFactorWithinTheLimits) {
  VirtualLoop real;
  EXPECT_EQ(ScaledLoop(real, 0).speed(), 1);
  EXPECT_EQ(ScaledLoop(real, 1e9).speed(), kSpeedMax);
}

}  // namespace
}  // namespace stoker
