// The policy in small stories: what is served, loaded and sent away when, and why.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scheduler/machine_for_tests.h"

namespace stoker::scheduler {
namespace {

using testing::ElementsAre;

constexpr std::uint32_t kText = 1;
constexpr std::uint32_t kDraw = 2;
constexpr std::uint32_t kFilm = 3;
constexpr std::uint32_t kSong = 4;

// A text model, and image models that are served one step at a time; runs are as long as expected.
MachineForTests small_studio(std::int64_t vram = 10) {
  MachineForTests machine(QuoteMode::off);
  machine.add_device(vram);
  machine.add_backend(1, 1);
  machine.add_backend(2, 12);
  machine.set_independent_speeds();
  machine.add_text_model(kText, 3, seconds(20), seconds(4), 2);
  machine.add_model(kDraw, 4, seconds(30), seconds(20));
  machine.add_model(kFilm, 3, seconds(10), seconds(20));
  machine.add_model(kSong, 3, seconds(5), seconds(10));
  return machine;
}

void pin_text(MachineForTests& machine) {
  machine.add_text_model(kText, 3, seconds(20), seconds(4), 2, true);
}

Instant at_second(std::int64_t second) {
  return Instant{seconds(second).us};
}

Instant start_of(const MachineForTests& machine, JobId job, std::uint32_t step = 0) {
  for (const MachineForTests::Started& start : machine.starts) {
    if (start.job == job && start.step == step) return start.at;
  }
  return Instant{INT64_MAX};
}

std::vector<std::uint64_t> order_of_starts(const MachineForTests& machine) {
  std::vector<std::uint64_t> order;
  for (const MachineForTests::Started& start : machine.starts)
    order.push_back(machine.person_of.at(start.job));
  return order;
}

// "30 2": model 2 was loaded from second 30 on.
std::vector<std::pair<std::int64_t, std::uint32_t>> loads_of(const MachineForTests& machine) {
  std::vector<std::pair<std::int64_t, std::uint32_t>> loads;
  for (std::size_t i = 0; i < machine.loads.size(); ++i)
    loads.emplace_back(machine.loads_at[i].us / 1'000'000, machine.loads[i].model.value);
  return loads;
}

using At = std::pair<std::int64_t, std::uint32_t>;

// ── texts beside generation ──────────────────────────────────────────────────────────────────────

class SchedulerTextBatch : public testing::Test {
 protected:
  SchedulerTextBatch() {
    machine.make_resident(kText);
    machine.make_resident(kDraw);
  }
  // So many pictures of 20 s: one at work, the others wait.
  void draw(int pictures) {
    for (int i = 0; i < pictures; ++i)
      machine.submit(100U + static_cast<std::uint64_t>(i), kDraw, seconds(20));
  }
  void write_at(std::int64_t second, std::uint64_t person, bool for_a_picture) {
    machine.at(seconds(second), [this, person, for_a_picture] {
      std::vector<StepPlan> steps{{ModelId{kText}, seconds(4), {}}};
      if (for_a_picture) steps.push_back({ModelId{kDraw}, seconds(20), {}});
      text_of[person] = machine.submit_chain(person, std::move(steps));
    });
  }
  Instant written(std::uint64_t person) const { return start_of(machine, text_of.at(person)); }

