// Loads and unloads in the form of each kind of server.
#include <boost/json/value.hpp>

#include "backends/openai/openai_bench_test.h"

namespace stoker {
namespace {

using engines::FaultKind;
using engines::Flavour;
using engines::Gate;

constexpr Flavour kByName[] = {Flavour::llama_cpp_router, Flavour::localai, Flavour::lm_studio};

class OpenAiResidencyTest : public OpenAiBench {
 protected:
  std::vector<ModelId> held() {
    std::vector<ModelId> models;
    const auto loaded = observe(*backend_);
    EXPECT_TRUE(loaded) << loaded.error().detail;
    for (const LoadedModel& model : *loaded) models.push_back(model.model);
    return models;
  }
};

TEST_F(OpenAiResidencyTest, LoadsAndUnloadsByName) {
  for (const Flavour flavour : kByName) {
    start(flavour);
    EXPECT_TRUE(held().empty());
    const auto report = load(*backend_, kModel);
    ASSERT_TRUE(report) << report.error().detail;
    EXPECT_FALSE(report->was_there);
    EXPECT_EQ(server_->status_of("m"), "loaded");
    EXPECT_TRUE(load(*backend_, kModel)->was_there);
    EXPECT_EQ(server_->counters().loads, 1U);
    EXPECT_EQ(held(), std::vector{kModel});
    ASSERT_TRUE(load(*backend_, kOther));
    EXPECT_EQ(held(), (std::vector{kModel, kOther}));
    ASSERT_TRUE(unload(*backend_, kModel));
    EXPECT_EQ(server_->status_of("m"), "unloaded");
    EXPECT_EQ(held(), std::vector{kOther});
    EXPECT_TRUE(unload(*backend_, kModel)) << "what is not loaded is gone";
    EXPECT_EQ(loop_.timers(), 0U);
  }
}

TEST_F(OpenAiResidencyTest, WaitsUntilTheServerAgrees) {
  for (const Flavour flavour : kByName) {
    start(flavour);
    ASSERT_TRUE(probe(*backend_));
    server_->hold(Gate::load);
    const auto loading = begin_load(*backend_, kModel);
    ASSERT_TRUE(server_->wait_at(Gate::load));
    loop_.run_what_waits();
    EXPECT_FALSE(loading.ended());
    server_->release(Gate::load);
    EXPECT_TRUE(end(loading));
    server_->hold(Gate::unload);
    const auto leaving = begin_unload(*backend_, kModel);
    ASSERT_TRUE(server_->wait_at(Gate::unload));
    loop_.run_what_waits();
    EXPECT_FALSE(leaving.ended());
    server_->release(Gate::unload);
    EXPECT_TRUE(end(leaving));
  }
}

TEST_F(OpenAiResidencyTest, EndsAtItsDeadline) {
  for (const Flavour flavour : kByName) {
    start(flavour);
    ASSERT_TRUE(load(*backend_, kModel));
    server_->hold(Gate::load);
    const auto loading = begin_load(*backend_, kOther, seconds(20));
    ASSERT_TRUE(server_->wait_at(Gate::load));
    loop_.advance(seconds(20));
    EXPECT_EQ(end(loading).error().code, ErrorCode::run_timeout);
    server_->hold(Gate::unload);
    const auto leaving = begin_unload(*backend_, kModel, seconds(20));
    ASSERT_TRUE(server_->wait_at(Gate::unload));
    loop_.advance(seconds(20));
    EXPECT_EQ(end(leaving).error().code, ErrorCode::run_timeout);
    server_->release(Gate::unload);
    server_->release(Gate::load);
  }
}

TEST_F(OpenAiResidencyTest, FailsAnUnloadThatTheServerRefuses) {
  for (const Flavour flavour : kByName) {
    start(flavour);
    ASSERT_TRUE(load(*backend_, kModel));
    for (const char* path : {"/models/unload", "/backend/shutdown", "/api/v1/models/unload"}) {
      server_->set_fault({.kind = FaultKind::error_status, .status = 500, .path = path});
    }
    EXPECT_EQ(unload(*backend_, kModel).error().code, ErrorCode::internal);
    EXPECT_EQ(held(), std::vector{kModel});
    server_->clear_faults();
    EXPECT_TRUE(unload(*backend_, kModel));
  }
}

TEST_F(OpenAiResidencyTest, SaysThatALoadFailed) {
  for (const Flavour flavour : kByName) {
    start(flavour);
    server_->set_fault({.kind = FaultKind::load_error});
    const auto report = load(*backend_, kModel);
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, ErrorCode::load_failed);
  }
}

TEST_F(OpenAiResidencyTest, RefusesModelsThatAreUnknownHereOrThere) {
  for (const Flavour flavour : kByName) {
    start(flavour);
    EXPECT_EQ(load(*backend_, ModelId(99)).error().code, ErrorCode::unknown_model);
    EXPECT_EQ(load(*backend_, kMissing).error().code, ErrorCode::unknown_model);
  }
}

TEST_F(OpenAiResidencyTest, SendsLoadOptionsWhereTheyAreTaken) {
  start(Flavour::lm_studio);
  ASSERT_TRUE(load(*backend_, kModel));
  const auto sent = server_->requests().last("POST", "/api/v1/models/load");
  ASSERT_TRUE(sent);
  EXPECT_EQ(sent->json.at("context_length"), 2048);
}

TEST_F(OpenAiResidencyTest, WaitsForALlamaThatStillLoads) {
  start(Flavour::llama_cpp, {.held = {Gate::load}});
  const auto loading = begin_load(*backend_, kModel);
  ASSERT_TRUE(server_->requests().wait_for("GET", "/health", 3));
  loop_.run_what_waits();
  EXPECT_FALSE(loading.ended());
  EXPECT_EQ(server_->requests().count("POST", "/v1/chat/completions"), 0U);
  server_->release(Gate::load);
  const auto report = end(loading);
  ASSERT_TRUE(report) << report.error().detail;
  EXPECT_FALSE(report->was_there);
  const auto sent = server_->requests().last("POST", "/v1/chat/completions");
  ASSERT_TRUE(sent);
  EXPECT_EQ(sent->json.at("max_tokens"), 1);
  EXPECT_TRUE(load(*backend_, kModel)->was_there);
  EXPECT_EQ(held(), std::vector{kModel});
}

TEST_F(OpenAiResidencyTest, GivesUpALlamaThatNeverLoads) {
  start(Flavour::llama_cpp, {.held = {Gate::load}});
  const auto loading = begin_load(*backend_, kModel, seconds(20));
  ASSERT_TRUE(server_->requests().wait_for("GET", "/health", 2));
  loop_.advance(seconds(20));
  EXPECT_EQ(end(loading).error().code, ErrorCode::run_timeout);
  server_->release(Gate::load);
}

TEST_F(OpenAiResidencyTest, WakesALlamaThatSleeps) {
  start(Flavour::llama_cpp, {.idle_until_sleep = minutes(1)});
  ASSERT_TRUE(load(*backend_, kModel));
  server_->advance(minutes(2));
  ASSERT_TRUE(server_->wait_for_status("m", "sleeping"));
  EXPECT_TRUE(held().empty());
  EXPECT_FALSE(load(*backend_, kModel)->was_there);
  EXPECT_EQ(server_->status_of("m"), "loaded");
}

TEST_F(OpenAiResidencyTest, NoticesThatALlamaServesAnotherModel) {
  start(Flavour::llama_cpp);
  EXPECT_EQ(load(*backend_, kOther).error().code, ErrorCode::unknown_model);
}

TEST_F(OpenAiResidencyTest, SaysWhatCannotBeUnloaded) {
  for (const Flavour flavour : {Flavour::llama_cpp, Flavour::sd_cpp}) {
    start(flavour);
    ASSERT_TRUE(load(*backend_, kModel)) << "it is there already";
    const auto refused = unload(*backend_, kModel);
    EXPECT_EQ(refused.error().code, ErrorCode::bad_request);
    EXPECT_EQ(refused.error().param, "cannot_unload");
    EXPECT_EQ(held(), std::vector{kModel});
  }
  start(Flavour::vllm, {.sleep_mode = false});
  EXPECT_TRUE(load(*backend_, kModel)->was_there);
  EXPECT_EQ(unload(*backend_, kModel).error().param, "cannot_unload");
}

TEST_F(OpenAiResidencyTest, SendsAVllmToSleepAndWakesItBeforeWork) {
  start(Flavour::vllm);
  EXPECT_TRUE(load(*backend_, kModel)->was_there);
  EXPECT_EQ(held(), std::vector{kModel});
  server_->hold(Gate::unload);
  const auto leaving = begin_unload(*backend_, kModel);
  ASSERT_TRUE(server_->wait_at(Gate::unload));
  loop_.run_what_waits();
  EXPECT_FALSE(leaving.ended()) << "its 200 comes before it sleeps";
  server_->release(Gate::unload);
  EXPECT_TRUE(end(leaving));
  EXPECT_EQ(server_->status_of("m"), "sleeping");
  EXPECT_TRUE(held().empty());
  EXPECT_TRUE(unload(*backend_, kModel));

  const auto refused = run(*backend_, call_of());
  EXPECT_EQ(refused.error().code, ErrorCode::load_failed);
  EXPECT_EQ(refused.error().param, "asleep");
  EXPECT_EQ(server_->counters().asked_while_asleep, 0U);

  server_->hold(Gate::load);
  const auto waking = begin_load(*backend_, kModel);
  ASSERT_TRUE(server_->wait_at(Gate::load));
  loop_.run_what_waits();
  EXPECT_FALSE(waking.ended());
  server_->release(Gate::load);
  const auto report = end(waking);
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->was_there);
  EXPECT_TRUE(run(*backend_, call_of(2)));
  EXPECT_EQ(server_->counters().asked_while_asleep, 0U);
}

