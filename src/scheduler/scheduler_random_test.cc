// Random workshops: thousands of events, the invariants checked after each of them by MachineForTests.
#include <gtest/gtest.h>

#include "base/random.h"
#include "scheduler/machine_for_tests.h"

namespace stoker::scheduler {
namespace {

constexpr std::uint32_t kModels = 7;

void disturb(MachineForTests& machine, Random& random) {
  switch (random.below(6)) {
    case 0:
      return machine.tell(
          JobCancelled{JobId{1 + random.below(200)}, CauseKind::cancelled_by_person});
    case 1:
      return machine.tell(JobMovedToFront{JobId{1 + random.below(200)}, PersonId{1}});
    case 2:
      return machine.tell(UnloadOrdered{
          ModelId{1 + static_cast<std::uint32_t>(random.below(kModels))}, PersonId{1}});
    case 3:
      return machine.tell(Tick{});
    case 4:
      return machine.tell(WorkshopSet{
          .workshop = WorkshopId{1},
          .state = random.below(4) == 0 ? WorkshopState::paused : WorkshopState::running,
          .head_count = 12,
          .outstanding_max_per_person = 3,
          .queue_max = 500});
    default:
      return machine.tell(WantedSet{
          CauseKind::preload, {ModelId{1 + static_cast<std::uint32_t>(random.below(kModels))}}});
  }
}

std::vector<Decision> play_one(std::uint64_t seed, QuoteMode quotes) {
  Random random(seed);
  MachineForTests machine(quotes);
  machine.unload_time = milliseconds(500);
  machine.add_device(90, 4);
  machine.add_backend(1, 3);
  machine.add_backend(
      2, 1, random.below(3) == 0 ? EvictionGranularity::backend : EvictionGranularity::model);
  for (std::uint32_t id = 1; id <= kModels; ++id) {
    const auto size = static_cast<std::int64_t>(5 + random.below(45));
    machine.add_model(id, size, seconds(static_cast<std::int64_t>(2 + random.below(60))),
                      seconds(8), id <= 3 ? 1 : 2, id == 1 && size < 30);
    machine.load_failures[ModelId{id}] = random.below(5) == 0 ? 1 : 0;
  }
  machine.tell(WorkshopSet{.workshop = WorkshopId{1},
                           .state = WorkshopState::running,
                           .misfit = random.below(2) == 0 ? MisfitRule::turns : MisfitRule::refuse,
                           .head_count = 12,
                           .outstanding_max_per_person = 3,
                           .queue_max = 500});
  for (int i = 0; i < 150; ++i) {
    machine.at(seconds(static_cast<std::int64_t>(random.below(1200))), [&machine, &random] {
      const auto model = 1 + static_cast<std::uint32_t>(random.below(kModels));
      const JobId job = machine.submit(1 + random.below(12), model,
                                       seconds(static_cast<std::int64_t>(1 + random.below(40))));
      if (random.below(20) == 0) machine.run_failures[job] = 1 + static_cast<int>(random.below(2));
    });
  }
  for (int i = 0; i < 40; ++i) {
    machine.at(seconds(static_cast<std::int64_t>(random.below(1200))),
               [&machine, &random] { disturb(machine, random); });
  }
  machine.at(seconds(1300), [&machine] { machine.run_workshop({}, 3); });
  machine.play(minutes(600));
  EXPECT_EQ(machine.ended.size(), machine.accepted.size())
      << "seed " << seed << ": a job was forgotten";
  EXPECT_FALSE(machine.accepted.empty());
  EXPECT_TRUE(machine.scheduler.state().jobs.empty());
  for (const auto& [id, backend] : machine.scheduler.state().backends)
    EXPECT_EQ(backend.running, 0U);
  return machine.decisions;
}

std::vector<std::int64_t> fingerprint(const std::vector<Decision>& decisions) {
  std::vector<std::int64_t> numbers;
  for (const Decision& decision : decisions) {
    numbers.push_back(static_cast<std::int64_t>(decision.index()));
    if (const auto* d = std::get_if<Dispatch>(&decision))
      numbers.push_back(static_cast<std::int64_t>(d->job.value));
    if (const auto* d = std::get_if<Load>(&decision)) numbers.push_back(d->model.value);
    if (const auto* d = std::get_if<Revise>(&decision)) numbers.push_back(d->high_at.us);
  }
  return numbers;
}

TEST(SchedulerRandom, HoldsItsInvariantsInRandomWorkshops) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    play_one(seed, seed % 25 == 0 ? QuoteMode::kept : QuoteMode::off);
    ASSERT_FALSE(testing::Test::HasFailure()) << "seed " << seed;
  }
}

TEST(SchedulerRandom, TheSameEventsGiveTheSameDecisions) {
  for (std::uint64_t seed = 100; seed < 105; ++seed) {
    EXPECT_EQ(fingerprint(play_one(seed, QuoteMode::off)), fingerprint(play_one(seed, QuoteMode::off)));
  }
}

}  // namespace
}  // namespace stoker::scheduler
