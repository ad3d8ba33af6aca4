// The adapter against a server that plays SwarmUI.
#include "backends/swarmui/swarmui_backend.h"

#include <gmock/gmock.h>

#include <boost/json.hpp>
#include <future>
#include <memory>

#include "backends/http/engine_bench_test.h"
#include "tests/engines/swarmui_server.h"
#include "tests/engines/test_client.h"

namespace stoker {
namespace {

using engines::FaultKind;
using engines::Gate;
using engines::SwarmBackendStatus;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr ModelId kA{1};
constexpr ModelId kB{2};
constexpr ModelId kMissing{3};

std::vector<EngineModel> catalogue() {
  const protocol::Options small = {
      {"width", std::int64_t{64}}, {"height", std::int64_t{64}}, {"steps", std::int64_t{4}}};
  return {{.id = kA,
           .medium = Medium::image,
           .upstream = "Official/a",
           .planned = {2048},
           .run_options = small},
          {.id = kB,
           .medium = Medium::image,
           .upstream = "Official/b.safetensors",
           .planned = {4096},
           .run_options = small},
          {.id = kMissing, .medium = Medium::image, .upstream = "Official/nope"}};
}

bool has(const ProbeReport& report, EngineRemark remark) {
  return std::ranges::find(report.remarks, remark) != report.remarks.end();
}

class SwarmUiBackendTest : public EngineBench {
 protected:
  void SetUp() override { begin({}); }

  void begin(engines::SwarmUiOptions options) {
    backend_.reset();
    server_.reset();
    options.models = {{"Official/a.safetensors", 2 * engines::kGiB},
                      {"Official/b.safetensors", 4 * engines::kGiB},
                      {"Official/a_turbo.safetensors"}};
    server_ = std::make_unique<engines::SwarmUiServer>(network_, std::move(options));
    backend_ = std::make_unique<SwarmUiBackend>(
        loop_, network_,
        SwarmUiOptions{.id = BackendId(1), .url = server_->url(), .poll_every = milliseconds(2)},
        catalogue());
  }
  static RunCall call(ModelId model, std::uint64_t attempt) {
    return {.attempt = AttemptId(attempt),
            .job = JobId(attempt),
            .model = model,
            .medium = Medium::image,
            .prompt = "a secret fox",
            .seed = 5,
            .deadline = kLong};
  }
  Result<void> cancel(std::uint64_t attempt) {
    return end(begin_cancel(*backend_, AttemptId(attempt)));
  }
  std::vector<ModelId> observed() {
    const auto models = observe(*backend_);
    EXPECT_TRUE(models) << models.error().detail;
    std::vector<ModelId> ids;
    for (const LoadedModel& model : models.value_or(std::vector<LoadedModel>())) {
      ids.push_back(model.model);
    }
    return ids;
  }
  // A generation of somebody else, in a session of its own.
  std::future<engines::Reply> begin_foreign() {
    client_ = std::make_unique<engines::TestClient>(network_, server().url());
    net::Headers json;
    json.add("Content-Type", "application/json");
    const auto session =
        client_->ask("POST", "/API/GetNewSession", "{}", json).json().at("session_id");
    const boost::json::object body{
        {"session_id", session}, {"images", 1},  {"prompt", "theirs"}, {"model", "Official/a"},
        {"width", 64},           {"height", 64}, {"steps", 1}};
    return client_->begin("POST", "/API/GenerateText2Image", boost::json::serialize(body), json);
  }
  engines::SwarmUiServer& server() { return *server_; }

