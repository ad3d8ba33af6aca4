// Which server it is: each kind, in each state in which it can be met.
#include "backends/openai/openai_bench_test.h"
#include "backends/openai/openai_calls.h"

namespace stoker {
namespace {

using engines::FaultKind;
using engines::Flavour;
using engines::Gate;

struct Kind {
  Flavour server;
  OpenAiFlavour flavour;
  std::string_view version;
  EvictionGranularity granularity;
  std::uint32_t holds_max;
};

constexpr Kind kKinds[] = {
    {Flavour::llama_cpp, OpenAiFlavour::llama_cpp, "llama.cpp", EvictionGranularity::self, 1},
    {Flavour::llama_cpp_router, OpenAiFlavour::llama_cpp_router, "llama.cpp",
     EvictionGranularity::model, 0},
    {Flavour::vllm, OpenAiFlavour::vllm, "vLLM 0.11.0", EvictionGranularity::model, 1},
    {Flavour::localai, OpenAiFlavour::localai, "LocalAI", EvictionGranularity::model, 0},
    {Flavour::sd_cpp, OpenAiFlavour::sd_cpp, "stable-diffusion.cpp", EvictionGranularity::self, 1},
    {Flavour::lm_studio, OpenAiFlavour::lm_studio, "LM Studio", EvictionGranularity::model, 0},
};

class OpenAiDetectTest : public OpenAiBench {};

TEST_F(OpenAiDetectTest, TellsEveryKindFromTheOthers) {
  for (const Kind& kind : kKinds) {
    start(kind.server);
    EXPECT_FALSE(backend_->flavour());
    EXPECT_EQ(backend_->traits().granularity, EvictionGranularity::self) << "nothing is promised";
    const auto report = probe(*backend_);
    ASSERT_TRUE(report) << kind.version << ": " << report.error().detail;
    EXPECT_EQ(backend_->flavour(), kind.flavour) << kind.version;
    EXPECT_EQ(report->version, kind.version);
    EXPECT_EQ(report->granularity, kind.granularity) << kind.version;
    EXPECT_EQ(report->holds_max, kind.holds_max) << kind.version;
    const bool stays = kind.granularity == EvictionGranularity::self;
    EXPECT_EQ(report->remarks.size(), stays ? 1U : 0U) << kind.version;
    if (stays) EXPECT_EQ(report->remarks[0], EngineRemark::cannot_unload);
    const BackendTraits& traits = backend_->traits();
    EXPECT_EQ(traits.granularity, kind.granularity) << kind.version;
    EXPECT_TRUE(traits.can_list_loaded) << kind.version;
    EXPECT_EQ(traits.streams, kind.flavour != OpenAiFlavour::sd_cpp) << kind.version;
    EXPECT_EQ(traits.can_cancel_one, kind.flavour != OpenAiFlavour::sd_cpp) << kind.version;
    EXPECT_TRUE(probe(*backend_)) << "and again, now that it is known";
  }
}

TEST_F(OpenAiDetectTest, ListsTheModelsOfEveryKind) {
  for (const Kind& kind : kKinds) {
    start(kind.server);
    const auto models = list(*backend_);
    ASSERT_TRUE(models) << kind.version << ": " << models.error().detail;
    ASSERT_FALSE(models->empty()) << kind.version;
    const bool at_once = kind.holds_max == 1;
    EXPECT_EQ(models->front().loaded, at_once) << kind.version;
  }
}

TEST_F(OpenAiDetectTest, KnowsALlamaThatStillLoads) {
  start(Flavour::llama_cpp, {.held = {Gate::load}});
  const auto report = probe(*backend_);
  ASSERT_TRUE(report) << report.error().detail;
  EXPECT_EQ(backend_->flavour(), OpenAiFlavour::llama_cpp);
  EXPECT_TRUE(observe(*backend_)->empty());
  server_->release(Gate::load);
}

TEST_F(OpenAiDetectTest, KnowsALlamaThatSleepsAndOneThatIsAwake) {
  start(Flavour::llama_cpp, {.idle_until_sleep = minutes(1)});
  ASSERT_TRUE(server_->wait_for_status("m", "loaded"));
  EXPECT_EQ(observe(*backend_)->size(), 1U);
  server_->advance(minutes(2));
  ASSERT_TRUE(server_->wait_for_status("m", "sleeping"));
  const auto report = probe(*backend_);
  EXPECT_EQ(report->remarks,
            (std::vector{EngineRemark::cannot_unload, EngineRemark::unloads_when_idle}));
  EXPECT_TRUE(observe(*backend_)->empty());
}

TEST_F(OpenAiDetectTest, KnowsALocalAiThatStarts) {
  start(Flavour::localai, {.held = {Gate::load}});
  ASSERT_TRUE(probe(*backend_));
  EXPECT_EQ(backend_->flavour(), OpenAiFlavour::localai);
  server_->release(Gate::load);
}

TEST_F(OpenAiDetectTest, KnowsAVllmThatCannotSleep) {
  start(Flavour::vllm, {.sleep_mode = false});
  const auto report = probe(*backend_);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->granularity, EvictionGranularity::self);
  EXPECT_EQ(report->remarks, std::vector{EngineRemark::cannot_unload});
  EXPECT_EQ(backend_->traits().granularity, EvictionGranularity::self);
}

TEST_F(OpenAiDetectTest, TakesItsKindFromTheConfigurationAndChecksIt) {
  start(Flavour::vllm);
  connect({.id = BackendId(1), .url = server_->url(), .flavour = OpenAiFlavour::vllm});
  EXPECT_EQ(backend_->flavour(), OpenAiFlavour::vllm);
  EXPECT_EQ(backend_->traits().granularity, EvictionGranularity::model);
  EXPECT_TRUE(probe(*backend_));
  connect({.id = BackendId(1), .url = server_->url(), .flavour = OpenAiFlavour::sd_cpp});
  const auto wrong = probe(*backend_);
  EXPECT_EQ(wrong.error().code, ErrorCode::backend_down);
  EXPECT_EQ(wrong.error().param, "flavour");
  connect({.id = BackendId(1), .url = server_->url(), .flavour = OpenAiFlavour::plain});
  const auto plain = probe(*backend_);
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->version, "OpenAI-compatible");
  EXPECT_FALSE(backend_->traits().can_list_loaded);
}

