// The adapter against a server that plays Ollama: what it says of its memory, loads and unloads.
#include "backends/ollama/ollama_backend.h"

#include <boost/json/value.hpp>

#include "backends/http/engine_bench_test.h"
#include "backends/ollama/ollama_calls.h"
#include "tests/engines/ollama_server.h"

namespace stoker {
namespace {

using engines::FaultKind;
using engines::Gate;

constexpr ModelId kTiny(1);
constexpr ModelId kEmb(2);
constexpr ModelId kMissing(3);
constexpr ModelId kFar(4);
constexpr ModelId kTwin(5);

std::vector<EngineModel> catalogue() {
  return {
      {.id = kTiny,
       .upstream = "Tiny",
       .load_options = {{"num_ctx", std::int64_t{4096}}},
       .run_options = {{"temperature", 0.5}}},
      {.id = kEmb, .upstream = "emb", .load_options = {{"num_ctx", std::int64_t{2048}}}},
      {.id = kMissing, .upstream = "nope"},
      {.id = kFar, .upstream = "gpt-oss:120b-cloud"},
      {.id = kTwin, .upstream = "twin", .load_options = {{"num_ctx", std::int64_t{4096}}}},
  };
}

engines::OllamaOptions server_options() {
  engines::OllamaOptions options;
  options.models = {{.name = "tiny"},
                    {.name = "emb", .capabilities = {"embedding"}},
                    {.name = "twin", .blob = "tiny-weights"},
                    {.name = "twin-too", .blob = "tiny-weights"},
                    {.name = "other"}};
  return options;
}

std::string twins_answer(std::string_view path, std::string_view body, const std::string& hex) {
  if (path == "/api/version") return R"({"version":"0.33.0"})";
  if (path == "/api/ps") {
    return R"({"models":[{"name":"theirs:latest","digest":"d1","size":5242880,"size_vram":5242880}]})";
  }
  if (path == "/api/tags") {
    return R"({"models":[{"name":"theirs:latest","digest":"d1"},{"name":"mine:latest","digest":"d2"},)"
           R"({"name":"far:latest","digest":"d3","remote_host":"https://elsewhere"}]})";
  }
  if (body.find("far") != std::string_view::npos) return R"({"remote_model":"far"})";
  return R"({"modelfile":"FROM /blobs/sha256-)" + hex + R"(\n"})";
}

net::Task<void> answer_as_twins(net::Exchange& exchange, const std::string& hex) {
  const auto body = co_await exchange.read_body(kBytesPerMiB);
  if (!body) co_return;
  std::string answer = twins_answer(exchange.head().path, *body, hex);
  co_await exchange.respond({.status = 200, .headers = {}}, std::move(answer));
}

class OllamaBackendTest : public EngineBench {
 protected:
  OllamaOptions options(OllamaMemory memory = OllamaMemory::card) {
    return {.id = BackendId(1), .url = server_.url(), .slots = 2, .memory = memory};
  }
  std::int64_t told_mib(std::string_view name) {
    for (const auto& model : server_.resident()) {
      if (model.name == name) return (model.size_vram + (1 << 20) - 1) >> 20;
    }
    return 0;
  }

