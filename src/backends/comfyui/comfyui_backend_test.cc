// The adapter against a server that plays ComfyUI: what it says of itself, loads, unloads, what it holds.
#include "backends/comfyui/comfyui_backend.h"

#include <gmock/gmock.h>

#include "backends/comfyui/comfyui_bench_test.h"

namespace stoker {
namespace {

using engines::ComfyUiEra;
using engines::FaultKind;
using engines::Gate;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

bool has(const ProbeReport& report, EngineRemark remark) {
  return std::ranges::find(report.remarks, remark) != report.remarks.end();
}

class ComfyUiBackendTest : public ComfyUiBench {};

TEST_F(ComfyUiBackendTest, ProbesVersionFlagsAndCache) {
  begin({.era = ComfyUiEra::established, .arguments = {"--output-directory", "/srv/out"}});
  const auto report = probe(*backend_);
  ASSERT_TRUE(report) << report.error().detail;
  EXPECT_EQ(report->version, "0.3.64");
  EXPECT_THAT(report->flags, ElementsAre("--output-directory"));
  EXPECT_TRUE(has(*report, EngineRemark::keeps_one_workflow));
  EXPECT_FALSE(has(*report, EngineRemark::interrupts_globally));
  EXPECT_EQ(report->holds_max, 1U);
  EXPECT_EQ(report->granularity, EvictionGranularity::backend);
}

TEST_F(ComfyUiBackendTest, RemarksFollowTheFlags) {
  struct Row {
    std::vector<std::string> arguments;
    EngineRemark remark;
  };
  const Row rows[] = {
      {{}, EngineRemark::keeps_one_workflow},
      {{"--cache-ram", "1", "1"}, EngineRemark::keeps_by_ram_pressure},
      {{"--cache-ram", "1", "1"}, EngineRemark::pages_weights},
      {{"--cache-none"}, EngineRemark::keeps_nothing},
      {{"--cache-none", "--disable-smart-memory"}, EngineRemark::unloads_after_run},
      {{"--cache-classic"}, EngineRemark::keeps_one_workflow},
  };
  for (const Row& row : rows) {
    begin({.arguments = row.arguments});
    const auto report = probe(*backend_);
    ASSERT_TRUE(report);
    EXPECT_TRUE(has(*report, row.remark)) << engine_remark_name(row.remark);
    EXPECT_EQ(report->holds_max, row.remark == EngineRemark::keeps_one_workflow ? 1U : 0U);
  }
}

// It counts results of nodes, and the workflow here has a few.
TEST_F(ComfyUiBackendTest, TheLruCacheKeepsAsManyWorkflowsAsItsResultsSuffice) {
  begin({.arguments = {"--cache-lru", "1000"}});
  const auto large = probe(*backend_);
  ASSERT_TRUE(large);
  EXPECT_TRUE(has(*large, EngineRemark::keeps_n_results));
  EXPECT_GT(large->holds_max, 10U);
  begin({.arguments = {"--cache-lru", "3"}});
  const auto small = probe(*backend_);
  ASSERT_TRUE(small);
  EXPECT_EQ(small->holds_max, 1U);
}

TEST_F(ComfyUiBackendTest, OneModelAloneIsUnloadedAlone) {
  begin();
  ComfyUiOptions alone = options();
  alone.granularity = EvictionGranularity::model;
  ComfyUiBackend one(loop_, network_, alone, {catalogue().front()});
  EXPECT_EQ(probe(one)->granularity, EvictionGranularity::model);
  one.set_models(catalogue());
  EXPECT_EQ(probe(one)->granularity, EvictionGranularity::backend);
}

TEST_F(ComfyUiBackendTest, ListsFilesThatLoadersOffer) {
  begin();
  const auto offered = list(*backend_);
  ASSERT_TRUE(offered);
  std::vector<std::string> names;
  for (const OfferedModel& model : *offered) names.push_back(model.name);
  EXPECT_THAT(names, ElementsAre("a.safetensors", "b.safetensors", "sub/c.safetensors"));
}

TEST_F(ComfyUiBackendTest, AnEngineThatIsNotThereIsDown) {
  begin();
  server().stop();
  EXPECT_EQ(probe(*backend_).error().code, ErrorCode::backend_down);
  EXPECT_EQ(list(*backend_).error().code, ErrorCode::backend_down);
  EXPECT_EQ(observe(*backend_).error().code, ErrorCode::backend_down);
  EXPECT_EQ(load(*backend_, kA).error().code, ErrorCode::backend_down);
  EXPECT_EQ(unload(*backend_, kA).error().code, ErrorCode::backend_down);
  EXPECT_EQ(run(*backend_, call(kA, 1)).error().code, ErrorCode::backend_down);
  EXPECT_EQ(cancel(1).error().code, ErrorCode::backend_down);
  EXPECT_EQ(find(*backend_, 1).error().code, ErrorCode::backend_down);
}

TEST_F(ComfyUiBackendTest, NonsenseIsAnEngineThatIsDown) {
  begin();
  server().set_fault({.kind = FaultKind::garbage_body});
  EXPECT_EQ(probe(*backend_).error().code, ErrorCode::backend_down);
  EXPECT_EQ(observe(*backend_).error().code, ErrorCode::backend_down);
  EXPECT_EQ(load(*backend_, kA).error().code, ErrorCode::backend_down);
  EXPECT_EQ(run(*backend_, call(kA, 1)).error().code, ErrorCode::backend_down);
}

TEST_F(ComfyUiBackendTest, AConnectionThatBreaksAtAnyRequestEndsEveryCallOnce) {
  for (const std::string path :
       {"/system_stats", "/queue", "/history", "/free", "/prompt", "/ws"}) {
    begin({.era = ComfyUiEra::established});
    server().set_fault({.kind = FaultKind::cut_before_head, .path = path});
    const auto down = [&](const auto& result) {
      if (!result) EXPECT_EQ(result.error().code, ErrorCode::backend_down) << path;
    };
    down(load(*backend_, kA));
    down(observe(*backend_));
    down(unload(*backend_, kA));
    EXPECT_LE(server().counts().started, 1U) << path;
    server().clear_faults();
    EXPECT_TRUE(load(*backend_, kA)) << path;
  }
}

TEST_F(ComfyUiBackendTest, AProxyThatRefusesUsIsNamed) {
  begin();
  server().set_fault({.kind = FaultKind::error_status, .status = 401});
  const auto report = probe(*backend_);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().param, "refused");
}

TEST_F(ComfyUiBackendTest, LoadsByARunAndTellsTheSize) {
  begin({.era = ComfyUiEra::established});
  const auto report = load(*backend_, kA);
  ASSERT_TRUE(report) << report.error().detail;
  EXPECT_FALSE(report->was_there);
  EXPECT_EQ(report->told, MiB{2048});
  EXPECT_EQ(report->vram, MiB{});
  EXPECT_EQ(server().device_bytes_of("a.safetensors"), 2 * engines::kGiB);
  EXPECT_THAT(server().output_files(), ElementsAre()) << "warm-ups leave no pictures";
}

TEST_F(ComfyUiBackendTest, ASecondLoadWasThere) {
  begin({.era = ComfyUiEra::established});
  ASSERT_TRUE(load(*backend_, kA));
  const auto again = load(*backend_, kA);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->was_there);
  EXPECT_EQ(again->told, std::nullopt);
  EXPECT_EQ(server().counts().disk_loads_of("a.safetensors"), 1U);
  EXPECT_EQ(server().counts().started, 2U) << "it runs anew every time";
}