  std::unique_ptr<engines::SwarmUiServer> server_;
  std::unique_ptr<SwarmUiBackend> backend_;
  std::unique_ptr<engines::TestClient> client_;
};

TEST_F(SwarmUiBackendTest, ProbesVersionBackendsAndHabits) {
  const auto report = probe(*backend_);
  ASSERT_TRUE(report) << report.error().detail;
  EXPECT_THAT(report->version, HasSubstr("0.9"));
  EXPECT_THAT(report->flags, Contains(HasSubstr("running")));
  EXPECT_TRUE(has(*report, EngineRemark::queues_ahead));
  EXPECT_EQ(report->granularity, EvictionGranularity::backend);
  EXPECT_EQ(report->holds_max, 1U);
}

TEST_F(SwarmUiBackendTest, WithoutOverQueueItDoesNotQueueAhead) {
  begin({.backends = 2, .uses_max = 1});
  const auto report = probe(*backend_);
  ASSERT_TRUE(report);
  EXPECT_FALSE(has(*report, EngineRemark::queues_ahead));
  EXPECT_EQ(report->holds_max, 2U);
}

TEST_F(SwarmUiBackendTest, WhatWeMayNotAskStaysUnknown) {
  server().deny("view_backends_list");
  server().deny("read_server_settings");
  const auto report = probe(*backend_);
  ASSERT_TRUE(report) << report.error().detail;
  EXPECT_THAT(report->remarks, IsEmpty());
  EXPECT_THAT(report->flags, IsEmpty());
}

TEST_F(SwarmUiBackendTest, AnEngineWithoutAWorkingBackendIsDown) {
  server().set_backend_status(0, SwarmBackendStatus::disabled);
  const auto disabled = probe(*backend_);
  ASSERT_FALSE(disabled);
  EXPECT_EQ(disabled.error().code, ErrorCode::backend_down);
  EXPECT_EQ(disabled.error().param, "no_backends");
  server().set_backend_status(0, SwarmBackendStatus::loading);
  server().advance(seconds(2));
  EXPECT_EQ(probe(*backend_).error().param, "loading");
}

TEST_F(SwarmUiBackendTest, AnEngineThatIsNotThereIsDown) {
  server().stop();
  EXPECT_EQ(probe(*backend_).error().code, ErrorCode::backend_down);
  EXPECT_EQ(list(*backend_).error().code, ErrorCode::backend_down);
  EXPECT_EQ(load(*backend_, kA).error().code, ErrorCode::backend_down);
  EXPECT_EQ(unload(*backend_, kA).error().code, ErrorCode::backend_down);
  EXPECT_EQ(observe(*backend_).error().code, ErrorCode::backend_down);
  EXPECT_EQ(run(*backend_, call(kA, 1)).error().code, ErrorCode::backend_down);
}

TEST_F(SwarmUiBackendTest, NonsenseIsAnEngineThatIsDown) {
  server().set_fault({.kind = FaultKind::garbage_body});
  EXPECT_EQ(probe(*backend_).error().code, ErrorCode::backend_down);
  EXPECT_EQ(load(*backend_, kA).error().code, ErrorCode::backend_down);
  EXPECT_EQ(run(*backend_, call(kA, 1)).error().code, ErrorCode::backend_down);
}

TEST_F(SwarmUiBackendTest, ListsModelsByTheServersNames) {
  const auto offered = list(*backend_);
  ASSERT_TRUE(offered);
  std::vector<std::string> names;
  for (const OfferedModel& model : *offered) names.push_back(model.name);
  EXPECT_THAT(names,
              testing::UnorderedElementsAre("Official/a.safetensors", "Official/b.safetensors",
                                            "Official/a_turbo.safetensors"));
}

TEST_F(SwarmUiBackendTest, LoadsTheModelThatWasMeant) {
  const auto report = load(*backend_, kA);
  ASSERT_TRUE(report) << report.error().detail;
  EXPECT_FALSE(report->was_there);
  EXPECT_EQ(server().resident_model(), "Official/a.safetensors");
  EXPECT_TRUE(load(*backend_, kA)->was_there);
  EXPECT_THAT(observed(), ElementsAre(kA));
  EXPECT_FALSE(load(*backend_, kB)->was_there);
  EXPECT_THAT(observed(), ElementsAre(kB));
  EXPECT_FALSE(load(*backend_, kA)->was_there);
}

TEST_F(SwarmUiBackendTest, AModelThatItDoesNotHaveIsUnknown) {
  const auto loaded = load(*backend_, kMissing);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, ErrorCode::unknown_model);
  EXPECT_EQ(loaded.error().param, "Official/nope");
  EXPECT_EQ(run(*backend_, call(kMissing, 1)).error().code, ErrorCode::unknown_model);
  EXPECT_EQ(server().counts().requests, 0U);
  EXPECT_EQ(load(*backend_, ModelId(99)).error().code, ErrorCode::unknown_model);
}

TEST_F(SwarmUiBackendTest, AFailedLoadIsTold) {
  server().set_fault({.kind = FaultKind::load_error, .times = 1});
  const auto report = load(*backend_, kA);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::load_failed);
  EXPECT_THAT(observed(), IsEmpty());
}

TEST_F(SwarmUiBackendTest, ASessionThatWasForgottenIsReplacedOnce) {
  ASSERT_TRUE(list(*backend_));
  server().expire_sessions();
  EXPECT_TRUE(list(*backend_));
  EXPECT_EQ(server().counts().sessions, 2U);
}

