// The adapter against a server that plays ComfyUI: runs, their ends, cancellation, and other people's runs.
#include <gmock/gmock.h>

#include "backends/comfyui/comfyui_backend.h"
#include "backends/comfyui/comfyui_bench_test.h"
#include "net/http_client.h"
#include "net/test_peers.h"
#include "protocol/comfyui/requests.h"
#include "protocol/comfyui/template.h"

namespace stoker {
namespace {

using engines::ComfyUiEra;
using engines::FaultKind;
using engines::Gate;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::string_view kForeignGraph =
    R"({"1":{"class_type":"EmptyImage","inputs":{"width":8,"height":8,"batch_size":1,"color":255}},)"
    R"("2":{"class_type":"SaveImage","inputs":{"images":["1",0],"filename_prefix":"t"}}})";

class ComfyUiRunTest : public ComfyUiBench {
 protected:
  void SetUp() override { begin(); }

  // A prompt of somebody else.
  void submit_foreign(unsigned number, std::string_view graph = kForeignGraph) {
    const auto client = net::HttpClient::create(network_);
    net::ClientRequest request{.method = "POST", .url = server().url(), .target = "/prompt"};
    request.body = protocol::comfyui::prompt_body(
        {.graph = graph, .client_id = "somebody", .prompt_id = foreign(number)});
    const auto response = net::testing::run(network_, client->send(std::move(request)));
    ASSERT_TRUE(response);
    ASSERT_EQ((*response)->head().status, 200);
  }
  static std::string foreign(unsigned number) {
    return "00000000-0000-4000-9000-00000000000" + std::to_string(number);
  }
};

TEST_F(ComfyUiRunTest, BringsThePictureAndItsProgress) {
  const auto report = run(*backend_, call(kA, 1));
  ASSERT_TRUE(report) << report.error().detail;
  ASSERT_EQ(report->outputs.size(), 1U);
  const RunOutput& output = report->outputs.front();
  EXPECT_EQ(output.medium, Medium::image);
  EXPECT_EQ(output.mime, "image/png");
  EXPECT_EQ(output.extension, "png");
  EXPECT_TRUE(output.bytes.starts_with("\x89PNG"));
  EXPECT_FALSE(report->simulated);
  ASSERT_FALSE(progress_.empty());
  for (const RunProgress& progress : progress_) EXPECT_LE(progress.step, progress.steps);
}

TEST_F(ComfyUiRunTest, AsksWithItsOwnIdAndTheExactSeed) {
  ASSERT_TRUE(run(*backend_, call(kA, 1)));
  const auto sent = server().requests().last("POST", "/prompt");
  ASSERT_TRUE(sent);
  EXPECT_EQ(sent->json.at("prompt_id"), boost::json::value(prompt_of(1)));
  const auto& nodes = sent->json.at("prompt");
  EXPECT_EQ(nodes.at("b").at("inputs").at("text"), "a secret fox");
  EXPECT_EQ(nodes.at("d").at("inputs").at("seed"), 18446744073709551614ULL);
}

TEST_F(ComfyUiRunTest, OptionsOfTheModelGoIntoTheWorkflow) {
  auto models = catalogue();
  models[0].run_options = {{"width", std::int64_t{128}}, {"steps", std::int64_t{2}}};
  models[1].run_options = {{"length", std::int64_t{5}}};
  backend_->set_models(models);
  ASSERT_TRUE(run(*backend_, call(kA, 1)));
  const auto sent = server().requests().last("POST", "/prompt");
  EXPECT_EQ(sent->json.at("prompt").at("c").at("inputs").at("width"), 128);
  EXPECT_EQ(sent->json.at("prompt").at("d").at("inputs").at("steps"), 2);
  EXPECT_EQ(run(*backend_, call(kB, 2)).error().param, "option length");
}

TEST_F(ComfyUiRunTest, LeavesNoPromptBehind) {
  ASSERT_TRUE(run(*backend_, call(kA, 1)));
  EXPECT_FALSE(server().in_history(prompt_of(1)));
  server().fail_node("KSampler", "a secret fox");
  const auto failed = run(*backend_, call(kA, 2));
  ASSERT_FALSE(failed);
  EXPECT_FALSE(server().in_history(prompt_of(2)));
  EXPECT_EQ(failed.error().code, ErrorCode::internal);
  EXPECT_EQ(failed.error().param, "KSampler");
  EXPECT_EQ(failed.error().detail.find("fox"), std::string::npos);
}

TEST_F(ComfyUiRunTest, EveryRunHasItsOwnSocket) {
  ASSERT_TRUE(run(*backend_, call(kA, 1)));
  ASSERT_TRUE(run(*backend_, call(kA, 2)));
  const auto opened = server().requests().of("GET", "/ws");
  ASSERT_EQ(opened.size(), 2U);
  EXPECT_NE(opened[0].query, opened[1].query);
  EXPECT_TRUE(server().wait_until([&] { return server().socket_count() == 0; }));
}

TEST_F(ComfyUiRunTest, OutOfMemoryIsNamed) {
  server().set_fault({.kind = FaultKind::out_of_memory, .times = 1});
  const auto report = run(*backend_, call(kA, 1));
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::load_failed);
  EXPECT_EQ(report.error().param, "oom");
  EXPECT_THAT(observed(), IsEmpty());
}

TEST_F(ComfyUiRunTest, ARefusedWorkflowStartsNothing) {
  auto models = catalogue();
  const std::string sampler = "\"euler\"";
  models[0].workflow.replace(models[0].workflow.find(sampler), sampler.size(), "\"no such\"");
  backend_->set_models(models);
  const auto report = run(*backend_, call(kA, 1));
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::bad_request);
  EXPECT_EQ(report.error().param, "KSampler");
  EXPECT_EQ(server().counts().started, 0U);
}