TEST_F(OpenAiResidencyTest, ReportsAVllmWhoseEngineHasDied) {
  start(Flavour::vllm);
  ASSERT_TRUE(probe(*backend_));
  server_->kill_engine();
  EXPECT_EQ(load(*backend_, kModel).error().code, ErrorCode::backend_down);
  EXPECT_EQ(run(*backend_, call_of()).error().code, ErrorCode::internal);
}

TEST_F(OpenAiResidencyTest, LoadsWhatItKnowsNothingOfByWork) {
  start(Flavour::localai);
  connect({.id = BackendId(1), .url = server_->url(), .flavour = OpenAiFlavour::plain});
  const auto report = load(*backend_, kModel);
  ASSERT_TRUE(report) << report.error().detail;
  EXPECT_EQ(server_->status_of("m"), "loaded");
  EXPECT_EQ(observe(*backend_).error().code, ErrorCode::bad_request);
  EXPECT_EQ(unload(*backend_, kModel).error().param, "cannot_unload");
}

// Each request of a load and of an unload is the one at which the server dies, until none is.
TEST_F(OpenAiResidencyTest, CallsBackOnceWhicheverRequestTheServerDiesAt) {
  struct Route {
    Flavour flavour;
    std::vector<std::string> paths;
  };
  const std::vector<Route> routes = {
      {Flavour::llama_cpp, {"/health", "/v1/models", "/props", "/v1/chat/completions"}},
      {Flavour::llama_cpp_router, {"/models", "/models/load"}},
      {Flavour::vllm, {"/is_sleeping"}},
      {Flavour::localai, {"/backend/monitor", "/backend/load"}},
      {Flavour::sd_cpp, {"/sdcpp/v1/capabilities"}},
      {Flavour::lm_studio, {"/api/v1/models", "/api/v1/models/load"}}};
  for (const Route& route : routes) {
    start(route.flavour);
    ASSERT_TRUE(probe(*backend_));
    for (const std::string& path : route.paths) {
      for (const FaultKind kind : {FaultKind::cut_before_head, FaultKind::garbage_body}) {
        server_->set_fault({.kind = kind, .path = path});
        const auto report = load(*backend_, kModel);
        // That it is well is all that /health and capabilities have to say.
        if (path == "/health" || path == "/backend/load" || path == "/api/v1/models/load") {
          if (kind == FaultKind::cut_before_head) EXPECT_FALSE(report) << path;
        } else if (path != "/sdcpp/v1/capabilities" || kind == FaultKind::cut_before_head) {
          EXPECT_FALSE(report) << path;
        }
        server_->clear_faults();
      }
    }
    EXPECT_TRUE(load(*backend_, kModel));
  }
}

}  // namespace
}  // namespace stoker
