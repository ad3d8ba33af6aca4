// Plans in time: what the scheduler is told of schedules, and what happens without anybody pressing a button.
#include <gtest/gtest.h>

#include "controller/journal_codec.h"
#include "controller/replay.h"
#include "controller/workshop_for_tests.h"

namespace stoker::controller {
namespace {

class PlannedTimes : public ::testing::Test {
 protected:
  // A workshop so long after now, planned and no more.
  void plan(const std::vector<std::string_view>& focus, std::optional<Duration> starts,
            std::optional<Duration> ends) {
    const WallTime now = story.loop->wall_now();
    CreateWorkshop command{.title = "Papierwelten"};
    if (starts) command.settings.starts = now + *starts;
    if (ends) command.settings.ends = now + *ends;
    for (const std::string_view name : focus) command.focus.push_back(story.model(name));
    const auto id = story.ask<WorkshopId>(
        [&](auto r) { story.controller->create_workshop(story.admin(), command, std::move(r)); });
    ASSERT_TRUE(id.has_value()) << id.error().detail;
    story.workshop = *id;
  }
  WorkshopState state() { return story.snapshot()->workshops.at(story.workshop)->state; }
  ModelState state_of(std::string_view name) {
    return story.snapshot()->models.at(story.model(name))->state;
  }
  void patch(const WorkshopPatch& fields) {
    const auto done = story.ask<void>([&](auto r) {
      story.controller->patch_workshop(story.leader(), story.workshop, fields, std::move(r));
    });
    ASSERT_TRUE(done.has_value()) << done.error().detail;
  }
  // What the journal says that the scheduler was told.
  template <class Event>
  std::vector<Event> told() const {
    std::vector<Event> list;
    for (const JournalRow& row : story.disk.journal) {
      const auto entry = decode(row);
      if (!entry) continue;
      const auto* event = std::get_if<scheduler::Event>(&*entry);
      if (event == nullptr) continue;
      if (const auto* wanted = std::get_if<Event>(event)) list.push_back(*wanted);
    }
    return list;
  }
  scheduler::PlanSet last_plan() const {
    const auto plans = told<scheduler::PlanSet>();
    return plans.empty() ? scheduler::PlanSet{} : plans.back();
  }
  void expect_the_journal_replays() {
    const auto report = verify_journal(*story.store, 0);
    ASSERT_TRUE(report.has_value()) << report.error().detail;
    EXPECT_EQ(report->first_difference_seq, std::nullopt);
  }
  void reload() {
    const auto done = story.ask<void>(
        [&](auto r) { story.controller->set_topology(story.topology, std::move(r)); });
    ASSERT_TRUE(done.has_value());
  }