TEST_F(OpenAiDetectTest, SeesAnotherServerAtTheSameAddress) {
  start(Flavour::localai);
  ASSERT_TRUE(probe(*backend_));
  server_->set_fault({.kind = FaultKind::error_status, .status = 404, .path = "/readyz"});
  ASSERT_TRUE(probe(*backend_));
  EXPECT_NE(backend_->flavour(), OpenAiFlavour::localai);
}

TEST_F(OpenAiDetectTest, SaysWhenItsKeyIsRefused) {
  for (const Kind& kind : kKinds) {
    start(kind.server, {.api_key = "right"});
    connect({.id = BackendId(1), .url = server_->url(), .key = "wrong"});
    const auto refused = list(*backend_);
    ASSERT_FALSE(refused) << kind.version;
    EXPECT_EQ(refused.error().code, ErrorCode::backend_down) << kind.version;
    EXPECT_EQ(refused.error().param, "refused") << kind.version;
    connect({.id = BackendId(1), .url = server_->url(), .key = "right"});
    ASSERT_TRUE(probe(*backend_)) << kind.version;
    EXPECT_EQ(backend_->flavour(), kind.flavour) << kind.version;
  }
}

TEST_F(OpenAiDetectTest, ReportsAServerThatIsGoneOrTalksNonsense) {
  for (const Kind& kind : kKinds) {
    start(kind.server);
    server_->set_fault({.kind = FaultKind::garbage_body});
    EXPECT_EQ(probe(*backend_).error().code, ErrorCode::internal) << kind.version;
    server_->clear_faults();
    server_->set_fault({.kind = FaultKind::cut_before_head});
    EXPECT_EQ(probe(*backend_).error().code, ErrorCode::backend_down) << kind.version;
    server_->stop();
    EXPECT_EQ(probe(*backend_).error().code, ErrorCode::backend_down) << kind.version;
    EXPECT_EQ(list(*backend_).error().code, ErrorCode::backend_down) << kind.version;
    EXPECT_EQ(load(*backend_, kModel).error().code, ErrorCode::backend_down) << kind.version;
  }
}

TEST_F(OpenAiDetectTest, DoesNotHangWithAServerThatSaysNothing) {
  start(Flavour::vllm, {.held = {Gate::head}});
  const auto called =
      begin<ProbeReport>([&](auto done) { backend_->probe(seconds(10), std::move(done)); });
  ASSERT_TRUE(server_->wait_at(Gate::head));
  loop_.advance(seconds(10));
  EXPECT_EQ(end(called).error().code, ErrorCode::run_timeout);
  server_->release(Gate::head);
}

// Some servers say 200 to every path, with an error inside.
TEST_F(OpenAiDetectTest, IsNotFooledByAServerThatAnswersEverything) {
  DyingPeer peer(network_, R"({"error":"Unexpected endpoint or method"})", "application/json");
  peer.live_for(1000);
  connect({.id = BackendId(1), .url = peer.url()});
  EXPECT_EQ(probe(*backend_).error().code, ErrorCode::internal);
  DyingPeer list_everywhere(network_, R"({"object":"list","data":[{"id":"m"}]})",
                            "application/json");
  list_everywhere.live_for(1000);
  connect({.id = BackendId(1), .url = list_everywhere.url(), .flavour = OpenAiFlavour::plain});
  EXPECT_TRUE(probe(*backend_));
}

TEST_F(OpenAiDetectTest, NamesItsKindsInBothDirections) {
  for (int i = 0; i < kOpenAiFlavourCount; ++i) {
    const auto flavour = static_cast<OpenAiFlavour>(i);
    EXPECT_EQ(openai_flavour_from_name(openai_flavour_name(flavour)), flavour);
  }
  EXPECT_FALSE(openai_flavour_from_name("openai"));
}

TEST_F(OpenAiDetectTest, TakesAFilesNameForTheModelOfALlama) {
  EXPECT_TRUE(openai::is_served_as("/models/tiny-q4.gguf", "tiny-q4"));
  EXPECT_TRUE(openai::is_served_as("/models/tiny-q4.gguf", "tiny-q4.gguf"));
  EXPECT_TRUE(openai::is_served_as("tiny", "tiny"));
  EXPECT_FALSE(openai::is_served_as("/models/tiny-q4.gguf", "tiny"));
  EXPECT_EQ(openai::in_query("a/b c&d"), "a%2Fb%20c%26d");
}

}  // namespace
}  // namespace stoker