TEST_F(ComfyUiRunTest, AnOutputOfAnotherKindIsNoResult) {
  RunCall sound = call(kA, 1);
  sound.medium = Medium::audio;
  const auto report = run(*backend_, std::move(sound));
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::internal);
  EXPECT_EQ(report.error().param, "output");
}

TEST_F(ComfyUiRunTest, ResultsAreBounded) {
  RunCall small = call(kA, 1);
  small.output_bytes_max = 8;
  EXPECT_EQ(run(*backend_, std::move(small)).error().code, ErrorCode::too_large);
}

TEST_F(ComfyUiRunTest, ALateHistoryIsWaitedFor) {
  server().delay_history(5);
  const auto report = run(*backend_, call(kA, 1));
  ASSERT_TRUE(report) << report.error().detail;
  EXPECT_EQ(report->outputs.size(), 1U);
}

TEST_F(ComfyUiRunTest, AHistoryThatNeverComesIsAnError) {
  server().delay_history(1'000'000);
  ComfyUiOptions impatient = options();
  impatient.history_late_max = milliseconds(20);
  ComfyUiBackend backend(loop_, network_, impatient, catalogue());
  const auto report = run(backend, call(kA, 1));
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().param, "history");
}

TEST_F(ComfyUiRunTest, ALostSocketLosesNoResult) {
  server().hold(Gate::step);
  const auto running = begin_run(*backend_, call(kA, 1));
  ASSERT_TRUE(server().wait_at(Gate::step));
  server().cut_sockets();
  server().release(Gate::step);
  const auto report = end(running);
  ASSERT_TRUE(report) << report.error().detail;
  EXPECT_EQ(report->outputs.size(), 1U);
}

TEST_F(ComfyUiRunTest, ASocketThatBreaksAtAnyFrameLosesNoResult) {
  for (std::size_t frame = 0; frame < 24; ++frame) {
    server().clear_faults();
    server().set_fault({.kind = FaultKind::cut_stream, .after = frame, .times = 1});
    const auto report = run(*backend_, call(kA, 100 + frame));
    ASSERT_TRUE(report) << frame << ": " << report.error().detail;
    EXPECT_EQ(report->outputs.size(), 1U) << frame;
  }
}