  WorkshopForTests story;
};

TEST_F(PlannedTimes, ModelsAreWarmBeforeTheStartThoughNobodyPressesAButton) {
  plan({"sd3.5_large", "ltx_video"}, minutes(60), minutes(180));
  story.loop->run_for(minutes(30));
  EXPECT_EQ(state(), WorkshopState::planned);
  EXPECT_EQ(state_of("ltx_video"), ModelState::cold);
  story.loop->run_for(minutes(28));
  EXPECT_EQ(state(), WorkshopState::ready);
  EXPECT_EQ(state_of("sd3.5_large"), ModelState::hot);
  EXPECT_EQ(state_of("ltx_video"), ModelState::hot);
  for (const LedgerEntry& entry : *story.snapshot()->ledger)
    EXPECT_EQ(entry.cause.cause.kind, CauseKind::warm_up);
  expect_the_journal_replays();
}

TEST_F(PlannedTimes, WhatNobodyUsesAnyMoreMakesRoomForThePlan) {
  story.create({"gpt-oss:120b"});
  story.loop->run_for(minutes(5));
  ASSERT_EQ(state_of("gpt-oss:120b"), ModelState::hot);
  ASSERT_TRUE(story.act(WorkshopAction::end).has_value());
  plan({"flux2", "ltx_video"}, minutes(30), minutes(90));
  story.loop->run_for(minutes(29));
  EXPECT_EQ(state(), WorkshopState::ready);
  EXPECT_EQ(state_of("gpt-oss:120b"), ModelState::cold);
}

TEST_F(PlannedTimes, TheLeaderStartsWarmAndNothingIsLoadedTwice) {
  plan({"sd3.5_large", "gpt-oss:20b"}, minutes(20), minutes(90));
  story.loop->run_for(minutes(20));
  ASSERT_TRUE(story.act(WorkshopAction::start).has_value());
  const JobId job = story.submit(story.join(), "sd3.5_large")->job;
  ASSERT_TRUE(story.run_until_final(job));
  EXPECT_EQ(story.job(job).loading, Duration{});
  std::size_t loads = 0;
  for (const LedgerEntry& entry : *story.snapshot()->ledger)
    loads += entry.kind == LedgerKind::load_started ? 1 : 0;
  EXPECT_EQ(loads, 2U);
}

TEST_F(PlannedTimes, AWarmUpToWhichNobodyCameIsGivenUpAtTheEnd) {
  plan({"sd3.5_large"}, minutes(20), minutes(90));
  story.loop->run_for(minutes(89));
  EXPECT_EQ(state(), WorkshopState::ready);
  story.loop->run_for(minutes(2));
  EXPECT_EQ(state(), WorkshopState::planned);
  EXPECT_TRUE(last_plan().announced.empty());
  EXPECT_TRUE(last_plan().phase_edges.empty());
  story.loop->run_for(minutes(60));
  EXPECT_EQ(state(), WorkshopState::planned) << "once";
}

TEST_F(PlannedTimes, AWarmUpThatIsOverIsNotTakenUpAgain) {
  plan({"sd3.5_large"}, minutes(20), minutes(90));
  story.loop->run_for(minutes(19));
  ASSERT_EQ(state(), WorkshopState::ready);
  story.loop->set_wall(story.loop->wall_now() + minutes(24 * 60));
  story.loop->run_for(minutes(1));
  EXPECT_EQ(state(), WorkshopState::planned) << "the clock says that it is over";
  ASSERT_TRUE(story.act(WorkshopAction::warm).has_value());
  patch({.starts = WallTime{1}, .ends = WallTime{2}});
  EXPECT_EQ(state(), WorkshopState::ready);
  story.crash();
  story.open();
  EXPECT_EQ(state(), WorkshopState::planned);
  expect_the_journal_replays();
}

TEST_F(PlannedTimes, ALeaderMayWarmUpAfterThePlannedEnd) {
  plan({"sd3.5_large"}, minutes(-120), minutes(-60));
  story.loop->run_for(minutes(1));
  EXPECT_EQ(state(), WorkshopState::planned);
  ASSERT_TRUE(story.act(WorkshopAction::warm).has_value());
  story.loop->run_for(minutes(10));
  EXPECT_EQ(state(), WorkshopState::ready);
}

TEST_F(PlannedTimes, AWallClockThatJumpsMovesThePlan) {
  plan({"sd3.5_large"}, minutes(600), minutes(700));
  const WallTime starts = story.loop->wall_now() + minutes(600);
  story.loop->run_for(minutes(5));
  EXPECT_EQ(state(), WorkshopState::planned);
  const std::size_t before = told<scheduler::PlanSet>().size();
  story.loop->set_wall(WallTime{starts.ms - minutes(3).ms()});
  story.loop->run_for(minutes(1));
  EXPECT_GT(told<scheduler::PlanSet>().size(), before);
  EXPECT_EQ(state(), WorkshopState::ready);
}

TEST_F(PlannedTimes, NextWeeksPlanTakesNoRoomFromToday) {
  story.create({"flux2", "sd3.5_large"});
  const WorkshopId today = story.workshop;
  plan({"gpt-oss:120b"}, minutes(7 * 24 * 60), std::nullopt);
  EXPECT_TRUE(last_plan().announced.empty());
  EXPECT_EQ(last_plan().phase_edges.size(), 2U);
  story.workshop = today;
  const Actor otter = story.join();
  for (const std::string_view name : {"flux2", "sd3.5_large"})
    EXPECT_TRUE(story.submit(otter, name).has_value()) << name;
}

TEST_F(PlannedTimes, AWorkshopWithoutTimesIsOnePhaseFromItsStartUntilFurtherNotice) {
  story.create({"sd3.5_large", "gpt-oss:20b"});
  const scheduler::PlanSet plan = last_plan();
  EXPECT_EQ(plan.workshop, story.workshop);
  EXPECT_EQ(plan.announced, (std::vector{story.model("sd3.5_large"), story.model("gpt-oss:20b")}));
  ASSERT_EQ(plan.phase_edges.size(), 2U);
  EXPECT_LE(plan.phase_edges[0], story.loop->now());
  EXPECT_GT(plan.phase_edges[1], story.loop->now() + minutes(365 * 24 * 60));
  ASSERT_TRUE(story.act(WorkshopAction::pause).has_value());
  patch({.board_message = "Pause"});
  story.loop->run_for(minutes(60));
  EXPECT_EQ(told<scheduler::PlanSet>().size(), 1U) << "nothing has changed";
  ASSERT_TRUE(story.act(WorkshopAction::end).has_value());
  EXPECT_TRUE(last_plan().phase_edges.empty());
  EXPECT_TRUE(last_plan().announced.empty());
  expect_the_journal_replays();
}

TEST_F(PlannedTimes, WhoWorksBeyondThePlannedEndWorksUntilFurtherNotice) {
  plan({"sd3.5_large"}, minutes(10), minutes(30));
  story.loop->run_for(minutes(12));
  ASSERT_TRUE(story.act(WorkshopAction::start).has_value());
  const Instant end = last_plan().phase_edges.at(1);
  EXPECT_LT(end, story.loop->now() + minutes(19));
  story.loop->run_for(minutes(20));
  EXPECT_EQ(state(), WorkshopState::running);
  EXPECT_GT(last_plan().phase_edges.at(1), story.loop->now() + minutes(24 * 60));
}

TEST_F(PlannedTimes, NewTimesAndAnotherFocusAreTold) {
  plan({"sd3.5_large"}, std::nullopt, std::nullopt);
  EXPECT_TRUE(told<scheduler::PlanSet>().empty()) << "nothing is planned";
  patch({.starts = story.loop->wall_now() + minutes(300)});
  ASSERT_EQ(last_plan().phase_edges.size(), 2U);
  EXPECT_GT(last_plan().phase_edges[0], story.loop->now() + minutes(299));
  ASSERT_TRUE(story.act(WorkshopAction::start).has_value());
  EXPECT_LE(last_plan().phase_edges.at(0), story.loop->now()) << "earlier than planned";
  const std::vector<ModelId> focus{story.model("ltx_video")};
  const auto done = story.ask<void>([&](auto r) {
    story.controller->set_focus(story.leader(), story.workshop, {}, focus, std::move(r));
  });
  ASSERT_TRUE(done.has_value());
  EXPECT_EQ(last_plan().announced, focus);
}

TEST_F(PlannedTimes, APlanSurvivesARestart) {
  plan({"sd3.5_large"}, minutes(40), minutes(90));
  story.crash();
  story.open();
  EXPECT_EQ(last_plan().phase_edges.size(), 2U);
  story.loop->run_for(minutes(39));
  EXPECT_EQ(state(), WorkshopState::ready);
  story.crash();
  story.open();
  EXPECT_EQ(last_plan().announced, std::vector{story.model("sd3.5_large")});
  expect_the_journal_replays();
}

TEST_F(PlannedTimes, AMomentFarAwayOverflowsNothing) {
  plan({"sd3.5_large"}, std::nullopt, std::nullopt);
  patch({.starts = WallTime{32'503'680'000'000}});
  story.loop->run_for(minutes(10));
  EXPECT_EQ(told<scheduler::PlanSet>().size(), 1U);
  patch({.starts = WallTime{1}, .ends = WallTime{32'503'680'000'000}});
  story.loop->run_for(minutes(10));
  EXPECT_EQ(state(), WorkshopState::ready);
  expect_the_journal_replays();
}

// ── how to plan ──────────────────────────────────────────────────────────────────────────────────

TEST_F(PlannedTimes, SpeedsAndPatienceAreToldWhenTheyDiffer) {
  EXPECT_TRUE(told<scheduler::DeviceSpeeds>().empty());
  EXPECT_TRUE(told<scheduler::PatienceSet>().empty());
  const DeviceId device = story.topology.devices.front().id;
  story.topology.speeds = {{.device = device, .loads_parallel = 2}};
  story.topology.patience = {seconds(45), seconds(240)};
  reload();
  reload();
  ASSERT_EQ(told<scheduler::DeviceSpeeds>().size(), 1U);
  EXPECT_EQ(told<scheduler::DeviceSpeeds>()[0].loads_parallel, 2U);
  ASSERT_EQ(told<scheduler::PatienceSet>().size(), 1U);
  EXPECT_EQ(told<scheduler::PatienceSet>()[0].generation, seconds(240));
  story.topology.speeds.clear();
  reload();
  ASSERT_EQ(told<scheduler::DeviceSpeeds>().size(), 2U) << "back to the defaults";
  EXPECT_EQ(told<scheduler::DeviceSpeeds>()[1].loads_parallel, 1U);
  expect_the_journal_replays();
}

TEST_F(PlannedTimes, NewWorkshopsHandleMisfitsAsConfigured) {
  const auto misfit = [&] { return story.snapshot()->workshops.at(story.workshop)->misfit; };
  story.create({"sd3.5_large"}, false);
  EXPECT_EQ(misfit(), MisfitRule::refuse);
  story.topology.misfit = MisfitRule::turns;
  reload();
  EXPECT_EQ(misfit(), MisfitRule::refuse) << "what was decided before stays";
  story.create({"sd3.5_large"}, false);
  EXPECT_EQ(misfit(), MisfitRule::turns);
  patch({.misfit = MisfitRule::refuse});
  EXPECT_EQ(misfit(), MisfitRule::refuse);
}

}  // namespace
}  // namespace stoker::controller
