#include "scheduler/scheduler.h"

#include <gtest/gtest.h>

#include "scheduler/machine_for_tests.h"

namespace stoker::scheduler {
namespace {

constexpr std::uint32_t kA = 1;
constexpr std::uint32_t kB = 2;

// One slot, models of size 1 on a device of size 1 (only one fits), ten seconds to load.
MachineForTests one_model_fits() {
  MachineForTests machine;
  machine.add_device(1);
  machine.add_backend(1);
  machine.add_model(kA, 1, seconds(10), seconds(5));
  machine.add_model(kB, 1, seconds(10), seconds(5));
  return machine;
}

Duration flow_sum(const MachineForTests& machine) {
  Duration sum;
  for (const auto& [job, end] : machine.ended) sum += machine.flow(job);
  return sum;
}

// ── order and residency: instances whose optimum is known ────────────────────────────────────────

TEST(SchedulerOrder, ServesAlternatingRequestsInOneVisitPerModel) {
  MachineForTests machine = one_model_fits();
  for (std::uint64_t person = 1; person <= 6; ++person)
    machine.submit(person, person % 2 == 1 ? kA : kB, seconds(5));
  machine.play();
  EXPECT_EQ(machine.loads.size(), 2U);
  EXPECT_EQ(machine.makespan(), Instant{seconds(50).us}) << "the optimum of this instance";
  EXPECT_EQ(flow_sum(machine), seconds(195));
}

TEST(SchedulerOrder, AStrangerWaitsForThoseWhoseModelIsThere) {
  MachineForTests machine = one_model_fits();
  machine.make_resident(kA);
  const JobId stranger = machine.submit(1, kB, seconds(5));
  // The stranger came alone and is served; with others there first, they are not thrown out.
  machine.play();
  EXPECT_EQ(machine.loads.size(), 1U);
  EXPECT_EQ(machine.flow(stranger), seconds(15));
}

TEST(SchedulerOrder, HidesALoadBehindWorkWhereThereIsRoom) {
  MachineForTests machine;
  machine.add_device(20);
  machine.add_backend(1);
  machine.add_model(kA, 10, seconds(10), seconds(30));
  machine.add_model(kB, 10, seconds(25), seconds(20));
  machine.make_resident(kA);
  machine.submit(1, kA, seconds(30));
  machine.submit(2, kA, seconds(30));
  machine.submit(3, kB, seconds(20));
  machine.submit(4, kB, seconds(20));
  machine.play();
  EXPECT_EQ(machine.makespan(), Instant{seconds(100).us}) << "total work, the load costs nothing";
  EXPECT_EQ(flow_sum(machine), seconds(270)) << "first come, first served: 30, 60, 80, 100";
}

TEST(SchedulerOrder, ChoosesTheCheapestSetOfVictims) {
  MachineForTests machine;
  machine.add_device(28);
  machine.add_backend(1);
  machine.add_model(1, 12, seconds(10), seconds(5));
  machine.add_model(2, 10, seconds(25), seconds(5));
  machine.add_model(3, 6, seconds(6), seconds(5));
  machine.add_model(4, 16, seconds(20), seconds(10));
  for (const std::uint32_t id : {1U, 2U, 3U}) machine.make_resident(id);
  machine.submit(1, 4, seconds(10));
  machine.play();
  std::set<ModelId> victims;
  for (const Unload& unload : machine.unloads) victims.insert(unload.model);
  EXPECT_EQ(victims, (std::set{ModelId{1}, ModelId{3}}))
      << "18 of 16 needed, 16 s to load again; Q alone costs 25";
}

TEST(SchedulerOrder, NobodyStarvesBehindAStreamForTheLoadedModel) {
  MachineForTests machine = one_model_fits();
  machine.make_resident(kA);
  for (std::int64_t i = 0; i < 100; ++i) {
    machine.at(seconds(4 * i), [&machine, i] {
      machine.submit(static_cast<std::uint64_t>(100 + i), kA, seconds(5));
    });
  }
  JobId patient;
  machine.at(seconds(1), [&] { patient = machine.submit(1, kB, seconds(5)); });
  machine.play();
  // Twenty load times until it is overdue, running work, the load, its own run.
  EXPECT_LE(machine.flow(patient), seconds(20 * 10 + 5 + 10 + 5));
  EXPECT_EQ(machine.loads.front().cause.kind, CauseKind::overdue);
}

TEST(SchedulerOrder, APersonWithManyJobsFallsBehindPeopleWithOne) {
  MachineForTests machine = one_model_fits();
  machine.make_resident(kA);
  std::vector<JobId> many;
  for (int i = 0; i < 10; ++i) many.push_back(machine.submit(1, kA, seconds(5)));
  const JobId single = machine.submit(2, kA, seconds(5));
  machine.play();
  EXPECT_LT(machine.ended.at(single).at, machine.ended.at(many[2]).at);
}

TEST(SchedulerOrder, OneJobEachIsFirstComeFirstServed) {
  MachineForTests machine = one_model_fits();
  machine.make_resident(kA);
  for (std::uint64_t person = 1; person <= 20; ++person) machine.submit(person, kA, seconds(5));
  machine.play();
  for (std::size_t i = 0; i < machine.dispatches.size(); ++i) {
    EXPECT_EQ(machine.dispatches[i].job, JobId{i + 1});
  }
}

TEST(SchedulerOrder, TheLeaderMovesAJobToTheFront) {
  MachineForTests machine = one_model_fits();
  machine.make_resident(kA);
  for (std::uint64_t person = 1; person <= 5; ++person) machine.submit(person, kA, seconds(5));
  machine.tell(JobMovedToFront{JobId{5}, PersonId{9}});
  machine.play();
  EXPECT_EQ(machine.dispatches.at(1).job, JobId{5}) << "right after the one that ran";
}

// ── workshop rules ───────────────────────────────────────────────────────────────────────────────

TEST(SchedulerWorkshop, RefusesWhatIsOutOfFocusUnknownOrTooMuch) {
  MachineForTests machine = one_model_fits();
  machine.run_workshop({ModelId{kA}}, 2);
  EXPECT_EQ(machine.refused.at(machine.submit(1, kB, seconds(5))).code, ErrorCode::out_of_focus);
  EXPECT_EQ(machine.refused.at(machine.submit(1, 77, seconds(5))).code, ErrorCode::unknown_model);
  machine.submit(1, kA, seconds(5));
  machine.submit(1, kA, seconds(5));
  const JobId third = machine.submit(1, kA, seconds(5));
  EXPECT_EQ(machine.refused.at(third).code, ErrorCode::limit_reached);
  EXPECT_EQ(machine.refused.at(third).limit, 2);
}

TEST(SchedulerWorkshop, RefusesBeforeTheStartInAPauseAndAfterTheEnd) {
  MachineForTests machine = one_model_fits();
  const auto code_in = [&](WorkshopState state, bool intake_open) {
    machine.tell(WorkshopSet{
        .workshop = WorkshopId{1}, .state = state, .intake_open = intake_open, .head_count = 5});
    return machine.refused.at(machine.submit(1, kA, seconds(5))).code;
  };
  EXPECT_EQ(code_in(WorkshopState::planned, true), ErrorCode::not_started);
  EXPECT_EQ(code_in(WorkshopState::warming, true), ErrorCode::not_started);
  EXPECT_EQ(code_in(WorkshopState::paused, true), ErrorCode::paused);
  EXPECT_EQ(code_in(WorkshopState::running, false), ErrorCode::paused);
  EXPECT_EQ(code_in(WorkshopState::ended, true), ErrorCode::ended);
}

TEST(SchedulerWorkshop, KeepsPlacesWhileItPauses) {
  MachineForTests machine = one_model_fits();
  machine.make_resident(kA);
  machine.run_workshop({ModelId{kA}});
  for (std::uint64_t person = 1; person <= 4; ++person) machine.submit(person, kA, seconds(5));
  machine.at(seconds(2), [&] {
    machine.tell(WorkshopSet{
        .workshop = WorkshopId{1}, .state = WorkshopState::paused, .focus = {ModelId{kA}}});
  });
  machine.at(minutes(30), [&] { machine.run_workshop({ModelId{kA}}); });
  machine.play();
  EXPECT_EQ(machine.ended.at(JobId{1}).at, Instant{seconds(5).us}) << "what runs is finished";
  EXPECT_EQ(machine.ended.at(JobId{2}).at, Instant{(minutes(30) + seconds(5)).us});
  EXPECT_EQ(machine.ended.at(JobId{4}).at, Instant{(minutes(30) + seconds(15)).us});
  EXPECT_TRUE(machine.unloads.empty()) << "a pause unloads nothing";
}

TEST(SchedulerWorkshop, WarmsUpInTheOrderOfThePlanAndKeepsIt) {
  MachineForTests machine;
  machine.add_device(10);
  machine.add_backend(1);
  machine.add_model(1, 4, seconds(10), seconds(5));
  machine.add_model(2, 4, seconds(20), seconds(5));
  machine.add_model(3, 4, seconds(5), seconds(5));
  machine.make_resident(3);
  machine.run_workshop({ModelId{2}, ModelId{1}});
  machine.tell(WantedSet{CauseKind::warm_up, {ModelId{2}, ModelId{1}}});
  machine.play();
  ASSERT_EQ(machine.loads.size(), 2U);
  EXPECT_EQ(machine.loads[0].model, ModelId{2});
  EXPECT_EQ(machine.loads[0].cause.kind, CauseKind::warm_up);
  ASSERT_EQ(machine.unloads.size(), 1U);
  EXPECT_EQ(machine.unloads[0].model, ModelId{3}) << "what nobody planned makes room";
}

TEST(SchedulerWorkshop, AFocusModelStaysThoughAnotherMediumIsAskedFor) {
  MachineForTests machine;
  machine.add_device(10);
  machine.add_backend(1);
  machine.add_model(1, 6, seconds(10), seconds(5));
  machine.add_model(2, 6, seconds(10), seconds(5));
  machine.make_resident(1);
  machine.run_workshop({ModelId{1}});
  const JobId everyday = machine.submit(9, 2, seconds(5), WorkshopId{});
  EXPECT_EQ(machine.refused.at(everyday).code, ErrorCode::misfit);
  machine.play();
  EXPECT_TRUE(machine.unloads.empty());
}

TEST(SchedulerWorkshop, EndingItCancelsWhatIsOpen) {
  MachineForTests machine = one_model_fits();
  machine.make_resident(kA);
  machine.run_workshop({ModelId{kA}});
  machine.submit(1, kA, seconds(50));
  machine.submit(2, kA, seconds(5));
  machine.at(seconds(3), [&] {
    machine.tell(WorkshopSet{.workshop = WorkshopId{1}, .state = WorkshopState::ended});
  });
  machine.play();
  EXPECT_EQ(machine.ended.at(JobId{1}).state, JobState::cancelled);
  EXPECT_EQ(machine.ended.at(JobId{1}).at, Instant{seconds(4).us})
      << "when the engine confirmed it";
  EXPECT_EQ(machine.ended.at(JobId{2}).state, JobState::cancelled);
}

// ── failures ─────────────────────────────────────────────────────────────────────────────────────

TEST(SchedulerFailure, AFailedRunIsTriedOnceMoreAtItsPlace) {
  MachineForTests machine = one_model_fits();
  machine.make_resident(kA);
  const JobId unlucky = machine.submit(1, kA, seconds(5));
  const JobId other = machine.submit(2, kA, seconds(5));
  machine.run_failures[unlucky] = 1;
  machine.play();
  EXPECT_EQ(machine.ended.at(unlucky).state, JobState::done);
  EXPECT_LT(machine.ended.at(unlucky).at, machine.ended.at(other).at);
}

TEST(SchedulerFailure, TwoFailedRunsEndTheJobWithACode) {
  MachineForTests machine = one_model_fits();
  machine.make_resident(kA);
  const JobId job = machine.submit(1, kA, seconds(5));
  machine.run_failures[job] = 2;
  machine.play();
  EXPECT_EQ(machine.ended.at(job).state, JobState::failed);
}

TEST(SchedulerFailure, AFailedLoadIsTriedAgainAtOnceThenAfterAPauseAndGivenUpAfterThree) {
  MachineForTests machine = one_model_fits();
  machine.load_failures[ModelId{kA}] = 1;
  machine.submit(1, kA, seconds(5));
  machine.play();
  EXPECT_EQ(machine.ended.at(JobId{1}).state, JobState::done);
  EXPECT_EQ(machine.ended.at(JobId{1}).at, Instant{seconds(10 + 10 + 5).us});

  MachineForTests hopeless = one_model_fits();
  hopeless.load_failures[ModelId{kA}] = 3;
  hopeless.submit(1, kA, seconds(5));
  hopeless.play();
  EXPECT_EQ(hopeless.ended.at(JobId{1}).code, ErrorCode::load_failed);
  EXPECT_EQ(hopeless.loads.size(), 3U);
  EXPECT_EQ(hopeless.ended.at(JobId{1}).at, Instant{seconds(10 + 10 + 5 + 10).us});
}

TEST(SchedulerFailure, ABackendThatGoesAwayLosesNoJob) {
  MachineForTests machine = one_model_fits();
  machine.make_resident(kA);
  machine.submit(1, kA, seconds(5));
  machine.at(seconds(2), [&] {
    machine.tell(BackendReachable{BackendId{1}, false});
    machine.tell(StepFailed{JobId{1}, 0, CauseKind::backend_down});
  });
  machine.at(seconds(60), [&] { machine.tell(BackendReachable{BackendId{1}, true}); });
  machine.play();
  EXPECT_EQ(machine.ended.at(JobId{1}).state, JobState::done);
  EXPECT_EQ(machine.ended.at(JobId{1}).at, Instant{seconds(75).us}) << "loaded and run again";
}

TEST(SchedulerFailure, ForeignMemoryBlocksALoadUntilItIsGone) {
  MachineForTests machine;
  machine.add_device(10);
  machine.add_backend(1);
  machine.add_model(1, 6, seconds(10), seconds(5));
  machine.tell(ForeignMemory{DeviceId{1}, MiB{2}});
  machine.submit(1, 1, seconds(5));
  machine.tell(ForeignMemory{DeviceId{1}, MiB{2}});
  machine.play();
  EXPECT_EQ(machine.ended.at(JobId{1}).state, JobState::done) << "six of eight fit";
  machine.tell(ForeignMemory{DeviceId{1}, MiB{4}});
  machine.tell(ExternalUnload{ModelId{1}});
  machine.tell(ForeignMemory{DeviceId{1}, MiB{5}});
  EXPECT_EQ(machine.refused.at(machine.submit(2, 1, seconds(5))).code, ErrorCode::misfit);
}

TEST(SchedulerFailure, IdleModelsGiveWayToMemoryThatOthersHold) {
  MachineForTests machine;
  machine.add_device(10);
  machine.add_backend(1);
  machine.add_model(1, 4, seconds(10), seconds(5));
  machine.add_model(2, 4, seconds(30), seconds(5));
  machine.make_resident(1);
  machine.make_resident(2);
  const JobId job = machine.submit(1, 1, seconds(5));
  machine.tell(ForeignMemory{DeviceId{1}, MiB{5}});
  ASSERT_EQ(machine.unloads.size(), 1U) << "the one at work stays";
  EXPECT_EQ(machine.unloads[0].model, ModelId{2});
  EXPECT_EQ(machine.unloads[0].cause.kind, CauseKind::foreign_memory);
  machine.play();
  EXPECT_EQ(machine.ended.at(job).state, JobState::done);
}

TEST(SchedulerFailure, CancellingARunningJobFreesItsSlotOnlyWhenConfirmed) {
  MachineForTests machine = one_model_fits();
  machine.make_resident(kA);
  machine.submit(1, kA, seconds(50));
  machine.submit(2, kA, seconds(5));
  machine.at(seconds(3),
             [&] { machine.tell(JobCancelled{JobId{1}, CauseKind::cancelled_by_person}); });
  machine.play();
  EXPECT_EQ(machine.ended.at(JobId{1}).state, JobState::cancelled);
  EXPECT_EQ(machine.ended.at(JobId{2}).at, Instant{seconds(3 + 1 + 5).us});
}

TEST(SchedulerFailure, LateNewsAboutEndedJobsChangesNothing) {
  MachineForTests machine = one_model_fits();
  machine.make_resident(kA);
  machine.submit(1, kA, seconds(5));
  machine.play();
  const std::size_t before = machine.decisions.size();
  machine.tell(StepFinished{JobId{1}, 0, seconds(5)});
  machine.tell(StepFailed{JobId{1}, 0, CauseKind::run_failed});
  machine.tell(JobCancelled{JobId{1}, CauseKind::cancelled_by_leader});
  machine.tell(JobCancelled{JobId{99}, CauseKind::cancelled_by_leader});
  machine.tell(RunStopped{JobId{1}, 0});
  machine.tell(UnloadFinished{ModelId{kA}});
  machine.tell(LoadFinished{ModelId{99}, MiB{1}, seconds(1)});
  EXPECT_EQ(machine.decisions.size(), before);
}

// ── what was learned ─────────────────────────────────────────────────────────────────────────────

TEST(SchedulerEstimates, LearnsEachSizeOfAModelApartAndStartsFromTheModel) {
  RunEstimates runs;
  runs.set_hint(seconds(20));
  EXPECT_EQ(runs.mean(7), seconds(20)) << "nothing was seen of this size";
  for (int i = 0; i < 40; ++i) {
    runs.observe(seconds(10), 1);
    runs.observe(seconds(60), 2);
  }
  EXPECT_LT(runs.mean(1), seconds(16));
  EXPECT_GT(runs.mean(2), seconds(54));
  EXPECT_GT(runs.mean(7), seconds(25)) << "a new size is like the model";
  EXPECT_LT(runs.mean(7), seconds(45));
}

TEST(SchedulerEstimates, ALargerJobOfTheSameModelIsExpectedToTakeLonger) {
  MachineForTests machine = one_model_fits();
  machine.make_resident(kA);
  std::uint64_t next = 1;
  const auto submit_sized = [&](std::uint64_t person, std::uint32_t size, Duration run) {
    machine.tell(JobSized{JobId{next}, size});
    ++next;
    return machine.submit(person, kA, run);
  };
  for (std::uint64_t person = 1; person <= 20; ++person) {
    submit_sized(2 * person, 1, seconds(5));
    submit_sized(2 * person + 1, 2, seconds(50));
  }
  machine.play();
  const Instant small_at = machine.now;
  const JobId small = submit_sized(100, 1, seconds(5));
  const Duration small_bound = machine.scheduler.quotes().find(small)->high_at - small_at;
  machine.play();
  const Instant large_at = machine.now;
  const JobId large = submit_sized(101, 2, seconds(50));
  const Duration large_bound = machine.scheduler.quotes().find(large)->high_at - large_at;
  EXPECT_GT(large_bound, small_bound + seconds(20));
}

// ── what people are told ─────────────────────────────────────────────────────────────────────────

TEST(SchedulerQuotes, CountsWhoIsAheadAndGivesARangeAroundTheTruth) {
  MachineForTests machine = one_model_fits();
  machine.make_resident(kA);
  for (std::uint64_t person = 1; person <= 4; ++person) machine.submit(person, kA, seconds(5));
  const Quote& last = *machine.scheduler.quotes().find(JobId{4});
  EXPECT_EQ(last.ahead, 3U);
  EXPECT_TRUE(last.known);
  EXPECT_LE(last.low_at, Instant{seconds(20).us});
  EXPECT_GE(last.high_at, Instant{seconds(20).us});
}

TEST(SchedulerQuotes, NamesTheShareThatIsLoading) {
  MachineForTests machine = one_model_fits();
  machine.submit(1, kA, seconds(5));
  const Quote& quote = *machine.scheduler.quotes().find(JobId{1});
  EXPECT_EQ(quote.loading, seconds(10));
}

TEST(SchedulerQuotes, AGrowingBoundComesWithAReason) {
  MachineForTests machine = one_model_fits();
  machine.load_failures[ModelId{kA}] = 2;
  machine.submit(1, kA, seconds(5));
  machine.play();
  ASSERT_FALSE(machine.revisions.empty());
  EXPECT_EQ(machine.revisions.front().cause.kind, CauseKind::load_failed);
}

TEST(SchedulerQuotes, SaysNothingAboutTimesInAPause) {
  MachineForTests machine = one_model_fits();
  machine.make_resident(kA);
  machine.run_workshop({});
  machine.submit(1, kA, seconds(5));
  machine.submit(2, kA, seconds(5));
  machine.tell(WorkshopSet{.workshop = WorkshopId{1}, .state = WorkshopState::paused});
  const Quote& waiting = *machine.scheduler.quotes().find(JobId{2});
  EXPECT_FALSE(waiting.known);
  EXPECT_EQ(waiting.ahead, 1U) << "the place stays known";
}

}  // namespace
}  // namespace stoker::scheduler