  engines::OllamaServer server_{network_, server_options()};
  OllamaBackend backend_{loop_, network_, options(), catalogue()};
};

TEST_F(OllamaBackendTest, SaysWhatItCanDo) {
  EXPECT_EQ(backend_.traits().slots, 2U);
  EXPECT_EQ(backend_.traits().granularity, EvictionGranularity::model);
  EXPECT_TRUE(backend_.traits().can_cancel_one);
  EXPECT_TRUE(backend_.traits().can_list_loaded);
  EXPECT_TRUE(backend_.traits().streams);
  EXPECT_FALSE(backend_.traits().simulated);
}

TEST_F(OllamaBackendTest, ProbesVersionAndNamesThatLeaveTheMachine) {
  const auto report = probe(backend_);
  ASSERT_TRUE(report) << report.error().detail;
  EXPECT_EQ(report->version, "0.33.0");
  EXPECT_EQ(report->granularity, EvictionGranularity::model);
  EXPECT_EQ(report->remarks, std::vector{EngineRemark::remote_models}) << "one is configured";
  backend_.set_models({catalogue().front()});
  EXPECT_TRUE(probe(backend_)->remarks.empty());
}

TEST_F(OllamaBackendTest, ListsWhatCouldBeLoaded) {
  ASSERT_TRUE(load(backend_, kTiny));
  const auto offered = list(backend_);
  ASSERT_TRUE(offered);
  ASSERT_EQ(offered->size(), 5U);
  EXPECT_EQ(offered->at(0).name, "tiny:latest");
  EXPECT_GT(offered->at(0).bytes, 0U);
  EXPECT_TRUE(offered->at(0).loaded);
  EXPECT_FALSE(offered->at(1).loaded);
}

TEST_F(OllamaBackendTest, LoadsForEverWithTheConfiguredContext) {
  const auto report = load(backend_, kTiny);
  ASSERT_TRUE(report) << report.error().detail;
  EXPECT_FALSE(report->was_there);
  EXPECT_EQ(report->vram, MiB{}) << "the server measures nothing";
  EXPECT_EQ(report->told, MiB{told_mib("tiny:latest")});
  EXPECT_EQ(server_.resident().at(0).context_length, 4096);
  const auto sent = server_.requests().last("POST", "/api/generate");
  ASSERT_TRUE(sent);
  EXPECT_EQ(sent->json.at("keep_alive"), -1);
  EXPECT_EQ(sent->json.at("options").at("num_ctx"), 4096);
  server_.advance(minutes(60 * 24 * 365));
  EXPECT_TRUE(server_.is_loaded("tiny"));
}

TEST_F(OllamaBackendTest, TellsALoadThatWasThereFromOneThatChangedTheContext) {
  ASSERT_TRUE(load(backend_, kTiny));
  EXPECT_TRUE(load(backend_, kTiny)->was_there);
  EngineModel wider = catalogue().front();
  wider.load_options = {{"num_ctx", std::int64_t{8192}}};
  backend_.set_models({wider});
  EXPECT_FALSE(load(backend_, kTiny)->was_there);
  EXPECT_EQ(server_.counters().reloads, 1U);
}

TEST_F(OllamaBackendTest, LoadsAndUnloadsModelsThatOnlyEmbed) {
  const auto report = load(backend_, kEmb);
  ASSERT_TRUE(report) << report.error().detail;
  EXPECT_TRUE(server_.is_loaded("emb"));
  EXPECT_EQ(server_.requests().count("POST", "/api/generate"), 0U);
  ASSERT_TRUE(unload(backend_, kEmb));
  EXPECT_FALSE(server_.is_loaded("emb"));
}

TEST_F(OllamaBackendTest, RefusesAModelThatWentPartlyToMainMemoryAndUnloadsIt) {
  server_.set_fault({.kind = FaultKind::spill});
  const auto report = load(backend_, kTiny);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::load_failed);
  EXPECT_EQ(report.error().param, "spill");
  EXPECT_FALSE(server_.is_loaded("tiny"));
}

TEST_F(OllamaBackendTest, TakesAModelInMainMemoryWhereThatIsItsPlace) {
  OllamaBackend on_host(loop_, network_, options(OllamaMemory::host), catalogue());
  server_.set_fault({.kind = FaultKind::spill});
  const auto report = load(on_host, kTiny);
  ASSERT_TRUE(report);
  EXPECT_GT(report->told->count, told_mib("tiny:latest")) << "all of it, not the part on a card";
  EXPECT_EQ(observe(on_host)->at(0).vram, *report->told);
}

TEST_F(OllamaBackendTest, SaysWhyALoadFailed) {
  server_.set_fault({.kind = FaultKind::load_error, .text = "CUDA error: out of memory"});
  const auto report = load(backend_, kTiny);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::load_failed);
  EXPECT_EQ(report.error().param, "out_of_memory");
  EXPECT_NE(report.error().detail.find("CUDA error"), std::string::npos);
}

TEST_F(OllamaBackendTest, LosesALoadWithItsConnection) {
  server_.set_fault({.kind = FaultKind::cut_in_load});
  EXPECT_EQ(load(backend_, kTiny).error().code, ErrorCode::backend_down);
}

TEST_F(OllamaBackendTest, RefusesModelsThatAreUnknownHereOrThere) {
  EXPECT_EQ(load(backend_, ModelId(99)).error().code, ErrorCode::unknown_model);
  EXPECT_EQ(load(backend_, kMissing).error().code, ErrorCode::unknown_model);
  EXPECT_EQ(unload(backend_, kMissing).error().code, ErrorCode::unknown_model);
}

TEST_F(OllamaBackendTest, NeverAsksForAModelThatRunsElsewhere) {
  EXPECT_EQ(load(backend_, kFar).error().code, ErrorCode::provider_blocked);
  EXPECT_EQ(unload(backend_, kFar).error().code, ErrorCode::provider_blocked);
  EXPECT_EQ(run(backend_, {.attempt = AttemptId(1), .model = kFar, .deadline = kLong}).error().code,
            ErrorCode::provider_blocked);
  EXPECT_TRUE(server_.requests().all().empty());
}

