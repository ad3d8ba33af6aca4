// Managed backends with one process per model.
#include "backends/process/managed_bench_for_tests.h"

namespace stoker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using Launch = HostScript::Launch;

class ManagedModels : public ManagedBench {
 protected:
  ManagedModels() { make_per_model(); }
};

TEST_F(ManagedModels, AreUnloadedAloneAndAlwaysListed) {
  EXPECT_EQ(backend_->traits().granularity, EvictionGranularity::model);
  EXPECT_TRUE(backend_->traits().can_list_loaded);
  EXPECT_EQ(adapter_->alive, 0);
}

TEST_F(ManagedModels, AColdStartLoadsAndTellsHowLongItTook) {
  poet().launch_takes = seconds(4);
  const auto report = load(kPoet);
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->was_there);
  EXPECT_GE(report->took, seconds(4));
  EXPECT_EQ(report->vram, MiB{10});
  ASSERT_EQ(poet().launched.size(), 1u);
  EXPECT_THAT(poet().launched[0].argv,
              ElementsAre("engine", "--model", "/m/poet.gguf", "--port", "1001"));
  EXPECT_THAT(adapter_->ports, ElementsAre(1001));
  EXPECT_THAT(adapter_->models, ElementsAre(ElementsAre(kPoet)));
  EXPECT_THAT(observed(), ElementsAre(kPoet));
  EXPECT_THAT(groups_, ElementsAre(ElementsAre(101)));
}

TEST_F(ManagedModels, WhatIsThereIsNotStartedAgain) {
  ASSERT_TRUE(load(kPoet));
  const auto again = load(kPoet);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->was_there);
  EXPECT_EQ(poet().launched.size(), 1u);
}

TEST_F(ManagedModels, TheAdapterGetsWhatIsLeftOfTheDeadline) {
  poet().launch_takes = seconds(10);
  ASSERT_TRUE(end(begin_load(kPoet, seconds(30))));
  ASSERT_EQ(adapter_->calls.size(), 1u);
  EXPECT_THAT(adapter_->calls[0], HasSubstr("load 1 within 19"));
}

TEST_F(ManagedModels, UnloadingEndsTheProcess) {
  ASSERT_TRUE(load(kPoet));
  ASSERT_TRUE(load(kPainter));
  EXPECT_THAT(observed(), UnorderedElementsAre(kPoet, kPainter));
  EXPECT_TRUE(unload(kPoet));
  EXPECT_EQ(poet().running, 0);
  EXPECT_NE(painter().running, 0);
  EXPECT_THAT(observed(), ElementsAre(kPainter));
  EXPECT_THAT(groups_.back(), ElementsAre(101));
  loop_.run_ready();
  EXPECT_EQ(adapter_->alive, 1);
}

TEST_F(ManagedModels, UnloadingWhatIsNotThereIsDone) {
  EXPECT_TRUE(unload(kPoet));
  EXPECT_EQ(code(unload(ModelId(9))), ErrorCode::unknown_model);
}

TEST_F(ManagedModels, ProcessesThatStayAreAFailedUnload) {
  ASSERT_TRUE(load(kPoet));
  poet().stays_after_stop = true;
  const auto gone = unload(kPoet);
  ASSERT_FALSE(gone);
  EXPECT_THAT(gone.error().detail, HasSubstr("SIGKILL: 8"));
  EXPECT_THAT(groups_.back(), ElementsAre(101));
}

TEST_F(ManagedModels, AnUnloadIsAnsweredAtItsDeadline) {
  ASSERT_TRUE(load(kPoet));
  poet().stop_takes = minutes(2);
  const Instant begun = loop_.now();
  const auto gone = end(begin_unload(kPoet, seconds(20)));
  EXPECT_EQ(code(gone), ErrorCode::run_timeout);
  EXPECT_EQ(loop_.now() - begun, seconds(20));
  EXPECT_EQ(poet().stops.front().second, seconds(10)) << "the command's grace is shorter";
  loop_.run_for(minutes(5));
  EXPECT_EQ(poet().running, 0);
}