TEST_F(ComfyUiRunTest, GarbageOnTheSocketIsPassedOver) {
  for (std::size_t frame = 0; frame < 12; ++frame) {
    server().clear_faults();
    server().set_fault({.kind = FaultKind::garbage_in_stream, .after = frame, .times = 1});
    ASSERT_TRUE(run(*backend_, call(kA, 100 + frame))) << frame;
  }
}

TEST_F(ComfyUiRunTest, AnEndThatWasNeverToldIsFoundBesideTheEvents) {
  poll_beside_events_ = milliseconds(2);
  begin();
  for (std::size_t frame = 0; frame < 24; ++frame) {
    server().clear_faults();
    server().set_fault({.kind = FaultKind::garbage_in_stream, .after = frame});
    ASSERT_TRUE(run(*backend_, call(kA, 100 + frame))) << frame;
  }
}

TEST_F(ComfyUiRunTest, AConnectionThatBreaksAtAnyRequestEndsTheRunOnce) {
  for (const std::string path :
       {"/ws", "/prompt", "/queue", "/history", "/view", "/system_stats"}) {
    for (std::size_t times = 1; times <= 3; ++times) {
      begin();
      server().set_fault({.kind = FaultKind::cut_before_head, .path = path, .times = times});
      const auto report = run(*backend_, call(kA, 1));
      if (!report) EXPECT_EQ(report.error().code, ErrorCode::backend_down) << path;
      EXPECT_LE(server().counts().started, 1U) << path;
    }
  }
}

TEST_F(ComfyUiRunTest, ARestartInMidRunIsNoticed) {
  server().hold(Gate::step);
  const auto running = begin_run(*backend_, call(kA, 1));
  ASSERT_TRUE(server().wait_at(Gate::step));
  server().restart();
  const auto report = end(running);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::backend_down);
  server().release(Gate::step);
  EXPECT_EQ(*find(*backend_, 1), AttemptFate::unknown);
  EXPECT_TRUE(run(*backend_, call(kA, 2)));
}

TEST_F(ComfyUiRunTest, AnEngineThatDiesInMidRunIsDown) {
  server().hold(Gate::step);
  const auto running = begin_run(*backend_, call(kA, 1));
  ASSERT_TRUE(server().wait_at(Gate::step));
  server().stop();
  EXPECT_EQ(end(running).error().code, ErrorCode::backend_down);
}

TEST_F(ComfyUiRunTest, TheDeadlineEndsARunAndCancelFreesTheEngine) {
  server().hold(Gate::step);
  RunCall hurried = call(kA, 1);
  hurried.deadline = seconds(3);
  const auto running = begin_run(*backend_, std::move(hurried));
  ASSERT_TRUE(server().wait_at(Gate::step));
  loop_.advance(seconds(4));
  EXPECT_EQ(end(running).error().code, ErrorCode::run_timeout);
  const auto stopping = begin_cancel(*backend_, AttemptId(1));
  ASSERT_TRUE(server().requests().wait_for("POST", "/interrupt"));
  server().release(Gate::step);
  EXPECT_TRUE(end(stopping));
  EXPECT_EQ(server().running(), std::nullopt);
  EXPECT_FALSE(server().in_history(prompt_of(1)));
}

TEST_F(ComfyUiRunTest, CancellingARunningOneEndsItFirst) {
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
  EXPECT_FALSE(server().in_history(prompt_of(1)));
}

TEST_F(ComfyUiRunTest, CancellingAQueuedOneTouchesNobodyElse) {
  server().hold(Gate::node);
  submit_foreign(1);
  ASSERT_TRUE(server().wait_at(Gate::node));
  submit_foreign(2);
  const auto running = begin_run(*backend_, call(kA, 1));
  ASSERT_TRUE(server().wait_until([&] { return server().pending().size() == 2; }));
  EXPECT_TRUE(cancel(1));
  EXPECT_EQ(end(running).error().code, ErrorCode::conflict);
  EXPECT_EQ(server().counts().interrupts, 0U);
  EXPECT_EQ(server().running(), foreign(1));
  EXPECT_THAT(server().pending(), ElementsAre(foreign(2)));
  server().release(Gate::node);
  ASSERT_TRUE(server().wait_for_end(2));
  EXPECT_TRUE(server().in_history(foreign(1)));
  EXPECT_TRUE(server().in_history(foreign(2)));
}

