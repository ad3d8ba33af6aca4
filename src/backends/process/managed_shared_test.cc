// Managed backends with one process for all models.
#include "backends/process/managed_bench_for_tests.h"

namespace stoker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Launch = HostScript::Launch;

class ManagedShared : public ManagedBench {};

TEST_F(ManagedShared, IsWhatItsAdapterIs) {
  make_shared();
  EXPECT_EQ(backend_->traits().granularity, EvictionGranularity::backend);
  EXPECT_EQ(backend_->traits().can_list_loaded, adapter_->traits.can_list_loaded);
}

TEST_F(ManagedShared, StartsAtOnceWhenToldSo) {
  make_shared(EngineStart::at_once);
  loop_.run_for(seconds(1));
  EXPECT_NE(common().running, 0);
  EXPECT_THAT(groups_, ElementsAre(ElementsAre(101)));
}

TEST_F(ManagedShared, StartsAtTheFirstProbeAndIsHealthyMeanwhile) {
  make_shared();
  loop_.run_for(seconds(1));
  EXPECT_THAT(common().launched, IsEmpty());
  EXPECT_TRUE(probe());
  loop_.run_for(seconds(1));
  EXPECT_EQ(common().launched.size(), 1u);
  const auto report = probe();
  ASSERT_TRUE(report);
  EXPECT_EQ(report->version, "1.2");
  EXPECT_THAT(report->remarks, ElementsAre(EngineRemark::keeps_one_workflow));
}

TEST_F(ManagedShared, LoadsWaitForTheProcessAndGoToOneAdapter) {
  make_shared();
  common().launch_takes = seconds(5);
  const auto first = begin_load(kPoet);
  const auto second = begin_load(kPainter);
  EXPECT_TRUE(end(first));
  EXPECT_TRUE(end(second));
  EXPECT_EQ(common().launched.size(), 1u);
  EXPECT_EQ(adapter_->made, 1);
  EXPECT_THAT(adapter_->models, ElementsAre(ElementsAre(kPoet, kPainter)));
  EXPECT_THAT(observed(), ElementsAre(kPoet, kPainter));
}

TEST_F(ManagedShared, UnloadGoesToTheAdapterAndTheProcessStays) {
  make_shared();
  ASSERT_TRUE(load(kPoet));
  EXPECT_TRUE(unload(kPoet));
  EXPECT_EQ(adapter_->calls.back(), "unload 1");
  EXPECT_THAT(common().stops, IsEmpty());
}

TEST_F(ManagedShared, WithoutAProcessNothingIsLoaded) {
  make_shared();
  EXPECT_TRUE(unload(kPoet));
  EXPECT_EQ(code(unload(ModelId(9))), ErrorCode::unknown_model);
  EXPECT_THAT(observed(), IsEmpty());
  EXPECT_THAT(common().launched, IsEmpty());
}

TEST_F(ManagedShared, AFailedLoadLeavesTheProcessToTheOthers) {
  make_shared();
  adapter_->load_error = Error{ErrorCode::load_failed, "too big", {}, {}};
  EXPECT_EQ(code(load(kPoet)), ErrorCode::load_failed);
  EXPECT_NE(common().running, 0);
}

TEST_F(ManagedShared, APassedDeadlineLeavesTheStartToTheOthers) {
  make_shared();
  common().launches = {Launch::never_ready};
  EXPECT_EQ(code(end(begin_load(kPoet, seconds(20)))), ErrorCode::run_timeout);
  EXPECT_NE(common().running, 0);
  common().now = Launch::runs;
  EXPECT_TRUE(load(kPoet));
  EXPECT_EQ(common().launched.size(), 1u);
}

TEST_F(ManagedShared, AfterACrashItIsDownUntilItRunsAgainOnAnotherPort) {
  make_shared();
  ASSERT_TRUE(load(kPoet));
  const auto run = begin_run(kPoet, 5);
  common().end({.by_signal = false, .number = 4});
  EXPECT_EQ(code(end(run)), ErrorCode::backend_down);
  const auto down = probe();
  ASSERT_FALSE(down);
  EXPECT_EQ(down.error().code, ErrorCode::backend_down);
  EXPECT_THAT(down.error().detail, HasSubstr("exit code 4"));
  EXPECT_THAT(groups_.back(), IsEmpty());
  loop_.run_for(seconds(3));
  EXPECT_TRUE(probe());
  EXPECT_THAT(observed(), IsEmpty()) << "the new process holds nothing";
  EXPECT_THAT(adapter_->ports, ElementsAre(1001, 1002));
  EXPECT_THAT(groups_.back(), ElementsAre(102));
  adapter_->runs[AttemptId(5)](fail(ErrorCode::backend_down, "closed"));
  loop_.run_ready();
  EXPECT_EQ(adapter_->alive, 1);
}

TEST_F(ManagedShared, ALoadDuringThePauseWaitsForTheNextStart) {
  make_shared();
  ASSERT_TRUE(load(kPoet));
  common().end({});
  const auto report = load(kPoet);
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->was_there);
  EXPECT_EQ(common().launched.size(), 2u);
}

TEST_F(ManagedShared, NewModelsReachTheAdapter) {
  make_shared();
  ASSERT_TRUE(load(kPoet));
  backend_->set_models({both()[1]});
  EXPECT_THAT(adapter_->models.back(), ElementsAre(kPainter));
  EXPECT_EQ(code(load(kPoet)), ErrorCode::unknown_model);
}

TEST_F(ManagedShared, ShutdownDuringThePauseStartsNothing) {
  make_shared();
  ASSERT_TRUE(load(kPoet));
  common().end({});
  EXPECT_TRUE(end(begin_shutdown(seconds(5))));
  loop_.run_for(minutes(5));
  EXPECT_EQ(common().launched.size(), 1u);
  EXPECT_EQ(code(probe()), ErrorCode::backend_down);
}

TEST_F(ManagedShared, ShutdownDuringTheStartLeavesNoProcess) {
  for (const Duration after : {Duration{}, milliseconds(5), seconds(1)}) {
    hosts_.clear();
    common().launches = {Launch::never_ready};
    make_shared(EngineStart::at_once);
    loop_.run_for(after);
    EXPECT_TRUE(end(begin_shutdown(seconds(5))));
    loop_.run_for(minutes(5));
    EXPECT_EQ(common().running, 0);
    EXPECT_LE(common().launched.size(), 1u);
  }
}

TEST_F(ManagedShared, TellsAboutItsProcess) {
  make_shared();
  ASSERT_TRUE(load(kPoet));
  common().events.lines({"hello"});
  ASSERT_EQ(backend_->engines().size(), 1u);
  const ManagedBackend::Engine engine = backend_->engines().front();
  EXPECT_EQ(engine.name, "engines");
  EXPECT_EQ(engine.facts.state, EngineState::ready);
  EXPECT_EQ(engine.facts.port, 1001);
  EXPECT_THAT(backend_->last_lines("engines"), ElementsAre("hello"));
  EXPECT_THAT(backend_->last_lines("other"), IsEmpty());
}

}  // namespace
}  // namespace stoker