TEST_F(ManagedModels, UnknownModelsAreRefused) {
  EXPECT_EQ(code(load(ModelId(9))), ErrorCode::unknown_model);
  EXPECT_EQ(code(end(begin_run(ModelId(9), 1))), ErrorCode::unknown_model);
}

TEST_F(ManagedModels, AModelWithoutFilesCannotFillThePlaceholder) {
  EngineModel bare = both()[0];
  bare.files.clear();
  backend_->set_models({bare});
  const auto report = load(kPoet);
  ASSERT_FALSE(report);
  EXPECT_THAT(report.error().detail, HasSubstr("{file}"));
}

TEST_F(ManagedModels, AnEngineThatDiesAtItsStartIsAFailedLoadWithItsWords) {
  poet().launches = {Launch::dies};
  const auto report = load(kPoet);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::load_failed);
  EXPECT_THAT(report.error().detail, HasSubstr("out of memory"));
  EXPECT_TRUE(load(kPoet)) << "after the pause";
}

TEST_F(ManagedModels, AFailedLoadOfTheAdapterEndsTheProcessFirst) {
  adapter_->load_error = Error{ErrorCode::load_failed, "too big", "spill", {}};
  poet().stop_takes = seconds(2);
  const Instant begun = loop_.now();
  const auto report = load(kPoet);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().param, "spill");
  EXPECT_EQ(poet().running, 0);
  EXPECT_GE(loop_.now() - begun, seconds(2));
  EXPECT_THAT(observed(), IsEmpty());
}

TEST_F(ManagedModels, APassedDeadlineLeavesNoProcess) {
  poet().launches = {Launch::never_ready};
  const auto report = end(begin_load(kPoet, seconds(30)));
  EXPECT_EQ(code(report), ErrorCode::run_timeout);
  EXPECT_EQ(poet().running, 0);
  EXPECT_THAT(groups_.back(), IsEmpty());
}

TEST_F(ManagedModels, TwoLoadsOfOneModelAreAConflict) {
  const auto first = begin_load(kPoet);
  EXPECT_EQ(code(load(kPoet)), ErrorCode::conflict);
  EXPECT_TRUE(end(first));
}

TEST_F(ManagedModels, AnUnloadGivesUpALoadUnderWay) {
  poet().launches = {Launch::never_ready};
  const auto loading = begin_load(kPoet);
  loop_.run_for(seconds(3));
  EXPECT_TRUE(unload(kPoet));
  EXPECT_EQ(code(end(loading)), ErrorCode::conflict);
  EXPECT_EQ(poet().running, 0);
}

TEST_F(ManagedModels, AnUnloadGivesUpALoadThatTheAdapterHasBegun) {
  adapter_->answers = false;
  const auto loading = begin_load(kPoet);
  loop_.run_for(seconds(3));
  ASSERT_FALSE(loading.ended());
  EXPECT_TRUE(unload(kPoet));
  EXPECT_EQ(code(end(loading)), ErrorCode::conflict);
  adapter_->answers = true;
  EXPECT_TRUE(load(kPoet));
}

TEST_F(ManagedModels, ACrashDuringALoadIsAFailedLoad) {
  adapter_->answers = false;
  const auto loading = begin_load(kPoet);
  loop_.run_for(seconds(3));
  poet().end({.by_signal = true, .number = 9});
  const auto report = end(loading);
  EXPECT_EQ(code(report), ErrorCode::load_failed);
  EXPECT_THAT(report.error().detail, HasSubstr("signal 9"));
}

