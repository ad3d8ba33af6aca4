// Every accepted job ends, also after something was taken away from under it.
#include <gtest/gtest.h>

#include "scheduler/machine_for_tests.h"

namespace stoker::scheduler {
namespace {

MachineForTests two_models() {
  MachineForTests m(QuoteMode::off);
  m.add_device(10);
  m.add_backend(1);
  m.add_model(1, 6, seconds(5), seconds(5));
  m.add_model(2, 6, seconds(5), seconds(5));
  return m;
}

// A step is added whose model was removed meanwhile.
TEST(SchedulerStrays, AnIdeaWhoseNextModelIsGoneEnds) {
  MachineForTests m = two_models();
  m.begin_idea(1, {{ModelId{1}, seconds(5), seconds(5)}, {ModelId{2}, seconds(5), {}}});
  m.at(seconds(7), [&] { m.tell(ModelRemoved{ModelId{2}}); });
  m.play(minutes(60));
  EXPECT_EQ(m.ended.size(), 1U);
}

// A run is lost whose model was removed meanwhile.
TEST(SchedulerStrays, AFailedStepOfARemovedModelEnds) {
  MachineForTests m = two_models();
  m.submit(1, 1, seconds(20));
  m.at(seconds(7), [&] { m.tell(ModelRemoved{ModelId{1}}); });
  m.at(seconds(8), [&] { m.lose_backend(1); });
  m.at(seconds(9), [&] { m.restore_backend(1); });
  m.play(minutes(60));
  EXPECT_EQ(m.ended.size(), 1U);
}

// It fits beside the home model, but not beside what others hold: it takes turns.
TEST(SchedulerStrays, AModelThatForeignMemoryMakesAGuestIsVisited) {
  MachineForTests m(QuoteMode::off);
  m.add_device(10);
  m.add_backend(1);
  m.add_backend(2, 4);
  m.add_text_model(7, 4, seconds(5), seconds(5), 2);
  m.add_model(1, 2, seconds(5), seconds(5));
  m.add_model(2, 6, seconds(5), seconds(5));
  m.make_resident(7);
  m.tell(WorkshopSet{
      .workshop = WorkshopId{1}, .state = WorkshopState::running, .misfit = MisfitRule::turns});
  m.tell(PlanSet{WorkshopId{1}, {}, {ModelId{7}}});
  m.set_foreign(1);
  const JobId job = m.submit(1, 2, seconds(5));
  m.play(minutes(60));
  EXPECT_TRUE(m.ended.contains(job));
}

// There is always somebody whose deadline would be missed; those past theirs are served all the same.
TEST(SchedulerStrays, AStepPastItsDeadlineIsServedSomeTime) {
  MachineForTests m(QuoteMode::off);
  m.add_device(10);
  m.add_backend(1);
  m.set_independent_speeds();
  m.add_model(1, 4, seconds(30), seconds(10));
  m.make_resident(1);
  m.tell(PatienceSet{seconds(60), seconds(100)});  // but nobody leaves
  for (std::uint64_t i = 0; i < 20; ++i) m.submit(1 + i, 1, seconds(10));
  for (std::int64_t i = 0; i < 400; ++i) {
    m.at(seconds(9 * i),
         [&m, i] { m.submit(static_cast<std::uint64_t>(100 + i), 1, seconds(10)); });
  }
  m.play(minutes(60));
  for (std::uint64_t job = 1; job <= 20; ++job) EXPECT_TRUE(m.ended.contains(JobId{job})) << job;
}

// An engine that makes room by itself.
TEST(SchedulerStrays, ABackendThatEvictsByItselfServesItsSecondModel) {
  MachineForTests m = two_models();
  m.tell(BackendSet{BackendId{1}, DeviceId{1}, 1, EvictionGranularity::self});
  m.submit(1, 1, seconds(5));
  m.at(seconds(20), [&] { m.submit(2, 2, seconds(5)); });
  m.play(minutes(60));
  EXPECT_EQ(m.ended.size(), m.accepted.size());
}

// The focus moves on; an accepted job needs a model that only a focus model could make room for.
TEST(SchedulerStrays, AJobLeftBehindByAFocusChangeEnds) {
  MachineForTests m = two_models();
  m.run_workshop({});
  m.make_resident(1);
  m.submit(1, 1, seconds(20));
  const JobId job = m.submit(2, 2, seconds(20));
  m.run_workshop({ModelId{1}});
  m.play(minutes(60));
  EXPECT_TRUE(m.ended.contains(job));
}

// A model moves to another engine while it runs.
TEST(SchedulerStrays, AModelThatMovesToAnotherBackendWhileRunningKeepsTheBooks) {
  MachineForTests m = two_models();
  m.add_backend(2);
  m.submit(1, 1, seconds(20));
  m.at(seconds(10), [&] {
    m.tell(
        ModelSet{ModelId{1}, BackendId{2}, Medium::image, MiB{6}, seconds(5), seconds(5), false});
  });
  m.play(minutes(60));
}

// The card of the next life is smaller.
TEST(SchedulerStrays, ARestoredJobWhoseModelCannotFitAnyMoreEnds) {
  Scheduler scheduler(QuoteMode::off);
  const auto tell = [&](const Event& event) { return scheduler.apply(event, Instant{1}); };
  tell(DeviceSet{DeviceId{1}, MiB{5}, MiB{0}});
  tell(BackendSet{BackendId{1}, DeviceId{1}});
  tell(ModelSet{ModelId{1}, BackendId{1}, Medium::image, MiB{6}, seconds(5), seconds(5)});
  tell(JobRestored{.job = JobId{7}, .person = PersonId{1}, .steps = {ModelId{1}}});
  EXPECT_TRUE(scheduler.state().jobs.empty());
}

// People of a workshop that is over are forgotten with it.
TEST(SchedulerStrays, ThePeopleOfAnEndedWorkshopAreForgotten) {
  MachineForTests m = two_models();
  m.run_workshop({ModelId{1}});
  m.submit(1, 1, seconds(5));
  m.submit(2, 1, seconds(5));
  m.play(minutes(5));
  EXPECT_EQ(m.scheduler.state().people.size(), 2U);
  m.tell(WorkshopSet{.workshop = WorkshopId{1}, .state = WorkshopState::ended});
  EXPECT_TRUE(m.scheduler.state().people.empty());
}

}  // namespace
}  // namespace stoker::scheduler