TEST_F(SwarmUiBackendTest, UnloadIsConfirmedByTheCard) {
  ASSERT_TRUE(load(*backend_, kA));
  server().hold(Gate::unload);
  const auto unloading = begin_unload(*backend_, kA);
  ASSERT_TRUE(server().wait_at(Gate::unload));
  loop_.run_what_waits();
  EXPECT_FALSE(unloading.ended());
  server().release(Gate::unload);
  EXPECT_TRUE(end(unloading));
  EXPECT_EQ(server().resident_model(), "");
  EXPECT_EQ(server().current_model(), "Official/a.safetensors") << "it still believes";
  EXPECT_THAT(observed(), IsEmpty());
  EXPECT_FALSE(load(*backend_, kA)->was_there) << "the belief is not trusted";
}

TEST_F(SwarmUiBackendTest, MemoryThatStaysTakenIsNoUnload) {
  ASSERT_TRUE(load(*backend_, kA));
  server().set_fault({.kind = FaultKind::unload_keeps_memory});
  const auto unloading = begin_unload(*backend_, kA, seconds(10));
  ASSERT_TRUE(server().requests().wait_for("POST", "/API/GetServerResourceInfo", 5));
  loop_.advance(seconds(11));
  EXPECT_EQ(end(unloading).error().code, ErrorCode::run_timeout);
}

TEST_F(SwarmUiBackendTest, WithoutAViewOfTheCardItsAnswerMustDo) {
  begin({.shows_cards = false});
  ASSERT_TRUE(load(*backend_, kA));
  EXPECT_THAT(observed(), ElementsAre(kA));
  EXPECT_TRUE(unload(*backend_, kA));
  EXPECT_EQ(server().resident_model(), "");
}

TEST_F(SwarmUiBackendTest, WhoMayNotFreeMemoryIsTold) {
  ASSERT_TRUE(load(*backend_, kA));
  server().deny("control_mem_clean");
  const auto result = unload(*backend_, kA);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().param, "refused");
}

TEST_F(SwarmUiBackendTest, ARestartedServerHoldsNothing) {
  ASSERT_TRUE(load(*backend_, kA));
  server().restart();
  EXPECT_THAT(observed(), IsEmpty());
}

TEST_F(SwarmUiBackendTest, BringsThePictureAsDataAndLeavesNoFile) {
  const auto report = run(*backend_, call(kA, 1));
  ASSERT_TRUE(report) << report.error().detail;
  ASSERT_EQ(report->outputs.size(), 1U);
  EXPECT_EQ(report->outputs.front().mime, "image/png");
  EXPECT_TRUE(report->outputs.front().bytes.starts_with("\x89PNG"));
  ASSERT_FALSE(progress_.empty());
  EXPECT_EQ(progress_.back().steps, 100U);
  EXPECT_THAT(observed(), ElementsAre(kA));
  for (const auto& asked : server().requests().all()) {
    EXPECT_THAT(asked.path, Not(HasSubstr("/View/")));
  }
}

TEST_F(SwarmUiBackendTest, FetchesAPictureThatTheServerKeeps) {
  auto models = catalogue();
  models[0].run_options.emplace_back("donotsave", false);
  backend_->set_models(models);
  RunCall odd = call(kA, 1);
  odd.prompt = "what? 100% a fox & its #1 friend";
  const auto report = run(*backend_, std::move(odd));
  ASSERT_TRUE(report) << report.error().detail;
  EXPECT_EQ(report->outputs.size(), 1U);
}

TEST_F(SwarmUiBackendTest, EveryRunHasItsOwnSession) {
  ASSERT_TRUE(run(*backend_, call(kA, 1)));
  ASSERT_TRUE(run(*backend_, call(kA, 2)));
  EXPECT_EQ(server().counts().sessions, 3U) << "one for each run and one for the adapter";
}

TEST_F(SwarmUiBackendTest, ResultsAreBounded) {
  RunCall small = call(kA, 1);
  small.output_bytes_max = 8;
  EXPECT_EQ(run(*backend_, std::move(small)).error().code, ErrorCode::too_large);
}

TEST_F(SwarmUiBackendTest, ErrorsOfARunHaveTheirMeaningAndNoWords) {
  server().set_fault({.kind = FaultKind::out_of_memory, .times = 1});
  const auto memory = run(*backend_, call(kA, 1));
  ASSERT_FALSE(memory);
  EXPECT_EQ(memory.error().code, ErrorCode::load_failed);
  EXPECT_EQ(memory.error().param, "oom");
  server().set_fault(
      {.kind = FaultKind::error_in_stream, .text = "ComfyUI errored: a secret fox", .times = 1});
  const auto other = run(*backend_, call(kA, 2));
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::internal);
  EXPECT_THAT(other.error().detail, Not(HasSubstr("fox")));
}

