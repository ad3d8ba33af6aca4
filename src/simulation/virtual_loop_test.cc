#include "simulation/virtual_loop.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/random.h"

namespace stoker {
namespace {

TEST(VirtualLoop, RunsPostedTasksInOrderAndNeverInsideThePost) {
  VirtualLoop loop;
  std::string seen;
  loop.post([&] {
    loop.post([&] { seen += 'c'; });
    seen += 'a';
  });
  loop.post([&] { seen += 'b'; });
  EXPECT_EQ(seen, "");
  loop.run_ready();
  EXPECT_EQ(seen, "abc");
  EXPECT_EQ(loop.now(), Instant{});
}

TEST(VirtualLoop, RunsTimersByTheirInstantAndMovesTheClockToThem) {
  VirtualLoop loop;
  std::vector<std::int64_t> seen;
  loop.after(seconds(3), [&] { seen.push_back(loop.now().us); });
  loop.after(seconds(1), [&] {
    seen.push_back(loop.now().us);
    loop.after(seconds(1), [&] { seen.push_back(loop.now().us); });
  });
  loop.run_until(Instant{} + milliseconds(2500));
  EXPECT_EQ(seen, (std::vector<std::int64_t>{1'000'000, 2'000'000}));
  EXPECT_EQ(loop.now(), Instant{} + milliseconds(2500));
  EXPECT_TRUE(loop.run_until_idle());
  EXPECT_EQ(seen.back(), 3'000'000);
  EXPECT_EQ(loop.now(), Instant{} + seconds(3));
}

TEST(VirtualLoop, RunsATimerThatIsDueAtTheEndOfTheRun) {
  VirtualLoop loop;
  int runs = 0;
  loop.after(seconds(1), [&] { ++runs; });
  loop.run_for(seconds(1));
  EXPECT_EQ(runs, 1);
}

TEST(VirtualLoop, KeepsTheOrderOfTasksDueAtTheSameInstant) {
  VirtualLoop loop;
  std::string seen;
  loop.after(seconds(1), [&] {
    seen += 'a';
    loop.post([&] { seen += 'c'; });
  });
  loop.after(seconds(1), [&] { seen += 'b'; });
  loop.run_until_idle();
  EXPECT_EQ(seen, "abc");
}

TEST(VirtualLoop, CountsANegativeDelayAsZero) {
  VirtualLoop loop;
  loop.run_for(seconds(5));
  bool ran = false;
  loop.after(seconds(-3), [&] { ran = true; });
  loop.run_ready();
  EXPECT_TRUE(ran);
  EXPECT_EQ(loop.now(), Instant{} + seconds(5));
}

TEST(VirtualLoop, DropsACancelledTimerAndIgnoresAForeignOrFinishedOne) {
  VirtualLoop loop;
  int runs = 0;
  const TimerId first = loop.after(seconds(1), [&] { ++runs; });
  const TimerId second = loop.after(seconds(2), [&] { ++runs; });
  loop.cancel(first);
  loop.run_until_idle();
  loop.cancel(second);
  loop.cancel(TimerId(999));
  loop.cancel(TimerId());
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(loop.waiting(), 0U);
}

TEST(VirtualLoop, RunsOffloadedWorkLaterAndThenItsEnd) {
  VirtualLoop loop;
  loop.set_offload_time(milliseconds(20));
  std::string seen;
  loop.offload([&] { seen += "work "; }, [&] { seen += "done"; });
  loop.post([&] { seen += "post "; });
  loop.run_until_idle();
  EXPECT_EQ(seen, "post work done");
  EXPECT_EQ(loop.now(), Instant{} + milliseconds(20));
}

TEST(VirtualLoop, MovesTheWallClockWithTheOtherOneUntilItJumps) {
  VirtualLoop loop(WallTime{1'800'000'000'000}, Instant{7'000'000});
  loop.run_for(seconds(10));
  EXPECT_EQ(loop.wall_now(), WallTime{1'800'000'010'000});
  loop.set_wall(WallTime{1'700'000'000'000});
  loop.run_for(seconds(1));
  EXPECT_EQ(loop.wall_now(), WallTime{1'700'000'001'000});
  EXPECT_EQ(loop.now(), Instant{18'000'000});
}

TEST(VirtualLoop, StopsAnEndlessRunAtItsTaskLimit) {
  VirtualLoop loop;
  std::uint64_t turns = 0;
  std::function<void()> again = [&] {
    ++turns;
    loop.after(milliseconds(1), again);
  };
  loop.post(again);
  EXPECT_FALSE(loop.run_until_idle(100));
  EXPECT_EQ(turns, 100U);
  EXPECT_EQ(loop.tasks_run(), 100U);
  EXPECT_EQ(loop.next_due(), Instant{} + milliseconds(100));
}

TEST(VirtualLoop, DropsTasksThatCancelTimersWhileTheyGo) {
  int runs = 0;
  {
    VirtualLoop loop;
    const TimerId later = loop.after(seconds(9), [&] { ++runs; });
    const auto cancels = [&loop, later](int* owned) {
      loop.cancel(later);
      delete owned;
    };
    loop.post([owned = std::unique_ptr<int, decltype(cancels)>(new int(1), cancels)] {});
  }
  EXPECT_EQ(runs, 0);
}

TEST(VirtualLoop, GivesTheSameTraceForTheSameInput) {
  const auto trace = [] {
    VirtualLoop loop;
    Random random(7);
    std::vector<std::int64_t> seen;
    std::function<void()> step = [&] {
      seen.push_back(loop.now().us);
      if (seen.size() < 2000)
        loop.after(microseconds(static_cast<std::int64_t>(random.below(50))), step);
      if (random.below(3) == 0) loop.post([&] { seen.push_back(-loop.now().us); });
    };
    loop.post(step);
    loop.post(step);
    loop.run_until_idle();
    return seen;
  };
  EXPECT_EQ(trace(), trace());
}

TEST(VirtualLoopDeathTest, RefusesToBeDrivenFromInsideATask) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  VirtualLoop loop;
  loop.post([&] { loop.run_one(); });
  EXPECT_DEATH(loop.run_ready(), "drives the loop");
}

}  // namespace
}  // namespace stoker