  MachineForTests machine = small_studio();
  std::map<std::uint64_t, JobId> text_of;
};

TEST_F(SchedulerTextBatch, GoesWhenLittleGenerationWorkIsWaiting) {
  draw(3);
  write_at(1, 1, true);
  machine.play();
  EXPECT_EQ(written(1), at_second(20)) << "40 s of pictures wait until then, 20 s after";
}

TEST_F(SchedulerTextBatch, GoesWhenSoManyAreHeld) {
  const auto batch = static_cast<std::int64_t>(Policy{}.text_batch_steps);
  draw(12);
  for (std::int64_t i = 1; i <= batch; ++i) write_at(i, static_cast<std::uint64_t>(i), true);
  machine.play(seconds(100));
  for (std::int64_t i = 1; i <= batch; ++i)
    EXPECT_EQ(written(static_cast<std::uint64_t>(i)), at_second(batch));
}

TEST_F(SchedulerTextBatch, GoesWhenTheOldestWaitedLongEnough) {
  draw(12);
  write_at(1, 1, false);
  write_at(3, 2, true);
  machine.play();
  EXPECT_EQ(written(1), Instant{(seconds(1) + Policy{}.text_hold_min).us}) << "no picture follows";
  EXPECT_EQ(written(2), written(1)) << "the others of the batch go along";
}

TEST_F(SchedulerTextBatch, IsHeldAsLongAsItsPictureCouldNotBeMadeAnyway) {
  draw(10);
  write_at(1, 1, true);
  machine.play();
  EXPECT_EQ(written(1), at_second(100)) << "from then on less work waits than the text has waited";

  MachineForTests busy = small_studio();
  busy.make_resident(kText);
  busy.make_resident(kDraw);
  for (int i = 0; i < 20; ++i)
    busy.submit(100U + static_cast<std::uint64_t>(i), kDraw, seconds(20));
  const JobId text =
      busy.submit_chain(1, {{ModelId{kText}, seconds(4), {}}, {ModelId{kDraw}, seconds(20), {}}});
  busy.play();
  EXPECT_EQ(start_of(busy, text), Instant{Policy{}.text_hold_max.us}) << "but no longer than that";
}

TEST_F(SchedulerTextBatch, GoesDuringALoad) {
  MachineForTests narrow = small_studio(7);
  pin_text(narrow);
  narrow.make_resident(kText);
  narrow.make_resident(kDraw);
  narrow.submit(100, kDraw, seconds(20));
  for (std::uint64_t i = 0; i < 3; ++i) narrow.submit(101 + i, kFilm, seconds(20));
  JobId text;
  narrow.at(seconds(1), [&] {
    text = narrow.submit_chain(
        1, {{ModelId{kText}, seconds(4), {}}, {ModelId{kFilm}, seconds(20), {}}});
  });
  narrow.play();
  EXPECT_THAT(loads_of(narrow), ElementsAre(At{20, kFilm}));
  EXPECT_EQ(start_of(narrow, text), at_second(20))
      << "until the film model is there, texts cost nothing";
}

// ── deadlines ────────────────────────────────────────────────────────────────────────────────────

// One step of 95 s holds the slot until then; others gather behind it. A picture of 10 s counts as 100 s / 7.
class SchedulerDeadlines : public testing::Test {
 protected:
  SchedulerDeadlines() {
    machine.add_device(10);
    machine.add_backend(1);
    machine.set_independent_speeds();
    machine.add_model(kDraw, 4, seconds(30), seconds(10));
    machine.add_model(kFilm, 4, seconds(30), seconds(95));
    machine.make_resident(kDraw);
    machine.make_resident(kFilm);
  }
  void draw_at(std::int64_t second, std::uint64_t person) {
    machine.at(seconds(second), [this, person] { machine.submit(person, kDraw, seconds(10)); });
  }
  MachineForTests machine{QuoteMode::off};
};

TEST_F(SchedulerDeadlines, WhoCannotMakeItGoesLastAndComesBackOnceItIsTooLate) {
  machine.tell(PatienceSet{seconds(60), seconds(100)});
  machine.submit(9, kFilm, seconds(95));
  draw_at(1, 1);   // until 101: at 95 that is hopeless
  draw_at(50, 2);  // until 150
  draw_at(60, 3);  // until 160
  machine.play();
  EXPECT_THAT(order_of_starts(machine), ElementsAre(9, 2, 1, 3));
  EXPECT_EQ(machine.ended.size(), 4U);
}

TEST_F(SchedulerDeadlines, TheOrderIsByTagWhileEverybodyMakesIt) {
  machine.tell(PatienceSet{seconds(60), seconds(150)});
  machine.submit(9, kFilm, seconds(95));
  draw_at(0, 9);  // behind its own film by tag; until 150
  for (std::uint64_t person = 1; person <= 3; ++person)
    draw_at(19 + static_cast<std::int64_t>(person), person);
  machine.play();
  EXPECT_THAT(order_of_starts(machine), ElementsAre(9, 1, 2, 3, 9));
}

TEST_F(SchedulerDeadlines, AnEarlierDeadlineGoesFirstOnlyWhenItWouldBeMissed) {
  machine.tell(PatienceSet{seconds(60), seconds(150)});
  machine.submit(9, kFilm, seconds(95));
  draw_at(0, 9);
  for (std::uint64_t person = 1; person <= 4; ++person)
    draw_at(19 + static_cast<std::int64_t>(person), person);
  machine.play();
  EXPECT_THAT(order_of_starts(machine), ElementsAre(9, 1, 2, 3, 9, 4)) << "at 125 it has to go";
}

// ── what is expected ─────────────────────────────────────────────────────────────────────────────

class SchedulerExpects : public testing::Test {
 protected:
  // Somebody has drawn after writing before; the picture model is gone since.
  SchedulerExpects() {
    machine.make_resident(kText);
    machine.make_resident(kDraw);
    machine.begin_idea(
        1, {{ModelId{kText}, seconds(4), seconds(5)}, {ModelId{kDraw}, seconds(20), {}}});
    machine.at(seconds(100), [this] { machine.tell(UnloadOrdered{ModelId{kDraw}, PersonId{9}}); });
  }
  void write_at(std::int64_t second) {
    machine.at(seconds(second), [this] {
      machine.begin_idea(
          1, {{ModelId{kText}, seconds(4), seconds(60)}, {ModelId{kDraw}, seconds(20), {}}});
    });
  }
  MachineForTests machine = small_studio();
};

TEST_F(SchedulerExpects, ThePictureWhileTheTextIsWritten) {
  write_at(200);
  machine.play();
  EXPECT_THAT(loads_of(machine), ElementsAre(At{200, kDraw}));
  EXPECT_EQ(machine.loads[0].cause.kind, CauseKind::expected_soon);
  EXPECT_EQ(start_of(machine, JobId{2}, 1), at_second(264)) << "nobody waited for a load";
}

TEST_F(SchedulerExpects, NothingOverAModelThatIsInUseOrWaitedFor) {
  pin_text(machine);
  machine.at(seconds(150), [this] {
    machine.make_resident(kFilm);
    machine.make_resident(kSong);
    machine.submit(5, kFilm, seconds(60));  // until 210
    machine.submit(6, kSong, seconds(20));  // until 230
  });
  write_at(200);
  machine.play();
  ASSERT_FALSE(machine.loads.empty());
  EXPECT_EQ(machine.loads_at[0], at_second(210)) << "the film model was in use until then";
  EXPECT_THAT(machine.unloads, testing::SizeIs(2))
      << "by order, and the one that nobody wanted any more";
  EXPECT_EQ(machine.unloads[1].model, ModelId{kFilm});
}

// ── before an announced start ────────────────────────────────────────────────────────────────────

TEST(SchedulerWarmUp, LoadsInTheOrderOfThePlanJustInTime) {
  MachineForTests machine = small_studio();
  machine.run_workshop({});
  machine.tell(PlanSet{WorkshopId{1},
                       {at_second(1000), at_second(2000)},
                       {ModelId{kDraw}, ModelId{kFilm}, ModelId{kText}}});
  machine.play();
  // The text model stays for the whole workshop; the others begin at 1000 - (20 + 30 + 10) - 30.
  EXPECT_THAT(loads_of(machine), ElementsAre(At{700, kText}, At{910, kDraw}, At{940, kFilm}));
  EXPECT_EQ(machine.loads[1].cause.kind, CauseKind::warm_up);
}

TEST(SchedulerWarmUp, LeavesAloneWhatIsInUse) {
  MachineForTests machine = small_studio();
  machine.run_workshop({});
  machine.make_resident(kSong);
  machine.tell(PlanSet{WorkshopId{1},
                       {at_second(1000), at_second(2000)},
                       {ModelId{kDraw}, ModelId{kFilm}, ModelId{kText}}});
  for (int i = 0; i < 9; ++i) machine.submit(5, kSong, seconds(150));
  machine.play(seconds(1340));
  EXPECT_THAT(loads_of(machine), ElementsAre(At{700, kText}, At{910, kDraw}))
      << "no room for the film model";
  EXPECT_TRUE(machine.unloads.empty());
}

// ── exchanges ────────────────────────────────────────────────────────────────────────────────────

TEST(SchedulerVisit, GoesOnUntilNobodyWaitsForTheModelThatIsThere) {
  MachineForTests machine = small_studio(4);
  machine.make_resident(kDraw);
  machine.submit(1, kDraw, seconds(20));
  machine.submit(2, kFilm, seconds(20));
  machine.submit(3, kDraw, seconds(20));
  machine.at(seconds(30), [&] { machine.submit(4, kDraw, seconds(20)); });
  machine.at(seconds(65), [&] { machine.submit(5, kDraw, seconds(20)); });
  machine.play();
  EXPECT_THAT(order_of_starts(machine), ElementsAre(1, 3, 4, 2, 5));
  EXPECT_THAT(loads_of(machine), ElementsAre(At{60, kFilm}, At{90, kDraw}));
}

TEST(SchedulerVisit, AHomeModelComesBackAfterAGuest) {
  MachineForTests machine = small_studio();
  machine.add_model(9, 8, seconds(40), seconds(20));
  machine.make_resident(kText);
  machine.tell(WorkshopSet{.workshop = WorkshopId{1},
                           .state = WorkshopState::running,
                           .misfit = MisfitRule::turns,
                           .head_count = 5});
  machine.tell(PlanSet{WorkshopId{1}, {}, {ModelId{kText}}});
  ASSERT_TRUE(machine.scheduler.state().model(ModelId{kText}).home);
  machine.submit(1, 9, seconds(20));
  machine.at(seconds(50), [&] { machine.submit(2, kText, seconds(4)); });
  machine.play();
  EXPECT_THAT(loads_of(machine), ElementsAre(At{0, 9}, At{60, kText}));
  EXPECT_EQ(machine.loads[0].cause.kind, CauseKind::visit);
  EXPECT_THAT(order_of_starts(machine), ElementsAre(1, 2));
}

TEST(SchedulerExchange, IsDecidedAnewWhenItsVictimIsBack) {
  MachineForTests machine = small_studio();
  machine.add_model(9, 8, seconds(40), seconds(20));
  machine.make_resident(kText);
  machine.make_resident(kDraw);
  machine.submit(1, kText, seconds(30));
  const JobId large = machine.submit(2, 9, seconds(20));
  ASSERT_EQ(machine.unloads.size(), 1U) << "the text model is still in use";
  machine.at(seconds(5), [&] { machine.make_resident(kDraw); });
  machine.play();
  EXPECT_EQ(machine.ended.at(large).at, at_second(30 + 40 + 20));
}

TEST(SchedulerExchange, SparesAVictimThatHasBecomeAFocusModel) {
  MachineForTests machine = small_studio();
  machine.add_model(9, 8, seconds(40), seconds(20));
  machine.make_resident(kText);
  machine.make_resident(kDraw);
  machine.submit(1, kText, seconds(30), WorkshopId{});
  machine.submit(2, 9, seconds(20), WorkshopId{});
  machine.at(seconds(5), [&] { machine.run_workshop({ModelId{kText}}); });
  machine.play(minutes(5));
  ASSERT_EQ(machine.unloads.size(), 1U);
  EXPECT_EQ(machine.unloads[0].model, ModelId{kDraw});
}

TEST(SchedulerExchange, TheFirstRetryOfAFailedLoadComesAtOnce) {
  MachineForTests machine = small_studio();
  machine.load_failures[ModelId{kFilm}] = 2;
  machine.submit(1, kFilm, seconds(20));
  machine.play();
  EXPECT_THAT(loads_of(machine), ElementsAre(At{0, kFilm}, At{10, kFilm}, At{25, kFilm}));
}

// ── age ──────────────────────────────────────────────────────────────────────────────────────────

TEST(SchedulerAge, MovingAYoungStepToTheFrontMakesNobodyYounger) {
  MachineForTests machine = small_studio(4);
  machine.make_resident(kSong);
  for (std::int64_t i = 0; i < 60; ++i) {
    machine.at(seconds(9 * i), [&machine, i] {
      machine.submit(static_cast<std::uint64_t>(100 + i), kSong, seconds(10));
    });
  }
  JobId patient;
  machine.at(seconds(1), [&] { patient = machine.submit(1, kFilm, seconds(20)); });
  machine.at(seconds(150), [&] {
    const JobId young = machine.submit(2, kFilm, seconds(20));
    machine.tell(JobMovedToFront{young, PersonId{9}});
  });
  machine.play();
  // Overdue after twenty loads, seen at the next arrival at 207, drained at 210; then the load and the other one.
  EXPECT_EQ(start_of(machine, patient), at_second(210 + 10 + 20));
}

TEST(SchedulerPause, ParksItsJobsAndTheyComeBackAtTheirPlace) {
  MachineForTests machine = small_studio();
  machine.make_resident(kDraw);
  machine.run_workshop({});
  const auto set_second = [&](WorkshopState state) {
    machine.tell(WorkshopSet{.workshop = WorkshopId{2}, .state = state, .head_count = 5});
  };
  set_second(WorkshopState::running);
  machine.submit(1, kDraw, seconds(20));
  machine.at(seconds(1), [&] { machine.submit(2, kDraw, seconds(20), WorkshopId{2}); });
  machine.at(seconds(2), [&] { machine.submit(3, kDraw, seconds(20), WorkshopId{2}); });
  machine.at(seconds(3), [&] { set_second(WorkshopState::paused); });
  machine.at(seconds(4), [&] { machine.submit(4, kDraw, seconds(20)); });
  machine.at(seconds(5), [&] { machine.submit(5, kDraw, seconds(20)); });
  machine.at(seconds(30), [&] { set_second(WorkshopState::running); });
  machine.play();
  EXPECT_THAT(order_of_starts(machine), ElementsAre(1, 4, 2, 3, 5));
}

TEST(SchedulerLoads, ASlowModelIsNotKeptWaitingForTwentyOfItsLoads) {
  MachineForTests machine(QuoteMode::off);
  machine.add_device(10);
  machine.add_backend(1);
  machine.set_independent_speeds();
  machine.add_model(1, 8, seconds(20), seconds(10));
  machine.add_model(2, 8, seconds(180), seconds(10));
  machine.make_resident(1);
  for (std::int64_t i = 0; i < 200; ++i) {
    machine.at(seconds(9 * i), [&machine, i] {
      machine.submit(100U + static_cast<std::uint64_t>(i), 1, seconds(10));
    });
  }
  const JobId patient = machine.submit(1, 2, seconds(10));
  machine.play(minutes(60));
  const Duration limit = Policy{}.generation_patience_assumed * 60 / 100;
  EXPECT_LE(machine.flow(patient), limit + seconds(10 + 180 + 10));
}

}  // namespace
}  // namespace stoker::scheduler
