#include "controller/controller.h"

#include <gtest/gtest.h>

#include "controller/replay.h"
#include "controller/workshop_for_tests.h"

namespace stoker::controller {
namespace {

using Story = WorkshopForTests;

std::size_t loads_of(const Snapshot& snapshot, ModelId model) {
  std::size_t loads = 0;
  for (const LedgerEntry& entry : *snapshot.ledger) {
    loads += entry.kind == LedgerKind::load_finished && entry.model == model ? 1 : 0;
  }
  return loads;
}

TEST(ControllerWork, TakesAPromptToAPictureFileWithCauses) {
  Story story;
  story.create({"sd3.5_large"});
  const Actor otter = story.join();
  const auto accepted = story.submit(otter, "sd3.5_large");
  ASSERT_TRUE(accepted.has_value()) << accepted.error().detail;
  EXPECT_EQ(story.job(accepted->job).state, JobState::loading);
  EXPECT_EQ(story.job(accepted->job).waiting_for, WaitingFor::model_load);
  ASSERT_TRUE(story.run_until_final(accepted->job));
  const JobView& job = story.job(accepted->job);
  EXPECT_EQ(job.state, JobState::done);
  ASSERT_EQ(job.results.size(), 1U);
  EXPECT_EQ(job.results[0].format, MediaFormat::png);
  EXPECT_TRUE(job.results[0].simulated);
  EXPECT_FALSE(job.causes.empty());
  EXPECT_GT(job.loading, Duration{0});
  EXPECT_GT(job.running, Duration{0});
  const auto size = story.files->size({story.workshop, job.id, 0, "png"});
  ASSERT_TRUE(size.has_value());
  EXPECT_EQ(*size, job.results[0].bytes);
}

TEST(ControllerWork, EveryMediumGivesItsKindOfFile) {
  Story story;
  story.create({"sd3.5_large", "ltx_video", "stableaudio", "gpt-oss:20b"});
  const Actor otter = story.join();
  const std::pair<std::string_view, Medium> wishes[] = {
      {"gpt-oss:20b", Medium::text}, {"ltx_video", Medium::video}, {"stableaudio", Medium::audio}};
  for (const auto& [name, medium] : wishes) {
    const auto accepted = story.submit(otter, name);
    ASSERT_TRUE(accepted.has_value());
    ASSERT_TRUE(story.run_until_final(accepted->job));
    const JobView& job = story.job(accepted->job);
    ASSERT_EQ(job.state, JobState::done) << name;
    EXPECT_TRUE(format_suits(job.results[0].format, medium));
  }
}

TEST(ControllerWork, ThePlannedModelsAreLoadedOnceForAWholeClass) {
  Story story;
  story.create({"sd3.5_large", "ltx_video"}, false);
  ASSERT_TRUE(story.act(WorkshopAction::warm).has_value());
  story.loop->run_for(minutes(3));
  EXPECT_EQ(story.snapshot()->workshops.at(story.workshop)->state, WorkshopState::ready);
  ASSERT_TRUE(story.act(WorkshopAction::start).has_value());
  std::vector<JobId> jobs;
  for (int person = 0; person < 12; ++person) {
    const Actor actor = story.join();
    jobs.push_back(story.submit(actor, person % 3 == 0 ? "ltx_video" : "sd3.5_large")->job);
  }
  for (const JobId job : jobs) {
    ASSERT_TRUE(story.run_until_final(job));
    EXPECT_EQ(story.job(job).state, JobState::done);
    EXPECT_EQ(story.job(job).loading, Duration{0}) << "warm";
  }
  EXPECT_EQ(loads_of(*story.snapshot(), story.model("sd3.5_large")), 1U);
  EXPECT_EQ(loads_of(*story.snapshot(), story.model("ltx_video")), 1U);
}

TEST(ControllerWork, TheSameKeyMakesOneJobAndAnotherBodyIsAConflict) {
  Story story;
  story.create({"sd3.5_large"});
  const Actor otter = story.join();
  const auto first = story.submit(otter, "sd3.5_large", "a boat", "key-1");
  const auto again = story.submit(otter, "sd3.5_large", "a boat", "key-1");
  ASSERT_TRUE(first && again);
  EXPECT_EQ(first->job, again->job);
  EXPECT_FALSE(first->replayed);
  EXPECT_TRUE(again->replayed);
  TokenHash other_body{};
  other_body[5] = 1;
  const auto conflict = story.ask<SubmitReply>([&](auto r) {
    story.controller->submit({.actor = otter,
                              .model = story.model("sd3.5_large"),
                              .prompt = "a whale",
                              .idempotency_key = "key-1",
                              .body_hash = other_body},
                             std::move(r));
  });
  EXPECT_EQ(conflict.error().code, ErrorCode::conflict);
}

TEST(ControllerWork, RefusesWithTheRightCodes) {
  Story story;
  story.create({"sd3.5_large"});
  const Actor otter = story.join();
  EXPECT_EQ(story.submit(otter, "flux2").error().code, ErrorCode::out_of_focus);
  EXPECT_EQ(story.submit(otter, "qwen3:1.7b").error().code, ErrorCode::unknown_model)
      << "not offered";
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(story.submit(otter, "sd3.5_large").has_value());
  EXPECT_EQ(story.submit(otter, "sd3.5_large").error().code, ErrorCode::limit_reached);
  ASSERT_TRUE(story.act(WorkshopAction::pause).has_value());
  const Actor owl = story.join();
  EXPECT_EQ(story.submit(owl, "sd3.5_large").error().code, ErrorCode::paused);
  ASSERT_TRUE(story.act(WorkshopAction::end).has_value());
  EXPECT_EQ(story.submit(owl, "sd3.5_large").error().code, ErrorCode::ended);
}

TEST(ControllerWork, PeopleTouchOnlyTheirOwnWork) {
  Story story;
  story.create({"sd3.5_large"});
  const Actor otter = story.join();
  const Actor owl = story.join();
  const JobId job = story.submit(otter, "sd3.5_large")->job;
  const auto cancel = [&](const Actor& actor) {
    return story.ask<void>([&](auto r) { story.controller->cancel(actor, job, std::move(r)); });
  };
  EXPECT_EQ(cancel(owl).error().code, ErrorCode::not_found) << "not even its existence is told";
  EXPECT_TRUE(cancel(otter).has_value());
  ASSERT_TRUE(story.run_until_final(job));
  EXPECT_EQ(story.job(job).cancelled_by, By::person);
}

TEST(ControllerWork, ALeaderCancelsRunningWorkAndTheEngineStops) {
  Story story;
  story.create({"ltx_video"});
  const Actor otter = story.join();
  const JobId job = story.submit(otter, "ltx_video")->job;
  while (story.job(job).state != JobState::running) story.loop->run_for(seconds(1));
  ASSERT_TRUE(
      story.ask<void>([&](auto r) { story.controller->cancel(story.leader(), job, std::move(r)); })
          .has_value());
  ASSERT_TRUE(story.run_until_final(job));
  EXPECT_EQ(story.job(job).cancelled_by, By::leader);
  EXPECT_EQ(story.media().running(), 0U);
}

TEST(ControllerWork, AnEditedPromptIsWhatRuns) {
  Story story;
  story.create({"sd3.5_large"});
  const Actor otter = story.join();
  const JobId job = story.submit(otter, "sd3.5_large", "a boat")->job;
  const auto edit = [&](std::string prompt) {
    return story.ask<void>(
        [&](auto r) { story.controller->edit(otter, job, std::move(prompt), std::move(r)); });
  };
  ASSERT_TRUE(edit("a whale").has_value());
  EXPECT_EQ(*story.job(job).prompt, "a whale");
  ASSERT_TRUE(story.run_until_final(job));
  EXPECT_EQ(edit("a bird").error().code, ErrorCode::conflict);
}

TEST(ControllerWork, ATextThatIsCollectedWithOthersSaysSoAndWhenItBegins) {
  Story story;
  story.create({"ltx_video", "gpt-oss:20b"});
  story.loop->run_for(minutes(5));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(story.submit(story.join(), "ltx_video").has_value());
  const JobId text = story.submit(story.join(), "gpt-oss:20b")->job;
  const JobView waits = story.job(text);
  EXPECT_EQ(waits.state, JobState::queued);
  EXPECT_EQ(waits.waiting_for, WaitingFor::text_batch);
  ASSERT_TRUE(waits.texts_begin_by.has_value());
  EXPECT_GT(*waits.texts_begin_by, story.loop->now());
  EXPECT_LE(*waits.texts_begin_by, story.loop->now() + minutes(2));
  story.loop->run_until(*waits.texts_begin_by + seconds(1));
  const JobView begun = story.job(text);
  EXPECT_NE(begun.waiting_for, WaitingFor::text_batch);
  EXPECT_FALSE(begun.texts_begin_by.has_value());
  EXPECT_TRUE(begun.state == JobState::running || begun.state == JobState::done);
}

TEST(ControllerFault, AFailedRunIsTriedAgainAndSaysSo) {
  Story story;
  story.create({"sd3.5_large"});
  const Actor otter = story.join();
  story.media().faults().break_next_run(story.model("sd3.5_large"), {FaultKind::fail, 0.5});
  const JobId job = story.submit(otter, "sd3.5_large")->job;
  ASSERT_TRUE(story.run_until_final(job));
  EXPECT_EQ(story.job(job).state, JobState::done);
  EXPECT_EQ(story.job(job).attempt, 2U);
}

TEST(ControllerFault, AnEngineThatGoesAwayInTheMiddleLosesNothing) {
  Story story;
  story.create({"ltx_video"});
  const Actor otter = story.join();
  const JobId job = story.submit(otter, "ltx_video")->job;
  while (story.job(job).state != JobState::running) story.loop->run_for(seconds(1));
  story.media().take_down();
  story.loop->run_for(seconds(30));
  EXPECT_EQ(story.job(job).waiting_for, WaitingFor::backend);
  EXPECT_EQ(story.submit(otter, "ltx_video").error().code, ErrorCode::backend_down);
  story.media().bring_up();
  ASSERT_TRUE(story.run_until_final(job));
  EXPECT_EQ(story.job(job).state, JobState::done);
}

TEST(ControllerFault, AModelThatTheEngineDropsIsSeenAndLoadedAgain) {
  Story story;
  story.create({"sd3.5_large"});
  const Actor otter = story.join();
  ASSERT_TRUE(story.run_until_final(story.submit(otter, "sd3.5_large")->job));
  story.media().lose_model(story.model("sd3.5_large"));
  story.loop->run_for(seconds(60));
  bool seen = false;
  for (const LedgerEntry& entry : *story.snapshot()->ledger)
    seen |= entry.kind == LedgerKind::external_unload;
  EXPECT_TRUE(seen);
  EXPECT_EQ(story.snapshot()->models.at(story.model("sd3.5_large"))->state, ModelState::hot)
      << "the focus is kept warm";
}

TEST(ControllerFault, ForeignMemoryIsMeasuredNamedAndBlocksLoads) {
  Story story;
  story.create({"gpt-oss:120b"}, false);
  story.gpu->set_foreign(MiB{40'000});
  story.loop->run_for(seconds(3));
  EXPECT_EQ(story.snapshot()->devices.front().foreign, MiB{40'000});
  ASSERT_TRUE(story.act(WorkshopAction::start).has_value());
  EXPECT_EQ(story.submit(story.join(), "gpt-oss:120b").error().code, ErrorCode::misfit);
  story.gpu->set_foreign(MiB{0});
  story.loop->run_for(seconds(3));
  EXPECT_TRUE(story.submit(story.join(), "gpt-oss:120b").has_value());
}

// The ledger tells loads and unloads with what the card said, refusals too, and readings in a row only once.
TEST(ControllerLedger, TellsWhatWasMeasuredAndWhoWasRefused) {
  Story story;
  story.create({}, true);
  const Actor child = story.join();
  ASSERT_TRUE(story.submit(child, "sd3.5_large").has_value());
  story.loop->run_for(minutes(2));
  story.gpu->set_foreign(MiB{10'000});
  story.loop->run_for(seconds(3));
  story.gpu->set_foreign(MiB{40'000});
  story.loop->run_for(seconds(3));
  EXPECT_EQ(story.submit(story.join(), "gpt-oss:120b").error().code, ErrorCode::misfit);
  const ModelId picture = story.model("sd3.5_large");
  ASSERT_TRUE(story
                  .ask<void>([&](auto r) {
                    story.controller->unload(story.admin(), picture, std::move(r));
                  })
                  .has_value());
  story.loop->run_for(seconds(20));
  const auto snapshot = story.snapshot();
  const auto find = [&](LedgerKind kind) {
    std::vector<LedgerEntry> found;
    for (const LedgerEntry& entry : *snapshot->ledger)
      if (entry.kind == kind) found.push_back(entry);
    return found;
  };
  ASSERT_EQ(find(LedgerKind::load_finished).size(), 1U);
  const LedgerEntry load = find(LedgerKind::load_finished).front();
  ASSERT_TRUE(load.predicted && load.measured && load.took);
  EXPECT_EQ(load.cause.cause.kind, CauseKind::request);
  ASSERT_EQ(find(LedgerKind::unload_finished).size(), 1U);
  const LedgerEntry unload = find(LedgerKind::unload_finished).front();
  EXPECT_EQ(unload.measured, load.measured) << "as much became free as had been taken";
  EXPECT_EQ(unload.cause.cause.kind, CauseKind::operator_action);
  ASSERT_EQ(find(LedgerKind::foreign_memory).size(), 1U);
  EXPECT_EQ(find(LedgerKind::foreign_memory).front().measured, MiB{40'000});
  ASSERT_EQ(find(LedgerKind::refused).size(), 1U);
  EXPECT_EQ(find(LedgerKind::refused).front().model, story.model("gpt-oss:120b"));
  const auto footprint = snapshot->models.at(picture)->footprint;
  ASSERT_TRUE(footprint);
  EXPECT_EQ(footprint->last, *load.measured);
}

TEST(ControllerRestart, QueuedWorkIsQueuedAgainAndNothingIsDoubled) {
  Story story;
  story.create({"sd3.5_large"});
  std::vector<JobId> jobs;
  for (int i = 0; i < 5; ++i)
    jobs.push_back(story.submit(story.join(), "sd3.5_large", "boat " + std::to_string(i))->job);
  ASSERT_TRUE(story.run_until_final(jobs[0]));
  story.crash();
  story.open();
  EXPECT_EQ(story.job(jobs[0]).state, JobState::done);
  for (const JobId job : jobs) {
    ASSERT_TRUE(story.run_until_final(job));
    EXPECT_EQ(story.job(job).state, JobState::done);
  }
  EXPECT_EQ(*story.job(jobs[4]).prompt, "boat 4");
  EXPECT_EQ(story.snapshot()->jobs.size(), jobs.size());
}

// The clock begins anew with the machine; places that were times on the old one must not end up in the far future.
TEST(ControllerRestart, OldWorkKeepsItsPlaceThoughTheClockBeganAnew) {
  Story story;
  story.create({"sd3.5_large"});
  story.loop->run_for(minutes(60));
  std::vector<JobId> old;
  for (int i = 0; i < 3; ++i)
    old.push_back(story.submit(story.join(), "sd3.5_large", "boat " + std::to_string(i))->job);
  const Actor newcomer = story.join();
  story.crash();
  story.open();
  const JobId late = story.submit(newcomer, "sd3.5_large", "a late boat")->job;
  for (const JobId job : old) ASSERT_TRUE(story.run_until_final(job));
  EXPECT_FALSE(job_state_is_final(story.job(late).state)) << "served before those who waited";
  ASSERT_TRUE(story.run_until_final(late));
}

TEST(ControllerRestart, WorkshopsPeopleTokensAndKeysSurvive) {
  Story story;
  story.create({"sd3.5_large"});
  const Actor otter = story.join();
  const auto before = story.submit(otter, "sd3.5_large", "a boat", "key-7");
  const std::string code = story.snapshot()->workshops.at(story.workshop)->join_code;
  const Symbol symbol = story.snapshot()->people.at(otter.person)->symbol;
  story.crash();
  story.open();
  const auto snapshot = story.snapshot();
  EXPECT_EQ(snapshot->workshops.at(story.workshop)->join_code, code);
  EXPECT_EQ(snapshot->workshops.at(story.workshop)->title, "Papierwelten");
  EXPECT_EQ(snapshot->people.at(otter.person)->symbol, symbol);
  EXPECT_EQ(snapshot->tokens->at(otter.token).person, otter.person);
  const auto again = story.submit(otter, "sd3.5_large", "a boat", "key-7");
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->job, before->job);
  EXPECT_TRUE(again->replayed);
}

TEST(ControllerRestart, ARecordedJournalReplaysToTheSameDecisions) {
  Story story;
  story.create({"sd3.5_large", "ltx_video"});
  for (int i = 0; i < 8; ++i)
    ASSERT_TRUE(story.submit(story.join(), i % 2 == 0 ? "sd3.5_large" : "ltx_video").has_value());
  story.loop->run_for(minutes(2));
  story.crash();
  story.open();
  story.loop->run_for(minutes(10));
  const auto report = verify_journal(*story.store, 0);
  ASSERT_TRUE(report.has_value()) << report.error().detail;
  EXPECT_EQ(report->first_difference_seq, std::nullopt);
  EXPECT_EQ(report->epochs, 2);
  EXPECT_GT(report->decisions_compared, 20);
}

TEST(ControllerRestart, AChangedDecisionIsFoundByReplay) {
  Story story;
  story.create({"sd3.5_large"});
  ASSERT_TRUE(story.run_until_final(story.submit(story.join(), "sd3.5_large")->job));
  for (JournalRow& row : story.disk.journal) {
    if (row.type > 101 && row.type < 200 && !row.numbers.empty()) row.numbers.back() += 1;
  }
  const auto report = verify_journal(*story.store, 0);
  EXPECT_TRUE(!report.has_value() || report->first_difference_seq.has_value());
}

TEST(ControllerWorkshop, DeletingItRemovesTextsFilesTokensAndNames) {
  Story story;
  story.create({"sd3.5_large"});
  const Actor otter = story.join();
  const JobId job = story.submit(otter, "sd3.5_large", "ein geheimer Satz")->job;
  ASSERT_TRUE(story.run_until_final(job));
  const auto erase = [&] {
    return story.ask<Erased>([&](auto r) {
      story.controller->delete_workshop(story.leader(), story.workshop, std::move(r));
    });
  };
  EXPECT_EQ(erase().error().code, ErrorCode::conflict) << "it still runs";
  ASSERT_TRUE(story.act(WorkshopAction::end).has_value());
  const auto receipt = erase();
  ASSERT_TRUE(receipt.has_value()) << receipt.error().detail;
  EXPECT_EQ(receipt->jobs, 1U);
  EXPECT_EQ(receipt->files, 1U);
  EXPECT_EQ(receipt->texts, 1U);
  EXPECT_TRUE(story.disk.content.empty());
  EXPECT_FALSE(story.files->size({story.workshop, job, 0, "png"}).has_value());
  EXPECT_TRUE(story.snapshot()->tokens->empty());
  EXPECT_TRUE(story.snapshot()->jobs.empty());
}

TEST(ControllerWorkshop, IsForgottenByItselfWhenItsTimeIsOver) {
  Story story;
  story.create({"stableaudio"});
  const Actor otter = story.join();
  const JobId job = story.submit(otter, "stableaudio", "ein geheimer Satz")->job;
  ASSERT_TRUE(story.run_until_final(job));
  const auto keep_days = [&](std::uint32_t days) {
    return story.ask<void>([&](auto r) {
      story.controller->patch_workshop(story.leader(), story.workshop, {.retention_days = days},
                                       std::move(r));
    });
  };
  ASSERT_TRUE(keep_days(1).has_value());
  ASSERT_TRUE(story.act(WorkshopAction::end).has_value());
  story.loop->run_for(minutes(70));
  EXPECT_EQ(story.snapshot()->workshops.size(), 1U) << "a day has not passed";
  story.loop->set_wall(story.loop->wall_now() + minutes(25 * 60));
  story.loop->run_for(minutes(70));
  EXPECT_TRUE(story.snapshot()->workshops.empty());
  EXPECT_FALSE(story.files->size({story.workshop, job, 0, "flac"}).has_value());
  EXPECT_TRUE(story.disk.content.empty() ||
              story.disk.content.begin()->second.delete_after > story.loop->wall_now());
}

TEST(ControllerWorkshop, APreviewOfAnotherFocusChangesNothing) {
  Story story;
  story.create({"sd3.5_large"});
  story.loop->run_for(minutes(2));
  const auto before = story.snapshot()->seq;
  const auto preview = story.controller->preview_focus(
      story.workshop, {}, {story.model("gpt-oss:120b"), story.model("ltx_video")});
  ASSERT_TRUE(preview.has_value()) << preview.error().detail;
  EXPECT_EQ(preview->check.verdict, Verdict::tight);
  EXPECT_EQ(preview->load.size(), 2U);
  EXPECT_EQ(preview->unload, (std::vector{story.model("sd3.5_large")}));
  EXPECT_GT(preview->takes_high, seconds(60));
  EXPECT_EQ(story.controller->snapshot()->models.at(story.model("sd3.5_large"))->state,
            ModelState::hot);
  EXPECT_EQ(story.snapshot()->seq, before);
}

TEST(ControllerWorkshop, AWallClockThatJumpsMovesNoDeadline) {
  Story story;
  story.create({"sd3.5_large"});
  const JobId job = story.submit(story.join(), "sd3.5_large")->job;
  story.loop->run_for(seconds(3));
  story.loop->set_wall(WallTime{0});
  ASSERT_TRUE(story.run_until_final(job));
  EXPECT_EQ(story.job(job).state, JobState::done);
  EXPECT_LT(story.job(job).running, minutes(2));
}

}  // namespace
}  // namespace stoker::controller