TEST_F(ManagedModels, ACrashEndsTheRunAtOnceAndTheModelIsGone) {
  ASSERT_TRUE(load(kPoet));
  ASSERT_TRUE(load(kPainter));
  const auto lost = begin_run(kPoet, 5);
  const auto other = begin_run(kPainter, 6);
  adapter_->progress[AttemptId(5)]({.step = 1, .steps = 9});
  poet().end({.by_signal = true, .number = 11});
  const auto report = end(lost);
  EXPECT_EQ(code(report), ErrorCode::backend_down);
  EXPECT_THAT(report.error().detail, HasSubstr("signal 11"));
  EXPECT_FALSE(other.ended());
  EXPECT_THAT(observed(), ElementsAre(kPainter));
  EXPECT_EQ(adapter_->alive, 2) << "its own answer has not come";
  adapter_->progress[AttemptId(5)]({.step = 2, .steps = 9});
  adapter_->runs[AttemptId(5)](fail(ErrorCode::backend_down, "closed"));
  loop_.run_ready();
  EXPECT_EQ(adapter_->alive, 1);
  EXPECT_THAT(steps_, ElementsAre(1));
  adapter_->runs[AttemptId(6)](RunReport{});
  EXPECT_TRUE(end(other));
  loop_.run_for(minutes(5));
  EXPECT_EQ(poet().launched.size(), 1u) << "who loads it again decides the controller";
}

TEST_F(ManagedModels, AnAnswerThatCameBeforeTheCrashCounts) {
  ASSERT_TRUE(load(kPoet));
  const auto run = begin_run(kPoet, 5);
  adapter_->runs[AttemptId(5)](RunReport{});
  poet().end({});
  EXPECT_TRUE(end(run));
}

TEST_F(ManagedModels, WhatIsNotLoadedCannotRun) {
  EXPECT_EQ(code(end(begin_run(kPoet, 1))), ErrorCode::backend_down);
}

TEST_F(ManagedModels, IsHealthyWithoutAProcess) {
  const auto idle = probe();
  ASSERT_TRUE(idle);
  EXPECT_EQ(idle->version, "");
  EXPECT_THAT(adapter_->calls, IsEmpty());
  ASSERT_TRUE(load(kPoet));
  const auto report = probe();
  ASSERT_TRUE(report);
  EXPECT_EQ(report->version, "1.2");
  EXPECT_EQ(report->granularity, EvictionGranularity::model);
  EXPECT_THAT(report->remarks, IsEmpty()) << "its own process keeps its one workflow";
}

TEST_F(ManagedModels, AnEngineThatDoesNotSayWhatItHoldsIsNotTakenForEmpty) {
  ASSERT_TRUE(load(kPoet));
  adapter_->silent_observe = true;
  EXPECT_THAT(observed(), ElementsAre(kPoet)) << "its process is there, and so is its memory";
  const auto asking = begin_observe();
  poet().end({});
  EXPECT_TRUE(end(asking)) << "it ended meanwhile: that is an answer";
}

TEST_F(ManagedModels, ForAnEngineThatCannotListTheLoadItselfCounts) {
  adapter_->traits.can_list_loaded = false;
  ASSERT_TRUE(load(kPoet));
  EXPECT_THAT(observed(), ElementsAre(kPoet));
}

TEST_F(ManagedModels, ListsWhatIsConfigured) {
  ASSERT_TRUE(load(kPainter));
  using Models = std::vector<OfferedModel>;
  const auto models =
      end(begin<Models>([&](auto done) { backend_->list(kLong, std::move(done)); }));
  ASSERT_TRUE(models);
  ASSERT_EQ(models->size(), 2u);
  EXPECT_EQ(models->at(0).name, "poet");
  EXPECT_FALSE(models->at(0).loaded);
  EXPECT_TRUE(models->at(1).loaded);
}

TEST_F(ManagedModels, CancelReachesTheAdapterThatRuns) {
  ASSERT_TRUE(load(kPoet));
  ASSERT_TRUE(load(kPainter));
  const auto run = begin_run(kPainter, 6);
  const auto cancel = [&](std::uint64_t attempt) {
    return end(begin<void>(
        [&](auto done) { backend_->cancel(AttemptId(attempt), kLong, std::move(done)); }));
  };
  EXPECT_TRUE(cancel(6));
  EXPECT_EQ(adapter_->calls.back(), "cancel 6");
  const std::size_t calls = adapter_->calls.size();
  EXPECT_TRUE(cancel(99)) << "what does not run has stopped";
  EXPECT_EQ(adapter_->calls.size(), calls);
  adapter_->runs[AttemptId(6)](fail(ErrorCode::conflict, "cancelled"));
  EXPECT_EQ(code(end(run)), ErrorCode::conflict);
}

