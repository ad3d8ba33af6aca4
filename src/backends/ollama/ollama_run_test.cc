// Runs of the adapter against a server that plays Ollama, and against peers that die after any number of bytes.
#include <boost/json/value.hpp>

#include "backends/http/engine_bench_test.h"
#include "backends/ollama/ollama_backend.h"
#include "tests/engines/answers.h"
#include "tests/engines/ollama_server.h"

namespace stoker {
namespace {

using engines::FaultKind;
using engines::Gate;

constexpr ModelId kTiny(1);
constexpr std::string_view kPrompt = "a fox <b> in Gänsefüßchen";

std::vector<EngineModel> catalogue() {
  return {{.id = kTiny,
           .upstream = "tiny",
           .load_options = {{"num_ctx", std::int64_t{4096}}},
           .run_options = {{"temperature", 0.5}}},
          {.id = ModelId(2), .upstream = "nope"}};
}

RunCall call_of(std::uint64_t attempt = 1) {
  return {.attempt = AttemptId(attempt),
          .job = JobId(7),
          .model = kTiny,
          .medium = Medium::text,
          .prompt = std::string(kPrompt),
          .seed = 1ULL << 40,
          .deadline = seconds(60)};
}

class OllamaRunTest : public EngineBench {
 protected:
  engines::OllamaServer server_{network_};
  OllamaBackend backend_{
      loop_, network_, {.id = BackendId(1), .url = server_.url(), .slots = 2}, catalogue()};
};

TEST_F(OllamaRunTest, BringsTheTextAndTellsItsPieces) {
  const auto report = run(backend_, call_of());
  ASSERT_TRUE(report) << report.error().detail;
  ASSERT_EQ(report->outputs.size(), 1U);
  EXPECT_EQ(report->outputs[0].bytes, engines::answer_text(kPrompt));
  EXPECT_EQ(report->outputs[0].mime, "text/plain; charset=utf-8");
  EXPECT_EQ(report->outputs[0].extension, "txt");
  EXPECT_FALSE(report->simulated);
  ASSERT_FALSE(progress_.empty());
  EXPECT_EQ(progress_.back().step, engines::kAnswerWords);
  EXPECT_EQ(progress_.back().steps, 0U);
  EXPECT_EQ(loop_.timers(), 0U);
}

TEST_F(OllamaRunTest, SendsTheOptionsOfTheModelWithEveryRun) {
  ASSERT_TRUE(run(backend_, call_of()));
  const auto sent = server_.requests().last("POST", "/api/chat");
  ASSERT_TRUE(sent);
  EXPECT_EQ(sent->json.at("model"), "tiny");
  EXPECT_EQ(sent->json.at("keep_alive"), -1);
  EXPECT_EQ(sent->json.at("options").at("num_ctx"), 4096);
  EXPECT_EQ(sent->json.at("options").at("temperature"), 0.5);
  EXPECT_LE(sent->json.at("options").at("seed").as_int64(), 0x7fff'ffff);
  ASSERT_TRUE(run(backend_, call_of(2)));
  EXPECT_EQ(server_.counters().reloads, 0U);
}

TEST_F(OllamaRunTest, IsNoRunOfAnotherMediumAndNoAttemptTwice) {
  RunCall picture = call_of();
  picture.medium = Medium::image;
  EXPECT_EQ(run(backend_, std::move(picture)).error().code, ErrorCode::bad_request);
  server_.hold(Gate::token);
  const auto first = begin_run(backend_, call_of());
  EXPECT_EQ(run(backend_, call_of()).error().code, ErrorCode::bad_request);
  server_.release(Gate::token);
  EXPECT_TRUE(end(first)) << "the first one goes on";
}

TEST_F(OllamaRunTest, FailsWhereverTheStreamBreaksAndWorksWhenItDoesNot) {
  for (const FaultKind kind : {FaultKind::cut_stream, FaultKind::end_stream,
                               FaultKind::error_in_stream, FaultKind::garbage_in_stream}) {
    std::uint64_t attempt = 1;
    std::size_t broken = 0;
    for (std::size_t records = 0; records <= engines::kAnswerWords; ++records) {
      server_.set_fault({.kind = kind, .after = records, .path = "/api/chat"});
      const auto report = run(backend_, call_of(attempt++));
      server_.clear_faults();
      if (report) continue;  // a clean end before the head is none
      ++broken;
      EXPECT_EQ(report.error().detail.find("fox"), std::string::npos) << "no prompt in details";
    }
    EXPECT_GE(broken, engines::kAnswerWords);
    EXPECT_TRUE(run(backend_, call_of(attempt)));
  }
}

TEST_F(OllamaRunTest, TellsHowAStreamBroke) {
  server_.set_fault({.kind = FaultKind::end_stream, .after = 3});
  EXPECT_EQ(run(backend_, call_of(1)).error().param, "truncated");
  server_.clear_faults();
  server_.set_fault({.kind = FaultKind::cut_stream, .after = 3});
  EXPECT_EQ(run(backend_, call_of(2)).error().code, ErrorCode::backend_down);
  server_.clear_faults();
  server_.set_fault({.kind = FaultKind::error_in_stream, .after = 3, .text = "you said fox"});
  const auto failed = run(backend_, call_of(3));
  EXPECT_EQ(failed.error().param, "engine_error");
  EXPECT_EQ(failed.error().detail.find("fox"), std::string::npos);
  server_.clear_faults();
  server_.set_fault({.kind = FaultKind::out_of_memory});
  EXPECT_EQ(run(backend_, call_of(4)).error().param, "out_of_memory");
}

TEST_F(OllamaRunTest, BoundsTheText) {
  RunCall small = call_of();
  small.output_bytes_max = 5;
  EXPECT_EQ(run(backend_, std::move(small)).error().code, ErrorCode::too_large);
  EXPECT_TRUE(server_.wait_for([](const auto& counters) { return counters.running == 0; }));
}

TEST_F(OllamaRunTest, CancelsAtTheServerAndTellsTheRunFirst) {
  server_.hold(Gate::token);
  const auto running = begin_run(backend_, call_of());
  ASSERT_TRUE(server_.wait_at(Gate::token));
  const auto cancelled = begin_cancel(backend_, AttemptId(1));
  loop_.run_until([&] { return running.ended(); });
  EXPECT_EQ(Called<RunReport>(running).result().error().code, ErrorCode::conflict);
  EXPECT_TRUE(end(cancelled));
  EXPECT_EQ(running.calls(), 1);
  EXPECT_TRUE(
      server_.wait_for([](const auto& counters) { return counters.generations_cancelled == 1; }));
  server_.release(Gate::token);
  EXPECT_EQ(loop_.timers(), 0U);
}

TEST_F(OllamaRunTest, CancelsWhatDoesNotRun) {
  EXPECT_TRUE(end(begin_cancel(backend_, AttemptId(5))));
  ASSERT_TRUE(run(backend_, call_of()));
  EXPECT_TRUE(end(begin_cancel(backend_, AttemptId(1))));
}

TEST_F(OllamaRunTest, LeavesOtherRunsAloneWhenOneIsCancelled) {
  server_.hold(Gate::token);
  const auto one = begin_run(backend_, call_of(1));
  ASSERT_TRUE(server_.wait_at(Gate::token));
  const auto two = begin_run(backend_, call_of(2));
  ASSERT_TRUE(end(begin_cancel(backend_, AttemptId(1))));
  server_.release(Gate::token);
  EXPECT_TRUE(end(two));
  EXPECT_TRUE(one.ended());
}

TEST_F(OllamaRunTest, EndsAtItsDeadlineAndLetsTheServerGo) {
  server_.hold(Gate::prefill);
  const auto called = begin_run(backend_, call_of());
  ASSERT_TRUE(server_.wait_at(Gate::prefill));
  loop_.advance(seconds(60));
  EXPECT_EQ(end(called).error().code, ErrorCode::run_timeout);
  EXPECT_TRUE(
      server_.wait_for([](const auto& counters) { return counters.generations_cancelled == 1; }));
  server_.release(Gate::prefill);
}

TEST_F(OllamaRunTest, GivesUpAServerThatSaysNothingForTooLong) {
  OllamaBackend impatient(loop_, network_,
                          {.id = BackendId(1),
                           .url = server_.url(),
                           .run_first_byte_max = milliseconds(20),
                           .run_stall_max = milliseconds(20)},
                          catalogue());
  server_.hold(Gate::prefill);
  EXPECT_EQ(run(impatient, call_of(1)).error().code, ErrorCode::run_timeout) << "no first piece";
  server_.release(Gate::prefill);
  OllamaBackend patient_at_first(
      loop_, network_,
      {.id = BackendId(1), .url = server_.url(), .run_stall_max = milliseconds(20)}, catalogue());
  server_.hold(Gate::token);
  server_.step_tokens(2);
  EXPECT_EQ(run(patient_at_first, call_of(2)).error().code, ErrorCode::run_timeout)
      << "no third piece";
  server_.release(Gate::token);
}

TEST_F(OllamaRunTest, TellsNoProgressAfterTheEnd) {
  server_.hold(Gate::token);
  const auto called = begin_run(backend_, call_of());
  ASSERT_TRUE(server_.wait_at(Gate::token));
  server_.step_tokens(3);
  ASSERT_TRUE(server_.wait_at(Gate::token));
  EXPECT_TRUE(end(begin_cancel(backend_, AttemptId(1))));
  EXPECT_TRUE(called.ended());
  const std::size_t told = progress_.size();
  server_.release(Gate::token);
  ASSERT_TRUE(probe(backend_));
  EXPECT_EQ(progress_.size(), told);
}

TEST_F(OllamaRunTest, MapsAnswersThatAreNoStream) {
  RunCall unknown = call_of();
  unknown.model = ModelId(2);
  EXPECT_EQ(run(backend_, std::move(unknown)).error().code, ErrorCode::unknown_model);
  server_.set_fault({.kind = FaultKind::error_status,
                     .status = 503,
                     .text = R"({"error":"server busy, please try again.  fox"})"});
  const auto busy = run(backend_, call_of());
  EXPECT_EQ(busy.error().code, ErrorCode::queue_full);
  EXPECT_EQ(busy.error().detail.find("fox"), std::string::npos);
  server_.clear_faults();
  server_.set_fault({.kind = FaultKind::garbage_body});
  EXPECT_EQ(run(backend_, call_of()).error().code, ErrorCode::internal);
  server_.clear_faults();
  server_.set_fault({.kind = FaultKind::cut_before_head});
  EXPECT_EQ(run(backend_, call_of()).error().code, ErrorCode::backend_down);
  server_.stop();
  EXPECT_EQ(run(backend_, call_of()).error().code, ErrorCode::backend_down);
}

TEST_F(OllamaRunTest, RemembersNoAttempts) {
  ASSERT_TRUE(run(backend_, call_of()));
  const auto fate =
      finish<AttemptFate>([&](auto done) { backend_.find_attempt(AttemptId(1), std::move(done)); });
  EXPECT_EQ(*fate, AttemptFate::unknown);
  const auto joined =
      finish<RunReport>([&](auto done) { backend_.join(call_of(), {}, std::move(done)); });
  EXPECT_EQ(joined.error().code, ErrorCode::not_found);
}

constexpr std::string_view kStream =
    "{\"message\":{\"content\":\"G\xc3\xa4nse\"},\"done\":false}\n"
    "{\"message\":{\"content\":\" \xf0\x9f\xa6\x8a\"},\"done\":false}\n"
    "{\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\"}\n";

TEST_F(OllamaRunTest, CallsBackOnceHoweverManyBytesTheServerLives) {
  DyingPeer peer(network_, std::string(kStream), "application/x-ndjson");
  OllamaBackend backend(loop_, network_, {.id = BackendId(1), .url = peer.url()}, catalogue());
  std::size_t whole = 0;
  for (std::size_t bytes = 0; bytes <= kStream.size(); ++bytes) {
    peer.live_for(bytes);
    const auto report = run(backend, call_of(bytes + 1));
    if (report) {
      ++whole;
      EXPECT_GE(bytes, kStream.size() - 1) << "the last record had come";
      EXPECT_EQ(report->outputs.at(0).bytes, "G\xc3\xa4nse \xf0\x9f\xa6\x8a");
    }
  }
  EXPECT_GE(whole, 1U);
}

TEST_F(OllamaRunTest, JoinsTextsThatArriveByteByByte) {
  DyingPeer peer(network_, std::string(kStream), "application/x-ndjson");
  OllamaBackend backend(loop_, network_, {.id = BackendId(1), .url = peer.url()}, catalogue());
  peer.live_for(kStream.size());
  peer.cut_into(1);
  const auto report = run(backend, call_of());
  ASSERT_TRUE(report);
  EXPECT_EQ(report->outputs.at(0).bytes, "G\xc3\xa4nse \xf0\x9f\xa6\x8a");
}

TEST_F(OllamaRunTest, StopsAtOnceWhenAnotherMachineAnswers) {
  DyingPeer peer(network_,
                 "{\"remote_host\":\"https://elsewhere\",\"message\":{\"content\":\"a\"}}\n",
                 "application/x-ndjson");
  OllamaBackend backend(loop_, network_, {.id = BackendId(1), .url = peer.url()}, catalogue());
  peer.live_for(1000);
  EXPECT_EQ(run(backend, call_of()).error().code, ErrorCode::provider_blocked);
}

}  // namespace
}  // namespace stoker