TEST_F(ComfyUiRunTest, OldVersionsAreInterruptedOnlyWhileOursRuns) {
  begin({.era = ComfyUiEra::established, .interrupts_by_id = false});
  server().hold(Gate::node);
  submit_foreign(1);
  ASSERT_TRUE(server().wait_at(Gate::node));
  const auto queued = begin_run(*backend_, call(kA, 1));
  ASSERT_TRUE(server().wait_until([&] { return server().pending().size() == 1; }));
  EXPECT_TRUE(cancel(1));
  EXPECT_EQ(end(queued).error().code, ErrorCode::conflict);
  EXPECT_EQ(server().counts().interrupts, 0U);
  server().release(Gate::node);
  ASSERT_TRUE(server().wait_for_end(1));
  server().hold(Gate::step);
  const auto running = begin_run(*backend_, call(kA, 2));
  ASSERT_TRUE(server().wait_at(Gate::step));
  EXPECT_TRUE(cancel(2));
  EXPECT_EQ(end(running).error().code, ErrorCode::conflict);
  EXPECT_EQ(server().counts().interrupted, 1U);
}

TEST_F(ComfyUiRunTest, ACancellationDoesNotOvertakeItsRun) {
  server().hold(Gate::head);
  const auto running = begin_run(*backend_, call(kA, 1));
  const auto stopping = begin_cancel(*backend_, AttemptId(1));
  server().release(Gate::head);
  EXPECT_TRUE(end(stopping));
  EXPECT_EQ(end(running).error().code, ErrorCode::conflict);
  EXPECT_THAT(server().pending(), IsEmpty());
  EXPECT_EQ(server().running(), std::nullopt);
}

TEST_F(ComfyUiRunTest, AnInterruptBySomebodyElseIsAConflict) {
  server().hold(Gate::step);
  const auto running = begin_run(*backend_, call(kA, 1));
  ASSERT_TRUE(server().wait_at(Gate::step));
  const auto client = net::HttpClient::create(network_);
  net::ClientRequest request{.method = "POST", .url = server().url(), .target = "/interrupt"};
  ASSERT_TRUE(net::testing::run(network_, client->send(std::move(request))));
  const auto report = end(running);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::conflict);
  EXPECT_EQ(report.error().param, "interrupted");
}

TEST_F(ComfyUiRunTest, CancellingWhatIsNotThereIsDone) {
  EXPECT_TRUE(cancel(77));
}

TEST_F(ComfyUiRunTest, RunsOfOthersDoNotEndOurs) {
  server().hold(Gate::node);
  submit_foreign(1);
  ASSERT_TRUE(server().wait_at(Gate::node));
  const auto running = begin_run(*backend_, call(kA, 1));
  ASSERT_TRUE(server().wait_until([&] { return server().pending().size() == 1; }));
  server().release(Gate::node);
  const auto report = end(running);
  ASSERT_TRUE(report) << report.error().detail;
  EXPECT_TRUE(server().in_history(foreign(1)));
}

TEST_F(ComfyUiRunTest, AForeignRunDropsOurModelsFromAClassicCache) {
  begin({.era = ComfyUiEra::established});
  ASSERT_TRUE(load(*backend_, kA));
  EXPECT_THAT(observed(), ElementsAre(kA));
  submit_foreign(1);
  ASSERT_TRUE(server().wait_for_end(2));
  EXPECT_THAT(observed(), IsEmpty());
}

TEST_F(ComfyUiRunTest, AForeignModelInTheSameMemoryIsNotTakenForOurs) {
  begin({.era = ComfyUiEra::established});
  ASSERT_TRUE(load(*backend_, kA));
  const auto theirs = protocol::comfyui::parse_template(picture_template("b.safetensors"));
  submit_foreign(1, protocol::comfyui::instantiate(*theirs, {}).value());
  ASSERT_TRUE(server().wait_for_end(2));
  ASSERT_EQ(server().device_bytes_of("b.safetensors"), 4 * engines::kGiB);
  EXPECT_THAT(observed(), IsEmpty());
}