TEST_F(ManagedModels, AttemptsAreLookedForEverywhere) {
  const auto look_for = [&](std::uint64_t attempt) {
    return end(begin<AttemptFate>(
        [&](auto done) { backend_->find_attempt(AttemptId(attempt), std::move(done)); }));
  };
  EXPECT_EQ(look_for(3), AttemptFate::unknown);
  ASSERT_TRUE(load(kPoet));
  ASSERT_TRUE(load(kPainter));
  adapter_->calls.clear();
  adapter_->finished = {AttemptId(3)};
  EXPECT_EQ(look_for(3), AttemptFate::finished);
  EXPECT_EQ(look_for(4), AttemptFate::unknown);
  EXPECT_THAT(adapter_->calls, ElementsAre("find 3", "find 4", "find 4"));
}

TEST_F(ManagedModels, ARemovedModelGoesWithItsUnload) {
  ASSERT_TRUE(load(kPoet));
  backend_->set_models({both()[1]});
  EXPECT_THAT(observed(), ElementsAre(kPoet));
  EXPECT_NE(poet().running, 0);
  EXPECT_TRUE(unload(kPoet));
  EXPECT_EQ(poet().running, 0);
  EXPECT_THAT(backend_->engines(), IsEmpty());
  EXPECT_EQ(code(load(kPoet)), ErrorCode::unknown_model);
}

TEST_F(ManagedModels, AModelWithAnotherFileIsStartedWithItAfterItsUnload) {
  ASSERT_TRUE(load(kPoet));
  backend_->set_models({model(kPoet, "poet", "/m/poet-2.gguf")});
  EXPECT_TRUE(load(kPoet)->was_there);
  EXPECT_TRUE(unload(kPoet));
  ASSERT_TRUE(load(kPoet));
  ASSERT_EQ(poet().launched.size(), 2u);
  EXPECT_EQ(poet().launched[1].argv[2], "/m/poet-2.gguf");
}

TEST_F(ManagedModels, AModelWithOtherOptionsStaysAndItsAdapterLearnsThem) {
  ASSERT_TRUE(load(kPoet));
  const std::size_t told = adapter_->models.size();
  EngineModel changed = both()[0];
  changed.run_options = {{"temperature", 0.5}};
  backend_->set_models({changed});
  EXPECT_EQ(adapter_->models.size(), told + 1);
  EXPECT_THAT(poet().stops, IsEmpty());
}

TEST_F(ManagedModels, ShutdownEndsEverythingAndStartsNothing) {
  ASSERT_TRUE(load(kPoet));
  painter().launches = {Launch::never_ready};
  const auto loading = begin_load(kPainter);
  loop_.run_for(seconds(2));
  EXPECT_TRUE(end(begin_shutdown(seconds(60))));
  EXPECT_EQ(code(end(loading)), ErrorCode::conflict);
  EXPECT_EQ(poet().running, 0);
  EXPECT_EQ(painter().running, 0);
  EXPECT_EQ(code(load(kPoet)), ErrorCode::backend_down);
}

TEST_F(ManagedModels, ShutdownWaitsOnlySoLong) {
  ASSERT_TRUE(load(kPoet));
  poet().stop_takes = minutes(5);
  const Instant begun = loop_.now();
  EXPECT_EQ(code(end(begin_shutdown(seconds(8)))), ErrorCode::run_timeout);
  EXPECT_EQ(loop_.now() - begun, seconds(8));
  EXPECT_EQ(poet().stops.front().second, seconds(6));
}

TEST_F(ManagedModels, ShutdownWithoutProcessesIsDone) {
  EXPECT_TRUE(end(begin_shutdown(seconds(8))));
  EXPECT_EQ(loop_.next_due(), std::nullopt) << "no timer is left";
}

}  // namespace
}  // namespace stoker