TEST_F(OllamaBackendTest, GivesALoadUpAtItsDeadlineWhichAbortsItThere) {
  server_.hold(Gate::load);
  const auto called = begin_load(backend_, kTiny, seconds(30));
  ASSERT_TRUE(server_.wait_at(Gate::load));
  loop_.advance(seconds(30));
  EXPECT_EQ(end(called).error().code, ErrorCode::run_timeout);
  EXPECT_TRUE(server_.wait_for([](const auto& counters) { return counters.loads_aborted == 1; }));
  server_.release(Gate::load);
  EXPECT_FALSE(server_.is_loaded("tiny"));
  EXPECT_EQ(loop_.timers(), 0U);
}

TEST_F(OllamaBackendTest, SendsNothingWhenTheDeadlineHasPassed) {
  EXPECT_EQ(end(begin_load(backend_, kTiny, {})).error().code, ErrorCode::run_timeout);
  EXPECT_EQ(probe(backend_, {}).error().code, ErrorCode::run_timeout);
  EXPECT_TRUE(server_.requests().all().empty());
}

TEST_F(OllamaBackendTest, UnloadsAndWaitsUntilTheListAgrees) {
  ASSERT_TRUE(load(backend_, kTiny));
  server_.hold(Gate::unload);
  server_.requests().clear();
  const auto called = begin_unload(backend_, kTiny);
  ASSERT_TRUE(server_.requests().wait_for("GET", "/api/ps", 3));
  loop_.run_what_waits();
  EXPECT_FALSE(called.ended()) << "it is still listed";
  server_.release(Gate::unload);
  EXPECT_TRUE(end(called));
  EXPECT_FALSE(server_.is_loaded("tiny"));
}

TEST_F(OllamaBackendTest, FailsAnUnloadThatNeverEnds) {
  ASSERT_TRUE(load(backend_, kTiny));
  server_.hold(Gate::unload);
  server_.requests().clear();
  const auto called = begin_unload(backend_, kTiny, seconds(10));
  ASSERT_TRUE(server_.requests().wait_for("GET", "/api/ps", 2));
  loop_.advance(seconds(10));
  EXPECT_EQ(end(called).error().code, ErrorCode::run_timeout);
  server_.release(Gate::unload);
}

TEST_F(OllamaBackendTest, UnloadsWhatIsNotLoaded) {
  EXPECT_TRUE(unload(backend_, kTiny));
}

TEST_F(OllamaBackendTest, ObservesModelsUnderWhateverNameTheyWereLoaded) {
  EXPECT_TRUE(observe(backend_)->empty());
  ASSERT_TRUE(load(backend_, kTiny));
  const auto loaded = observe(backend_);
  ASSERT_EQ(loaded->size(), 1U);
  EXPECT_EQ(loaded->at(0).model, kTiny);
  EXPECT_EQ(loaded->at(0).vram, MiB{told_mib("tiny:latest")});
  backend_.set_models({{.id = kTwin, .upstream = "TWIN:latest"}});
  EXPECT_TRUE(observe(backend_)->empty()) << "what is not configured is left out";
}

TEST_F(OllamaBackendTest, SeesSharedWeightsUnderAnotherName) {
  ASSERT_TRUE(load(backend_, kTwin));
  backend_.set_models({{.id = kTiny, .upstream = "twin-too"}, {.id = kEmb, .upstream = "emb"}});
  const auto loaded = observe(backend_);
  ASSERT_TRUE(loaded) << loaded.error().detail;
  ASSERT_EQ(loaded->size(), 1U);
  EXPECT_EQ(loaded->at(0).model, kTiny);
  server_.hold(Gate::unload);
  server_.requests().clear();
  const auto called = begin_unload(backend_, kTiny);
  ASSERT_TRUE(server_.requests().wait_for("GET", "/api/ps", 3));
  loop_.run_what_waits();
  EXPECT_FALSE(called.ended()) << "the other name is still listed";
  server_.release(Gate::unload);
  EXPECT_TRUE(end(called));
}

TEST_F(OllamaBackendTest, CountsSharedWeightsOnce) {
  ASSERT_TRUE(load(backend_, kTwin));
  backend_.set_models({{.id = kTwin, .upstream = "twin"}, {.id = kTiny, .upstream = "twin-too"}});
  const auto loaded = observe(backend_);
  ASSERT_EQ(loaded->size(), 2U);
  EXPECT_NE(loaded->at(0).vram, MiB{});
  EXPECT_EQ(loaded->at(1).vram, MiB{});
}