TEST_F(ComfyUiBackendTest, TheClassicCacheDropsAWhenBComes) {
  begin({.era = ComfyUiEra::established});
  ASSERT_FALSE(load(*backend_, kA)->was_there);
  ASSERT_FALSE(load(*backend_, kB)->was_there);
  EXPECT_THAT(observed(), ElementsAre(kB));
  const auto again = load(*backend_, kA);
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->was_there);
  EXPECT_EQ(again->told, MiB{2048});
  EXPECT_THAT(observed(), ElementsAre(kA));
  EXPECT_EQ(server().counts().disk_loads_of("a.safetensors"), 2U);
}

TEST_F(ComfyUiBackendTest, AnLruCacheKeepsBoth) {
  begin({.era = ComfyUiEra::established, .arguments = {"--cache-lru", "50"}});
  ASSERT_FALSE(load(*backend_, kA)->was_there);
  ASSERT_FALSE(load(*backend_, kB)->was_there);
  EXPECT_TRUE(load(*backend_, kA)->was_there);
  EXPECT_THAT(observed(), UnorderedElementsAre(kA, kB));
  EXPECT_EQ(server().counts().disk_loads_of("a.safetensors"), 1U);
}

TEST_F(ComfyUiBackendTest, WithoutACacheNothingStays) {
  begin({.era = ComfyUiEra::established, .arguments = {"--cache-none"}});
  ASSERT_TRUE(load(*backend_, kA));
  EXPECT_THAT(observed(), ElementsAre());
  EXPECT_FALSE(load(*backend_, kA)->was_there);
}

TEST_F(ComfyUiBackendTest, AModelThatHadToGiveWayIsNotObserved) {
  begin({.era = ComfyUiEra::established,
         .arguments = {"--cache-lru", "50"},
         .vram_bytes = 6 * engines::kGiB});
  ASSERT_TRUE(load(*backend_, kA));
  ASSERT_TRUE(load(*backend_, kB));
  ASSERT_EQ(server().device_bytes_of("a.safetensors"), 0U);
  EXPECT_THAT(observed(), ElementsAre(kB));
}

TEST_F(ComfyUiBackendTest, ARunLeavesItsModelThere) {
  begin({.era = ComfyUiEra::established});
  ASSERT_TRUE(run(*backend_, call(kA, 1)));
  const auto models = observe(*backend_);
  ASSERT_TRUE(models);
  ASSERT_EQ(models->size(), 1U);
  EXPECT_EQ(models->front().model, kA);
  EXPECT_EQ(models->front().vram, MiB{2048}) << "as planned, until a load has told";
}

