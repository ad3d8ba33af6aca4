#include "net/network.h"

#include <sys/resource.h>

#include <csignal>
#include <thread>
#include <vector>

#include "net/deadline.h"
#include "net/network_impl.h"
#include "net/test_peers.h"

namespace stoker::net {
namespace {

using testing::Event;
using testing::run;

Task<int> value_of(int value) {
  co_return value;
}

Task<int> sum_to(int count) {
  int sum = 0;
  for (int i = 0; i < count; ++i) sum += co_await value_of(1);
  co_return sum;
}

Task<int> nested(int depth) {
  if (depth == 0) co_return 0;
  co_return 1 + co_await nested(depth - 1);
}

TEST(Task, ManyAwaitsNeedNoStack) {
  Network network;
  EXPECT_EQ(run(network, sum_to(1'000'000)), 1'000'000);
}

TEST(Task, NestsDeeply) {
  Network network;
  EXPECT_EQ(run(network, nested(1000)), 1000);
}

TEST(Task, ATaskThatNobodyAwaitsIsDestroyedUnstarted) {
  auto alive = std::make_shared<int>(1);
  {
    const auto task = [](std::shared_ptr<int> kept) -> Task<void> {
      ADD_FAILURE() << "started";
      static_cast<void>(kept);
      co_return;
    }(alive);
    EXPECT_EQ(alive.use_count(), 2);
  }
  EXPECT_EQ(alive.use_count(), 1);
}

TEST(Network, PostKeepsTheOrderOfOneThread) {
  Network network;
  std::vector<int> seen;
  Event done;
  for (int i = 0; i < 1000; ++i) network.post([&seen, i] { seen.push_back(i); });
  network.post([&] { done.set(); });
  ASSERT_TRUE(done.happens());
  ASSERT_EQ(seen.size(), 1000u);
  EXPECT_TRUE(std::ranges::is_sorted(seen));
}

TEST(Network, KnowsItsThread) {
  Network network;
  Network other;
  EXPECT_FALSE(network.on_network_thread());
  Event done;
  network.post([&] {
    EXPECT_TRUE(network.on_network_thread());
    EXPECT_FALSE(other.on_network_thread());
    done.set();
  });
  EXPECT_TRUE(done.happens());
}

Task<int> sleep_and_count(Network& network, int naps) {
  for (int i = 0; i < naps; ++i) co_await network.sleep(milliseconds(1));
  co_return naps;
}

TEST(Network, SleepingTasksGoOn) {
  Network network;
  EXPECT_EQ(run(network, sleep_and_count(network, 3)), 3);
}

Task<std::string> ask(Network& network, std::function<void(Completion<std::string>)> start) {
  co_return co_await async_call<std::string>(
      network, [&](Completion<std::string> done) { start(std::move(done)); });
}

TEST(AsyncCall, AnswersFromAnotherThread) {
  Network network;
  std::thread other;
  const std::string answer =
      run(network, ask(network, [&](Completion<std::string> done) {
            other = std::thread([done = std::move(done)]() mutable { done("hello"); });
          }));
  other.join();
  EXPECT_EQ(answer, "hello");
}

TEST(AsyncCall, AnswersInsideTheStart) {
  Network network;
  EXPECT_EQ(run(network, ask(network, [](Completion<std::string> done) { done("at once"); })),
            "at once");
}

struct Probe {
  explicit Probe(std::shared_ptr<int> counter) : kept(std::move(counter)) {}
  std::shared_ptr<int> kept;
};

Task<void> wait_forever(Network& network, Probe probe, std::optional<Completion<int>>& out,
                        Event& waiting) {
  co_await async_call<int>(network, [&](Completion<int> done) {
    out.emplace(std::move(done));
    waiting.set();
  });
  ADD_FAILURE() << "went on after " << probe.kept.use_count();
}

TEST(Network, DestroysWaitingTasksWhenItStops) {
  auto alive = std::make_shared<int>(1);
  std::optional<Completion<int>> late;
  Event waiting;
  {
    Network network;
    network.spawn(wait_forever(network, Probe(alive), late, waiting));
    ASSERT_TRUE(waiting.happens());
    EXPECT_GT(alive.use_count(), 1);
  }
  EXPECT_EQ(alive.use_count(), 1);
  (*late)(1);  // the network is gone: nothing happens
}

Task<void> sleep_long(Network& network, Probe, Event& begun) {
  begun.set();
  co_await network.sleep(minutes(60));
}

TEST(Network, DestroysSleepingAndUnstartedTasksWhenItStops) {
  auto alive = std::make_shared<int>(1);
  Event begun;
  Event never;
  Event blocked;
  Event released;
  {
    Network network;
    network.spawn(sleep_long(network, Probe(alive), begun));
    ASSERT_TRUE(begun.happens());
    network.post([&] {
      blocked.set();
      EXPECT_TRUE(released.happens());
    });
    ASSERT_TRUE(blocked.happens());
    network.spawn(sleep_long(network, Probe(alive), never));
    network.impl().io.stop();
    released.set();
  }
  EXPECT_EQ(alive.use_count(), 1);
}

TEST(Network, AGivenUpTaskIsDestroyedWhereItWaits) {
  Network network;
  auto alive = std::make_shared<int>(1);
  Event begun;
  Event gone;
  SpawnedTask task = network.spawn_for(sleep_long(network, Probe(alive), begun));
  ASSERT_TRUE(begun.happens());
  task.give_up();
  network.post([&] { gone.set(); });
  ASSERT_TRUE(gone.happens());
  EXPECT_EQ(alive.use_count(), 1);
}

Task<void> end_at_once(Event& ended) {
  ended.set();
  co_return;
}

TEST(Network, GivingUpATaskThatHasEndedDoesNothing) {
  SpawnedTask task;
  {
    Network network;
    Event ended;
    Event later;
    task = network.spawn_for(end_at_once(ended));
    ASSERT_TRUE(ended.happens());
    SpawnedTask other = network.spawn_for(end_at_once(later));
    ASSERT_TRUE(later.happens());
    other.give_up();
    other.give_up();
  }
  task.give_up();  // the network is gone, too
}

Task<void> wait_for_answer(Network& network, TaskList& list, Completion<int>& out) {
  static_cast<void>(list);
  co_await async_call<int>(network, [&](Completion<int> done) { out = std::move(done); });
  ADD_FAILURE() << "a destroyed task went on";
}

TEST(AsyncCall, DoesNotResumeADestroyedFrame) {
  Network network;
  Event done;
  network.post([&] {
    TaskList list;
    Completion<int> completion(nullptr);
    list.start(wait_for_answer(network, list, completion));
    completion(1);
    list.destroy_all();
    EXPECT_TRUE(list.empty());
    network.post([&] { done.set(); });
  });
  EXPECT_TRUE(done.happens());
}

TEST(Network, HandlesASignalEachTime) {
  Network network;
  Event first;
  Event second;
  int count = 0;
  network.on_signal(SIGHUP, [&] { ++count == 1 ? first.set() : second.set(); });
  std::raise(SIGHUP);
  ASSERT_TRUE(first.happens());
  std::raise(SIGHUP);
  EXPECT_TRUE(second.happens());
}

TEST(Network, RaisesTheLimitOfOpenFiles) {
  const Network network;
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(limit.rlim_cur, limit.rlim_max);
}

// Runs `body` on the network thread and waits for `done`.
void on_network(Network& network, Event& done, std::function<void()> body) {
  network.post(std::move(body));
  EXPECT_TRUE(done.happens());
}

TEST(Deadline, PassesInOrderAndOnlyWhenSet) {
  Network network;
  Event done;
  std::string order;
  std::optional<Deadline> early;
  std::optional<Deadline> late;
  std::optional<Deadline> cleared;
  on_network(network, done, [&] {
    DeadlineQueue& queue = network.impl().deadlines;
    early.emplace(queue, [&] { order += "early "; });
    late.emplace(queue, [&] {
      order += "late";
      done.set();
    });
    cleared.emplace(queue, [&] { order += "cleared "; });
    late->set(milliseconds(60));
    cleared->set(milliseconds(1));
    early->set(minutes(5));
    early->set(milliseconds(20));
    cleared->clear();
  });
  EXPECT_EQ(order, "early late");
}

TEST(Deadline, MayDestroyOthersThatAreDue) {
  Network network;
  Event done;
  std::vector<std::unique_ptr<Deadline>> all;
  int passed = 0;
  on_network(network, done, [&] {
    for (int i = 0; i < 10; ++i) {
      all.push_back(std::make_unique<Deadline>(network.impl().deadlines, [&, i] {
        ++passed;
        for (int other = 0; other < 10; ++other) {
          if (other != i) all[static_cast<std::size_t>(other)].reset();
        }
        network.post([&] { done.set(); });
      }));
      all.back()->set(milliseconds(1));
    }
  });
  EXPECT_EQ(passed, 1);
}

}  // namespace
}  // namespace stoker::net