TEST_F(OllamaBackendTest, ReportsAServerThatIsGone) {
  server_.stop();
  EXPECT_EQ(probe(backend_).error().code, ErrorCode::backend_down);
  EXPECT_EQ(list(backend_).error().code, ErrorCode::backend_down);
  EXPECT_EQ(observe(backend_).error().code, ErrorCode::backend_down);
  EXPECT_EQ(load(backend_, kTiny).error().code, ErrorCode::backend_down);
  EXPECT_EQ(unload(backend_, kTiny).error().code, ErrorCode::backend_down);
  server_.start();
  EXPECT_TRUE(probe(backend_)) << "a later call finds it again";
}

TEST_F(OllamaBackendTest, DoesNotHangWithAServerThatSaysNothing) {
  server_.hold(Gate::head);
  const auto called =
      begin<ProbeReport>([&](auto done) { backend_.probe(seconds(10), std::move(done)); });
  ASSERT_TRUE(server_.wait_at(Gate::head));
  loop_.advance(seconds(10));
  EXPECT_EQ(end(called).error().code, ErrorCode::run_timeout);
  server_.release(Gate::head);
}

TEST_F(OllamaBackendTest, DoesNotTakeGarbageForAnAnswer) {
  server_.set_fault({.kind = FaultKind::garbage_body});
  EXPECT_EQ(probe(backend_).error().code, ErrorCode::internal);
  EXPECT_EQ(list(backend_).error().code, ErrorCode::internal);
  EXPECT_EQ(observe(backend_).error().code, ErrorCode::internal);
  EXPECT_EQ(load(backend_, kTiny).error().code, ErrorCode::internal);
  EXPECT_EQ(unload(backend_, kTiny).error().code, ErrorCode::internal);
}

// A server whose models have digests of their own tells shared weights by the blob in the Modelfile only.
TEST_F(OllamaBackendTest, FindsSharedWeightsByTheBlobInTheModelfile) {
  const std::string hex(64, 'a');
  auto server = net::HttpServer::listen(
      network_, {.host = "127.0.0.1", .port = 0, .tls = {}, .limits = {}},
      [&](net::Exchange& exchange) { return answer_as_twins(exchange, hex); });
  ASSERT_TRUE(server);
  OllamaBackend backend(
      loop_, network_,
      {.id = BackendId(1), .url = {.host = "127.0.0.1", .port = (*server)->port()}},
      {{.id = kTiny, .upstream = "mine"}, {.id = kFar, .upstream = "far"}});
  const auto loaded = observe(backend);
  ASSERT_TRUE(loaded) << loaded.error().detail;
  ASSERT_EQ(loaded->size(), 1U);
  EXPECT_EQ(loaded->at(0).model, kTiny);
  EXPECT_EQ(loaded->at(0).vram, MiB{5});
  EXPECT_EQ(probe(backend)->remarks, std::vector{EngineRemark::remote_models});
  EXPECT_EQ(list(backend)->size(), 2U) << "what runs elsewhere is not offered";
  EXPECT_EQ(load(backend, kFar).error().code, ErrorCode::provider_blocked);
}

struct StatusCase {
  int status;
  ErrorCode code;
};

TEST_F(OllamaBackendTest, MapsEveryStatusOfALoad) {
  for (const StatusCase& expected :
       {StatusCase{400, ErrorCode::bad_request}, StatusCase{401, ErrorCode::backend_down},
        StatusCase{403, ErrorCode::backend_down}, StatusCase{404, ErrorCode::unknown_model},
        StatusCase{500, ErrorCode::load_failed}, StatusCase{502, ErrorCode::backend_down},
        StatusCase{503, ErrorCode::queue_full}, StatusCase{301, ErrorCode::load_failed}}) {
    server_.set_fault({.kind = FaultKind::error_status,
                       .status = expected.status,
                       .text = "<html>no</html>",
                       .path = "/api/generate"});
    const auto report = load(backend_, kTiny);
    ASSERT_FALSE(report) << expected.status;
    EXPECT_EQ(report.error().code, expected.code) << expected.status;
    server_.clear_faults();
  }
}

// Each request of a load and of an unload is the one at which the server dies, until none is.
TEST_F(OllamaBackendTest, CallsBackOnceWhicheverRequestOfALoadTheServerDiesAt) {
  for (const char* path : {"/api/show", "/api/ps", "/api/generate"}) {
    for (const FaultKind kind : {FaultKind::cut_before_head, FaultKind::garbage_body}) {
      server_.set_fault({.kind = kind, .path = path});
      EXPECT_FALSE(load(backend_, kTiny)) << path;
      if (std::string_view(path) != "/api/show") EXPECT_FALSE(unload(backend_, kTiny)) << path;
      server_.clear_faults();
    }
  }
  EXPECT_TRUE(load(backend_, kTiny));
  EXPECT_TRUE(unload(backend_, kTiny));
}

}  // namespace
}  // namespace stoker
