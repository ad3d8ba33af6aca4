#include "controller/thread_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace stoker {
namespace {

using ::testing::ElementsAre;

TEST(ThreadLoop, RunsTasksInTheOrderOfTheirPosts) {
  ThreadLoop loop;
  std::vector<int> ran;
  for (int i = 0; i < 1000; ++i) loop.post([&ran, i] { ran.push_back(i); });
  loop.post([&loop] { loop.stop(); });
  loop.run();
  ASSERT_EQ(ran.size(), 1000u);
  EXPECT_TRUE(std::is_sorted(ran.begin(), ran.end()));
}

TEST(ThreadLoop, NeverRunsATaskInsideThePost) {
  ThreadLoop loop;
  std::vector<std::string> seen;
  loop.post([&] {
    loop.post([&] {
      seen.push_back("inner");
      loop.stop();
    });
    seen.push_back("outer");
  });
  EXPECT_TRUE(seen.empty());
  loop.run();
  EXPECT_THAT(seen, ElementsAre("outer", "inner"));
}

TEST(ThreadLoop, KeepsTheOrderOfEachPostingThread) {
  ThreadLoop loop;
  loop.start();
  constexpr int kThreads = 4;
  constexpr int kPosts = 2000;
  std::vector<std::vector<int>> seen(kThreads);
  std::vector<std::thread> posters;
  for (int t = 0; t < kThreads; ++t) {
    posters.emplace_back([&loop, &seen, t] {
      for (int i = 0; i < kPosts; ++i) {
        loop.post([&seen, t, i] { seen[static_cast<std::size_t>(t)].push_back(i); });
      }
    });
  }
  for (std::thread& poster : posters) poster.join();
  loop.post([&loop] { loop.stop(); });
  loop.join();
  for (const std::vector<int>& one : seen) {
    ASSERT_EQ(one.size(), static_cast<std::size_t>(kPosts));
    EXPECT_TRUE(std::is_sorted(one.begin(), one.end()));
  }
}

TEST(ThreadLoop, RunsTimersByDeadlineThenByAge) {
  ThreadLoop loop;
  std::vector<std::string> ran;
  loop.after(milliseconds(30), [&] {
    ran.push_back("last");
    loop.stop();
  });
  loop.after(milliseconds(5), [&] { ran.push_back("middle"); });
  loop.after(milliseconds(0), [&] { ran.push_back("first"); });
  loop.after(milliseconds(-7), [&] { ran.push_back("not before its set-up"); });
  loop.run();
  EXPECT_THAT(ran, ElementsAre("first", "not before its set-up", "middle", "last"));
}

TEST(ThreadLoop, NeverRunsATimerEarly) {
  ThreadLoop loop;
  const Instant start = loop.now();
  Instant ran;
  loop.after(milliseconds(12), [&] {
    ran = loop.now();
    loop.stop();
  });
  loop.run();
  EXPECT_GE(ran - start, milliseconds(12));
}

TEST(ThreadLoop, CancelledTimersDoNotRun) {
  ThreadLoop loop;
  bool cancelled_ran = false;
  const TimerId never = loop.after(milliseconds(1), [&] { cancelled_ran = true; });
  const TimerId due = loop.after(milliseconds(0), [&] { loop.cancel(never); });
  loop.after(milliseconds(3), [&] {
    loop.cancel(due);    // has run
    loop.cancel(never);  // was cancelled
    loop.cancel(TimerId{});
    loop.stop();
  });
  loop.run();
  EXPECT_FALSE(cancelled_ran);
}

TEST(ThreadLoop, DueTimersRunWhileTasksKeepPostingTasks) {
  ThreadLoop loop;
  bool timer_ran = false;
  std::function<void()> again = [&] {
    if (!timer_ran) loop.post(again);
  };
  loop.post(again);
  loop.after(milliseconds(1), [&] {
    timer_ran = true;
    loop.stop();
  });
  loop.run();
  EXPECT_TRUE(timer_ran);
}

TEST(ThreadLoop, TasksRunWhileTimersKeepSettingTimers) {
  ThreadLoop loop;
  bool task_ran = false;
  std::function<void()> again = [&] {
    if (!task_ran) loop.after(milliseconds(0), again);
  };
  loop.after(milliseconds(0), [&] {
    again();
    loop.post([&] {
      task_ran = true;
      loop.stop();
    });
  });
  loop.run();
  EXPECT_TRUE(task_ran);
}

TEST(ThreadLoop, DoesSlowWorkElsewhereAndTellsOnTheLoop) {
  ThreadLoop loop;
  std::thread::id worked_on;
  std::thread::id told_on;
  loop.offload([&] { worked_on = std::this_thread::get_id(); },
               [&] {
                 told_on = std::this_thread::get_id();
                 loop.stop();
               });
  loop.run();
  EXPECT_NE(worked_on, std::this_thread::get_id());
  EXPECT_EQ(told_on, std::this_thread::get_id());
}

TEST(ThreadLoop, SlowWorkDoesNotHoldUpTheLoopNorOtherSlowWork) {
  ThreadLoop loop;
  std::promise<void> gate;
  bool first_done = false;
  bool second_done = false;
  loop.offload([&] { gate.get_future().wait(); },
               [&] {
                 first_done = true;
                 loop.stop();
               });
  loop.offload([] {},
               [&] {
                 second_done = true;
                 gate.set_value();
               });
  loop.run();
  EXPECT_TRUE(first_done);
  EXPECT_TRUE(second_done);
}

TEST(ThreadLoop, StopDropsWhatHasNotRun) {
  ThreadLoop loop;
  auto token = std::make_shared<int>(1);
  bool late_ran = false;
  loop.post([&loop] { loop.stop(); });
  loop.post([&late_ran, token] { late_ran = true; });
  loop.after(milliseconds(0), [&late_ran, token] { late_ran = true; });
  loop.run();
  EXPECT_FALSE(late_ran);
  EXPECT_EQ(token.use_count(), 1) << "dropped tasks let go of what they hold";
  loop.post([&late_ran, token] { late_ran = true; });
  EXPECT_EQ(token.use_count(), 1) << "a stopped loop keeps nothing";
  EXPECT_FALSE(late_ran);
}

TEST(ThreadLoop, DroppedTasksMayUseTheLoopWhileTheyAreDestroyed) {
  struct Reposter {
    ThreadLoop& loop;
    TimerId timer;
    ~Reposter() {
      loop.cancel(timer);
      loop.post([] {});
      loop.after(seconds(1), [] {});
    }
  };
  ThreadLoop loop;
  const TimerId timer = loop.after(seconds(100), [] {});
  loop.post([&loop] { loop.stop(); });
  loop.post([reposter = std::make_unique<Reposter>(loop, timer)] {});
  loop.run();
}

TEST(ThreadLoop, DestructionWaitsForWorkThatHasBegun) {
  bool finished = false;
  std::promise<void> begun;
  std::promise<void> gate;
  std::thread opener;
  {
    ThreadLoop loop;
    loop.offload(
        [&] {
          begun.set_value();
          gate.get_future().wait();
          finished = true;
        },
        [] {});
    begun.get_future().wait();
    opener = std::thread([&gate] { gate.set_value(); });
  }
  EXPECT_TRUE(finished);
  opener.join();
}

TEST(ThreadLoop, ClocksTellMonotonicAndWallTime) {
  const ThreadLoop loop;
  const Instant first = loop.now();
  EXPECT_GT(first.us, 0);
  EXPECT_GE(loop.now(), first);
  EXPECT_GT(loop.wall_now().ms, 1'700'000'000'000) << "milliseconds since 1970";
}

TEST(ThreadLoopDeath, TimersFromAnotherThreadAbort) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        ThreadLoop loop;
        loop.start();
        std::promise<void> running;
        loop.post([&running] { running.set_value(); });
        running.get_future().wait();
        loop.after(seconds(1), [] {});
      },
      "belong to the loop's own thread");
}

}  // namespace
}  // namespace stoker