TEST_F(SwarmUiBackendTest, AConnectionThatBreaksAtAnyMessageEndsTheRunAndInterruptsIt) {
  std::size_t broken = 0;
  for (std::size_t message = 0; message < 6; ++message) {
    begin({});
    server().set_fault({.kind = FaultKind::cut_stream, .after = message, .times = 1});
    const auto report = run(*backend_, call(kA, 1));
    if (report) continue;
    ++broken;
    EXPECT_EQ(report.error().code, ErrorCode::backend_down) << message;
    EXPECT_EQ(server().counts().interrupts, 1U) << message;
    EXPECT_EQ(server().waiting_images(), 0U) << message;
  }
  EXPECT_GT(broken, 0U);
}

TEST_F(SwarmUiBackendTest, GarbageOnTheSocketIsPassedOver) {
  server().set_fault({.kind = FaultKind::garbage_in_stream, .after = 1, .times = 1});
  EXPECT_TRUE(run(*backend_, call(kA, 1)));
}

TEST_F(SwarmUiBackendTest, CancellingARunningOneEndsItFirst) {
  server().hold(Gate::step);
  const auto running = begin_run(*backend_, call(kA, 1));
  ASSERT_TRUE(server().wait_at(Gate::step));
  const auto stopping = begin_cancel(*backend_, AttemptId(1));
  loop_.run_until([&] {
    if (stopping.ended()) EXPECT_TRUE(running.ended());
    return stopping.ended();
  });
  EXPECT_TRUE(end(stopping));
  EXPECT_EQ(end(running).error().code, ErrorCode::conflict);
  EXPECT_EQ(server().counts().interrupted, 1U);
}

TEST_F(SwarmUiBackendTest, CancellingTouchesNobodyElse) {
  begin({.uses_max = 1});
  server().hold(Gate::step);
  auto theirs = begin_foreign();
  ASSERT_TRUE(server().wait_at(Gate::step));
  const auto running = begin_run(*backend_, call(kA, 1));
  ASSERT_TRUE(server().wait_until([&] { return server().waiting_images() == 2; }));
  EXPECT_TRUE(cancel(1));
  EXPECT_EQ(end(running).error().code, ErrorCode::conflict);
  EXPECT_EQ(server().waiting_images(), 1U);
  server().release(Gate::step);
  EXPECT_TRUE(net::testing::finish(std::move(theirs)).json().as_object().contains("images"));
}

TEST_F(SwarmUiBackendTest, TheDeadlineEndsARunAndCancelFreesTheEngine) {
  server().hold(Gate::step);
  RunCall hurried = call(kA, 1);
  hurried.deadline = seconds(3);
  const auto running = begin_run(*backend_, std::move(hurried));
  ASSERT_TRUE(server().wait_at(Gate::step));
  loop_.advance(seconds(4));
  EXPECT_EQ(end(running).error().code, ErrorCode::run_timeout);
  EXPECT_EQ(server().waiting_images(), 1U) << "a closed connection cancels nothing there";
  EXPECT_TRUE(cancel(1));
  EXPECT_EQ(server().waiting_images(), 0U);
}

TEST_F(SwarmUiBackendTest, ACancellationBeforeAnythingWasAskedStartsNothing) {
  server().hold(Gate::head);
  const auto running = begin_run(*backend_, call(kA, 1));
  const auto stopping = begin_cancel(*backend_, AttemptId(1));
  EXPECT_TRUE(end(stopping));
  server().release(Gate::head);
  EXPECT_EQ(end(running).error().code, ErrorCode::conflict);
  EXPECT_EQ(server().counts().requests, 0U);
}

TEST_F(SwarmUiBackendTest, CancellingWhatIsNotThereIsDone) {
  EXPECT_TRUE(cancel(77));
}

TEST_F(SwarmUiBackendTest, AttemptsOfAnEarlierLifeAreUnknown) {
  EXPECT_EQ(*finish<AttemptFate>(
                [&](auto done) { backend_->find_attempt(AttemptId(1), std::move(done)); }),
            AttemptFate::unknown);
  EXPECT_EQ(finish<RunReport>([&](auto done) {
              backend_->join(call(kA, 1), [](RunProgress) {}, std::move(done));
            })
                .error()
                .code,
            ErrorCode::not_found);
}

TEST_F(SwarmUiBackendTest, AnAdapterThatGoesLeavesNobodyWaiting) {
  server().hold(Gate::step);
  const auto running = begin_run(*backend_, call(kA, 1));
  ASSERT_TRUE(server().wait_at(Gate::step));
  backend_.reset();
  server().release(Gate::step);
  loop_.run_what_waits();
  EXPECT_FALSE(running.ended());
}

}  // namespace
}  // namespace stoker
