// Engines that can hold only so many models, however much memory there is.
#include <gtest/gtest.h>

#include <algorithm>

#include "scheduler/machine_for_tests.h"

namespace stoker::scheduler {
namespace {

// Two small models of one engine on a large card.
MachineForTests roomy_card(std::uint32_t models_max) {
  MachineForTests m;
  m.add_device(100);
  m.add_backend(1);
  m.tell(BackendHolds{BackendId{1}, models_max});
  m.set_independent_speeds();
  m.add_model(1, 4, seconds(30), seconds(10));
  m.add_model(2, 4, seconds(30), seconds(10));
  return m;
}

void submit_for_both(MachineForTests& m) {
  for (std::uint64_t i = 0; i < 6; ++i) {
    m.submit(10 + i, 1, seconds(10));
    m.submit(20 + i, 2, seconds(10));
  }
}

std::size_t most_at_once(const MachineForTests& m) {
  std::size_t there = 0;
  std::size_t most = 0;
  for (const Decision& decision : m.decisions) {
    if (std::holds_alternative<Load>(decision)) most = std::max(most, ++there);
    if (std::holds_alternative<Unload>(decision)) --there;
  }
  return most;
}

TEST(SchedulerPlaces, WithoutALimitBothStay) {
  MachineForTests m = roomy_card(0);
  submit_for_both(m);
  m.play(minutes(60));
  EXPECT_EQ(m.loads.size(), 2U);
  EXPECT_TRUE(m.unloads.empty());
}

TEST(SchedulerPlaces, AnEngineOfOnePlaceIsTakenInTurnsAndNotForEachJob) {
  MachineForTests m = roomy_card(1);
  submit_for_both(m);
  m.play(minutes(60));
  EXPECT_EQ(m.ended.size(), 12U);
  EXPECT_EQ(most_at_once(m), 1U);
  EXPECT_EQ(m.loads.size(), 2U) << "everything for the first, then everything for the second";
  EXPECT_EQ(m.unloads.size(), 1U);
}

TEST(SchedulerPlaces, APinnedModelInTheOnlyPlaceLeavesNoneForOthers) {
  MachineForTests m = roomy_card(1);
  m.add_model(3, 4, seconds(30), seconds(10), 1, true);
  m.submit(1, 1, seconds(10));
  m.play(minutes(5));
  EXPECT_TRUE(m.loads.empty() || m.loads.front().model == ModelId{3});
  EXPECT_EQ(m.unloads.size(), 0U);
  EXPECT_TRUE(m.refused.size() == 1 || m.ended.size() == 1);
}

TEST(SchedulerPlaces, OtherEnginesOfTheCardKeepTheirModels) {
  MachineForTests m = roomy_card(1);
  m.add_backend(2);
  m.add_model(5, 4, seconds(30), seconds(10), 2);
  m.make_resident(5);
  submit_for_both(m);
  m.play(minutes(60));
  for (const Unload& unload : m.unloads) EXPECT_NE(unload.model, ModelId{5});
}

TEST(SchedulerPlaces, ThreePlacesOfTheSameEngineMakeRoomForTheCheapestOne) {
  MachineForTests m = roomy_card(3);
  m.add_model(3, 4, seconds(5), seconds(10));
  m.add_model(4, 4, seconds(5), seconds(10));
  for (const std::uint32_t model : {1U, 2U, 3U}) m.make_resident(model);
  m.submit(1, 4, seconds(10));
  m.play(minutes(20));
  ASSERT_EQ(m.unloads.size(), 1U);
  EXPECT_EQ(m.unloads.front().model, ModelId{3}) << "it loads fastest";
}

}  // namespace
}  // namespace stoker::scheduler
