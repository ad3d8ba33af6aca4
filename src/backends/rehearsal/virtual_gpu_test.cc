#include "backends/rehearsal/virtual_gpu.h"

#include <gtest/gtest.h>

#include <map>

#include "base/random.h"
#include "simulation/virtual_loop.h"

namespace stoker {
namespace {

constexpr BackendId kText{1};
constexpr BackendId kMedia{2};

class VirtualGpuMemory : public testing::Test {
 protected:
  VirtualLoop loop_;
  VirtualGpu gpu_{loop_, DeviceId(1), MiB{1000}};
};

TEST_F(VirtualGpuMemory, GivesWhatFitsAndRefusesTheRest) {
  EXPECT_TRUE(gpu_.take(kText, ModelId(1), MiB{600}));
  const auto refused = gpu_.take(kMedia, ModelId(2), MiB{401});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::load_failed);
  EXPECT_EQ(gpu_.used(), MiB{600});
  EXPECT_TRUE(gpu_.take(kMedia, ModelId(2), MiB{400}));
  EXPECT_EQ(gpu_.free(), MiB{0});
}

TEST_F(VirtualGpuMemory, RefusesASecondHoldingOfTheSamePair) {
  EXPECT_TRUE(gpu_.take(kText, ModelId(1), MiB{10}));
  EXPECT_EQ(gpu_.take(kText, ModelId(1), MiB{10}).error().code, ErrorCode::conflict);
  EXPECT_TRUE(gpu_.take(kMedia, ModelId(1), MiB{10}));
  EXPECT_EQ(gpu_.used(), MiB{20});
}

TEST_F(VirtualGpuMemory, FreesAHoldingWithItsWorkingMemoryOnce) {
  ASSERT_TRUE(gpu_.take(kText, ModelId(1), MiB{100}));
  EXPECT_EQ(gpu_.take_working(kText, ModelId(1), MiB{50}), MiB{50});
  EXPECT_EQ(gpu_.held_by(kText, ModelId(1)), MiB{150});
  gpu_.give_back(kText, ModelId(1));
  gpu_.give_back(kText, ModelId(1));
  gpu_.give_back_working(kText, ModelId(1), MiB{50});
  EXPECT_EQ(gpu_.used(), MiB{0});
}

TEST_F(VirtualGpuMemory, ShrinksWorkingMemoryToWhatIsFree) {
  ASSERT_TRUE(gpu_.take(kMedia, ModelId(1), MiB{980}));
  EXPECT_EQ(gpu_.take_working(kMedia, ModelId(1), MiB{50}), MiB{20});
  EXPECT_EQ(gpu_.take_working(kMedia, ModelId(9), MiB{50}), MiB{0});
  EXPECT_EQ(gpu_.used(), MiB{1000});
}

TEST_F(VirtualGpuMemory, LetsForeignMemoryTakeWhatIsFreeAndLaterTheRest) {
  ASSERT_TRUE(gpu_.take(kMedia, ModelId(1), MiB{700}));
  gpu_.set_foreign(MiB{500});
  EXPECT_EQ(gpu_.foreign(), MiB{300});
  EXPECT_EQ(gpu_.used(), MiB{1000});
  gpu_.give_back(kMedia, ModelId(1));
  EXPECT_EQ(gpu_.foreign(), MiB{500});
  EXPECT_FALSE(gpu_.take(kMedia, ModelId(1), MiB{501}));
  gpu_.set_foreign(MiB{0});
  EXPECT_TRUE(gpu_.take(kMedia, ModelId(1), MiB{501}));
}

TEST_F(VirtualGpuMemory, TellsInASnapshotWhoHoldsWhat) {
  ASSERT_TRUE(gpu_.take(kMedia, ModelId(7), MiB{300}));
  ASSERT_TRUE(gpu_.take(kText, ModelId(3), MiB{200}));
  gpu_.take_working(kMedia, ModelId(7), MiB{40});
  gpu_.set_foreign(MiB{60});
  const VirtualGpuSnapshot snapshot = gpu_.snapshot();
  EXPECT_EQ(snapshot.device, DeviceId(1));
  EXPECT_EQ(snapshot.total, MiB{1000});
  EXPECT_EQ(snapshot.used, MiB{600});
  EXPECT_EQ(snapshot.foreign, MiB{60});
  ASSERT_EQ(snapshot.holdings.size(), 2U);
  EXPECT_EQ(snapshot.holdings[0].model, ModelId(3));
  EXPECT_EQ(snapshot.holdings[1].resident, MiB{300});
  EXPECT_EQ(snapshot.holdings[1].working, MiB{40});
}

// A plain list of amounts, checked against the card after each of thousands of random operations.
TEST_F(VirtualGpuMemory, StaysExactOverThousandsOfRandomOperations) {
  Random random(20260129);
  std::map<std::pair<BackendId, ModelId>, std::pair<std::int64_t, std::int64_t>> expected;
  std::int64_t foreign_wanted = 0;
  int refused = 0;
  for (int step = 0; step < 20'000; ++step) {
    const BackendId backend(static_cast<std::uint32_t>(1 + random.below(2)));
    const ModelId model(static_cast<std::uint32_t>(1 + random.below(6)));
    const auto amount = static_cast<std::int64_t>(random.below(400));
    const auto key = std::pair{backend, model};
    std::int64_t sum = 0;
    for (const auto& [pair, held] : expected) sum += held.first + held.second;
    const std::int64_t free = 1000 - sum - std::min(foreign_wanted, 1000 - sum);
    switch (random.below(5)) {
      case 0: {
        const bool fits = !expected.contains(key) && amount <= free;
        ASSERT_EQ(gpu_.take(backend, model, MiB{amount}).has_value(), fits);
        if (fits) expected[key] = {amount, 0};
        refused += fits ? 0 : 1;
        break;
      }
      case 1:
        gpu_.give_back(backend, model);
        expected.erase(key);
        break;
      case 2: {
        const std::int64_t want = expected.contains(key) ? std::min(amount, free) : 0;
        ASSERT_EQ(gpu_.take_working(backend, model, MiB{amount}), MiB{want});
        if (want > 0) expected[key].second += want;
        break;
      }
      case 3:
        gpu_.give_back_working(backend, model, MiB{amount});
        if (expected.contains(key)) expected[key].second -= std::min(amount, expected[key].second);
        break;
      default:
        foreign_wanted = static_cast<std::int64_t>(random.below(600));
        gpu_.set_foreign(MiB{foreign_wanted});
    }
    sum = 0;
    for (const auto& [pair, held] : expected) sum += held.first + held.second;
    ASSERT_EQ(gpu_.held(), MiB{sum});
    ASSERT_EQ(gpu_.used(), MiB{sum + std::min(foreign_wanted, 1000 - sum)});
    ASSERT_LE(gpu_.used(), gpu_.total());
  }
  EXPECT_GT(refused, 1000);
}

class VirtualComputeRates : public testing::Test {
 protected:
  // Ends in microseconds, in the order they come.
  void start(WorkKind kind, Duration work, std::int64_t& end) {
    compute_.start(kind, work, 1, [this, &end](std::uint32_t) { end = loop_.now().us; });
  }
  VirtualLoop loop_;
  VirtualCompute compute_{loop_, Contention{}};
};

TEST_F(VirtualComputeRates, RunsAloneAtFullSpeed) {
  std::int64_t end = 0;
  start(WorkKind::generation, seconds(10), end);
  loop_.run_until_idle();
  EXPECT_EQ(end, 10'000'000);
}

// Both at 0.6 until the text is done at 10 / 0.6 = 16.667 s; by then the picture has done 10 of 20
// s.
TEST_F(VirtualComputeRates, SlowsTextAndGenerationBesideEachOther) {
  std::int64_t text = 0;
  std::int64_t picture = 0;
  start(WorkKind::text, seconds(10), text);
  start(WorkKind::generation, seconds(20), picture);
  loop_.run_until_idle();
  EXPECT_NEAR(static_cast<double>(text), 16'666'667, 2);
  EXPECT_NEAR(static_cast<double>(picture), 26'666'667, 3);
}

// Three texts at 1 / 1.5 each: 6, 9 and 12 s of work. First ends at 9. Then 3 and 6 s are left at 1
// / 1.25: 12.75. Then 3 s are left alone: 15.75.
TEST_F(VirtualComputeRates, SharesTextSlotsWithAPenalty) {
  std::int64_t first = 0;
  std::int64_t second = 0;
  std::int64_t third = 0;
  start(WorkKind::text, seconds(6), first);
  start(WorkKind::text, seconds(9), second);
  start(WorkKind::text, seconds(12), third);
  loop_.run_until_idle();
  EXPECT_NEAR(static_cast<double>(first), 9'000'000, 3);
  EXPECT_NEAR(static_cast<double>(second), 12'750'000, 4);
  EXPECT_NEAR(static_cast<double>(third), 15'750'000, 5);
}

// Two generations together are as fast as one: 4 + 4 s end at 8 s both.
TEST_F(VirtualComputeRates, GivesTwoGenerationsHalfTheCardEach) {
  std::int64_t one = 0;
  std::int64_t two = 0;
  start(WorkKind::generation, seconds(4), one);
  start(WorkKind::generation, seconds(4), two);
  loop_.run_until_idle();
  EXPECT_NEAR(static_cast<double>(one), 8'000'000, 2);
  EXPECT_NEAR(static_cast<double>(two), 8'000'000, 2);
}

// Alone until 5 s, at 0.6 until the text is stopped at 10 s (3 s done), then alone: 5 + 5 + 2 = 12
// s.
TEST_F(VirtualComputeRates, TimesAgainWhenTheCompanyChanges) {
  std::int64_t picture = 0;
  start(WorkKind::generation, seconds(10), picture);
  loop_.run_for(seconds(5));
  const WorkId text = compute_.start(WorkKind::text, seconds(60), 1, [](std::uint32_t) { FAIL(); });
  EXPECT_DOUBLE_EQ(compute_.rate(WorkKind::generation), 0.6);
  loop_.run_for(seconds(5));
  compute_.stop(text);
  loop_.run_until_idle();
  EXPECT_NEAR(static_cast<double>(picture), 12'000'000, 2);
}

TEST_F(VirtualComputeRates, TellsEachStepOfAWork) {
  std::vector<std::pair<std::uint32_t, std::int64_t>> steps;
  compute_.start(WorkKind::generation, seconds(2), 4,
                 [&](std::uint32_t finished) { steps.emplace_back(finished, loop_.now().us); });
  loop_.run_until_idle();
  const std::vector<std::pair<std::uint32_t, std::int64_t>> expected{
      {1, 500'000}, {2, 1'000'000}, {3, 1'500'000}, {4, 2'000'000}};
  EXPECT_EQ(steps, expected);
  EXPECT_EQ(compute_.running(WorkKind::generation), 0U);
}

TEST_F(VirtualComputeRates, LetsAStepStopItsOwnWork) {
  int steps = 0;
  WorkId id;
  id = compute_.start(WorkKind::text, seconds(10), 10, [&](std::uint32_t finished) {
    ++steps;
    if (finished == 3) compute_.stop(id);
  });
  loop_.run_until_idle();
  EXPECT_EQ(steps, 3);
  EXPECT_EQ(loop_.now(), Instant{} + seconds(3));
}

// Whatever starts when, the card never gives out more than its speed, and no work is lost.
TEST_F(VirtualComputeRates, LosesNoWorkUnderRandomStarts) {
  Random random(3);
  std::size_t finished = 0;
  constexpr std::size_t kWorks = 3000;
  for (std::size_t i = 0; i < kWorks; ++i) {
    const auto kind = random.below(2) == 0 ? WorkKind::text : WorkKind::generation;
    loop_.after(milliseconds(static_cast<std::int64_t>(random.below(4'000'000))), [&, kind, i] {
      const auto work = milliseconds(static_cast<std::int64_t>(500 + i % 900));
      const Instant began = loop_.now();
      compute_.start(kind, work, 1 + i % 7,
                     [&, began, work, steps = 1 + i % 7](std::uint32_t step) {
                       if (step < steps) return;
                       EXPECT_GE((loop_.now() - began).us, work.us);
                       ++finished;
                     });
    });
  }
  EXPECT_TRUE(loop_.run_until_idle());
  EXPECT_EQ(finished, kWorks);
}

}  // namespace
}  // namespace stoker