TEST_F(ComfyUiRunTest, OurOwnRunIsNoForeignOne) {
  begin({.era = ComfyUiEra::established});
  ASSERT_TRUE(load(*backend_, kA));
  server().hold(Gate::step);
  const auto running = begin_run(*backend_, call(kA, 1));
  ASSERT_TRUE(server().wait_at(Gate::step));
  EXPECT_THAT(observed(), ElementsAre(kA));
  server().release(Gate::step);
  EXPECT_TRUE(end(running));
  EXPECT_THAT(observed(), ElementsAre(kA));
}

TEST_F(ComfyUiRunTest, ALaterLifeFindsARunAndJoinsIt) {
  server().hold(Gate::step);
  {
    const auto earlier = another_backend();
    begin_run(*earlier, call(kA, 1));
    ASSERT_TRUE(server().wait_at(Gate::step));
  }
  EXPECT_EQ(*find(*backend_, 1), AttemptFate::running);
  EXPECT_EQ(*find(*backend_, 2), AttemptFate::unknown);
  const auto joined = begin_join(*backend_, call(kA, 1));
  server().release(Gate::step);
  const auto report = end(joined);
  ASSERT_TRUE(report) << report.error().detail;
  EXPECT_EQ(report->outputs.size(), 1U);
  EXPECT_FALSE(server().in_history(prompt_of(1)));
  EXPECT_EQ(server().counts().started, 1U);
}

TEST_F(ComfyUiRunTest, ALaterLifeFetchesWhatHasEnded) {
  server().hold(Gate::step);
  {
    const auto earlier = another_backend();
    begin_run(*earlier, call(kA, 1));
    ASSERT_TRUE(server().wait_at(Gate::step));
  }
  server().release(Gate::step);
  ASSERT_TRUE(server().wait_for_end());
  EXPECT_EQ(*find(*backend_, 1), AttemptFate::finished);
  EXPECT_EQ(end(begin_join(*backend_, call(kA, 1)))->outputs.size(), 1U);
  EXPECT_EQ(*find(*backend_, 1), AttemptFate::unknown) << "its prompt is forgotten";
}

TEST_F(ComfyUiRunTest, AJoinedRunCanBeCancelled) {
  server().hold(Gate::step);
  {
    const auto earlier = another_backend();
    begin_run(*earlier, call(kA, 1));
    ASSERT_TRUE(server().wait_at(Gate::step));
  }
  const auto joined = begin_join(*backend_, call(kA, 1));
  EXPECT_TRUE(cancel(1));
  EXPECT_EQ(end(joined).error().code, ErrorCode::conflict);
}

TEST_F(ComfyUiRunTest, AnotherHouseHasOtherIds) {
  ComfyUiOptions other = options();
  other.salt = "another house";
  ComfyUiBackend backend(loop_, network_, other, catalogue());
  server().hold(Gate::step);
  const auto running = begin_run(*backend_, call(kA, 1));
  ASSERT_TRUE(server().wait_at(Gate::step));
  EXPECT_EQ(*find(backend, 1), AttemptFate::unknown);
  server().release(Gate::step);
  EXPECT_TRUE(end(running));
}

TEST_F(ComfyUiRunTest, TheSameAttemptRunsOnce) {
  server().hold(Gate::step);
  const auto running = begin_run(*backend_, call(kA, 1));
  ASSERT_TRUE(server().wait_at(Gate::step));
  EXPECT_EQ(run(*backend_, call(kA, 1)).error().code, ErrorCode::bad_request);
  server().release(Gate::step);
  EXPECT_TRUE(end(running));
}

TEST_F(ComfyUiRunTest, AnAdapterThatGoesLeavesNobodyWaiting) {
  server().hold(Gate::step);
  const auto running = begin_run(*backend_, call(kA, 1));
  ASSERT_TRUE(server().wait_at(Gate::step));
  backend_.reset();
  server().release(Gate::step);
  ASSERT_TRUE(server().wait_for_end());
  loop_.run_what_waits();
  EXPECT_FALSE(running.ended());
}

}  // namespace
}  // namespace stoker