TEST_F(ComfyUiBackendTest, ARestartedEngineHoldsNothing) {
  begin();
  ASSERT_TRUE(load(*backend_, kA));
  EXPECT_THAT(observed(), ElementsAre(kA));
  server().restart();
  EXPECT_THAT(observed(), ElementsAre());
  EXPECT_FALSE(load(*backend_, kA)->was_there);
  EXPECT_THAT(observed(), ElementsAre(kA));
}

TEST_F(ComfyUiBackendTest, AMissingFileIsAnUnknownModel) {
  begin();
  const auto report = load(*backend_, kMissing);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::unknown_model);
  EXPECT_EQ(report.error().param, "missing.safetensors");
}

TEST_F(ComfyUiBackendTest, ABrokenTemplateIsNamedAtEveryCall) {
  begin();
  EXPECT_EQ(load(*backend_, kBroken).error().code, ErrorCode::bad_request);
  EXPECT_EQ(run(*backend_, call(kBroken, 1)).error().param, "template");
  EXPECT_EQ(load(*backend_, ModelId(99)).error().code, ErrorCode::unknown_model);
  EXPECT_EQ(unload(*backend_, ModelId(99)).error().code, ErrorCode::unknown_model);
}

TEST_F(ComfyUiBackendTest, AFailedLoadIsToldAndLeavesNothing) {
  begin();
  server().set_fault({.kind = FaultKind::load_error, .text = "header too large", .times = 1});
  const auto report = load(*backend_, kA);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::load_failed);
  EXPECT_THAT(observed(), ElementsAre());
}

TEST_F(ComfyUiBackendTest, ALoadThatRunsOutOfMemorySaysSo) {
  begin();
  ASSERT_TRUE(load(*backend_, kB));
  server().set_fault({.kind = FaultKind::out_of_memory, .times = 1});
  const auto report = load(*backend_, kA);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::load_failed);
  EXPECT_EQ(report.error().param, "oom");
  EXPECT_THAT(observed(), ElementsAre()) << "the engine drops everything then";
}

TEST_F(ComfyUiBackendTest, ALoadThatTakesTooLongIsWithdrawn) {
  begin();
  server().hold(Gate::node);
  const auto loading = begin_load(*backend_, kA, seconds(5));
  ASSERT_TRUE(server().wait_at(Gate::node));
  loop_.advance(seconds(6));
  const auto report = end(loading);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::run_timeout);
  ASSERT_TRUE(server().requests().wait_for("POST", "/interrupt"));
  server().release(Gate::node);
  EXPECT_TRUE(server().wait_for_end());
  EXPECT_EQ(server().counts().interrupted, 1U);
}

TEST_F(ComfyUiBackendTest, UnloadIsConfirmedByTheMemoryInUse) {
  begin({.era = ComfyUiEra::established});
  ASSERT_TRUE(load(*backend_, kA));
  server().hold(Gate::unload);
  const auto unloading = begin_unload(*backend_, kA);
  ASSERT_TRUE(server().wait_at(Gate::unload));
  ASSERT_TRUE(server().requests().wait_for("GET", "/system_stats", 6));
  loop_.run_what_waits();
  EXPECT_FALSE(unloading.ended());
  server().release(Gate::unload);
  EXPECT_TRUE(end(unloading));
  EXPECT_EQ(server().device_bytes_of("a.safetensors"), 0U);
  EXPECT_THAT(observed(), ElementsAre());
}

TEST_F(ComfyUiBackendTest, UnloadDropsEverything) {
  begin({.era = ComfyUiEra::established, .arguments = {"--cache-lru", "50"}});
  ASSERT_TRUE(load(*backend_, kA));
  ASSERT_TRUE(load(*backend_, kB));
  ASSERT_TRUE(unload(*backend_, kA));
  EXPECT_THAT(server().device_files(), ElementsAre());
  EXPECT_THAT(observed(), ElementsAre());
  EXPECT_FALSE(load(*backend_, kB)->was_there);
}

TEST_F(ComfyUiBackendTest, MemoryThatStaysTakenIsNoUnload) {
  begin({.era = ComfyUiEra::established});
  ASSERT_TRUE(load(*backend_, kA));
  server().set_fault({.kind = FaultKind::unload_keeps_memory});
  const auto unloading = begin_unload(*backend_, kA, seconds(10));
  ASSERT_TRUE(server().requests().wait_for("GET", "/system_stats", 10));
  loop_.advance(seconds(11));
  const auto result = end(unloading);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::run_timeout);
}

TEST_F(ComfyUiBackendTest, UnloadOfNothingIsDoneAtOnce) {
  begin();
  EXPECT_TRUE(unload(*backend_, kA));
}

TEST_F(ComfyUiBackendTest, AnEngineInMainMemoryLoadsAndUnloads) {
  begin({.arguments = {"--cpu"}});
  ComfyUiOptions host = options();
  host.memory = ComfyUiMemory::host;
  ComfyUiBackend backend(loop_, network_, host, catalogue());
  EXPECT_FALSE(has(*probe(backend), EngineRemark::pages_weights));
  EXPECT_TRUE(load(backend, kA));
  EXPECT_EQ(observe(backend)->size(), 1U);
}

}  // namespace
}  // namespace stoker
