// Runs against servers of all kinds, and against peers that die after any number of bytes.
#include <boost/json/value.hpp>

#include "backends/openai/openai_bench_test.h"
#include "domain/media_format.h"
#include "tests/engines/answers.h"

namespace stoker {
namespace {

using engines::FaultKind;
using engines::Flavour;
using engines::Gate;
using engines::StreamForm;

constexpr std::string_view kPrompt = "a fox <b> in Gänsefüßchen";
constexpr Flavour kTexts[] = {Flavour::llama_cpp, Flavour::llama_cpp_router, Flavour::vllm,
                              Flavour::localai, Flavour::lm_studio};

class OpenAiRunTest : public OpenAiBench {};

TEST_F(OpenAiRunTest, BringsTextsFromEveryKind) {
  for (const Flavour flavour : kTexts) {
    start(flavour);
    ASSERT_TRUE(load(*backend_, kModel));
    progress_.clear();
    const auto report = run(*backend_, call_of());
    ASSERT_TRUE(report) << report.error().detail;
    ASSERT_EQ(report->outputs.size(), 1U);
    EXPECT_EQ(report->outputs[0].bytes, engines::answer_text(kPrompt));
    EXPECT_EQ(report->outputs[0].extension, "txt");
    ASSERT_FALSE(progress_.empty());
    EXPECT_EQ(progress_.back().step, engines::kAnswerWords);
    EXPECT_EQ(progress_.back().steps, 0U);
    EXPECT_EQ(loop_.timers(), 0U);
  }
}

TEST_F(OpenAiRunTest, AsksForTheCountWhereThatIsTaken) {
  start(Flavour::llama_cpp);
  ASSERT_TRUE(run(*backend_, call_of()));
  auto sent = server_->requests().last("POST", "/v1/chat/completions");
  EXPECT_EQ(sent->json.at("stream_options").at("include_usage"), true);
  EXPECT_LE(sent->json.at("seed").as_int64(), 0x7fff'ffff);
  connect({.id = BackendId(1), .url = server_->url(), .flavour = OpenAiFlavour::plain});
  ASSERT_TRUE(run(*backend_, call_of(2)));
  sent = server_->requests().last("POST", "/v1/chat/completions");
  EXPECT_FALSE(sent->json.as_object().contains("stream_options"));
}

TEST_F(OpenAiRunTest, TakesEveryFormOfAStream) {
  start(Flavour::llama_cpp);
  std::vector<StreamForm> forms;
  for (const auto usage : {StreamForm::Usage::null_until_then, StreamForm::Usage::always,
                           StreamForm::Usage::in_last_chunk}) {
    forms.push_back({.usage = usage});
  }
  for (const std::size_t bytes : {1U, 3U, 7U}) forms.push_back({.bytes_per_write = bytes});
  forms.push_back({.crlf = true, .comments = true});
  forms.push_back({.bytes_per_write = 5, .crlf = true, .comments = true});
  forms.push_back({.role_in_each_chunk = true, .null_content_first = true});
  forms.push_back({.finish_with_last_text = true});
  std::uint64_t attempt = 1;
  for (const StreamForm& form : forms) {
    server_->set_stream_form(form);
    const auto report = run(*backend_, call_of(attempt++));
    ASSERT_TRUE(report) << "form " << attempt;
    EXPECT_EQ(report->outputs.at(0).bytes, engines::answer_text(kPrompt)) << "form " << attempt;
  }
}

TEST_F(OpenAiRunTest, FailsWhereverTheStreamBreaksAndWorksWhenItDoesNot) {
  start(Flavour::llama_cpp);
  std::uint64_t attempt = 1;
  for (const FaultKind kind : {FaultKind::cut_stream, FaultKind::end_stream,
                               FaultKind::error_in_stream, FaultKind::garbage_in_stream}) {
    for (std::size_t records = 0; records <= engines::kAnswerWords; ++records) {
      server_->set_fault({.kind = kind, .after = records, .path = "/v1/chat/completions"});
      const auto report = run(*backend_, call_of(attempt++));
      server_->clear_faults();
      ASSERT_FALSE(report) << "fault " << static_cast<int>(kind) << " after " << records;
      EXPECT_EQ(report.error().detail.find("fox"), std::string::npos) << "no prompt in details";
    }
    EXPECT_TRUE(run(*backend_, call_of(attempt++)));
  }
}

TEST_F(OpenAiRunTest, SeesAnErrorInEachOfItsForms) {
  start(Flavour::llama_cpp);
  std::uint64_t attempt = 1;
  for (const auto form : {StreamForm::Error::event, StreamForm::Error::field_then_done,
                          StreamForm::Error::silent_end}) {
    server_->set_stream_form({.error = form});
    server_->set_fault({.kind = FaultKind::error_in_stream, .after = 3, .text = "you said fox"});
    const auto report = run(*backend_, call_of(attempt++));
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, ErrorCode::internal);
    EXPECT_EQ(report.error().param,
              form == StreamForm::Error::silent_end ? "truncated" : "engine_error");
    EXPECT_EQ(report.error().detail.find("fox"), std::string::npos);
    server_->clear_faults();
  }
}

TEST_F(OpenAiRunTest, MapsRefusals) {
  start(Flavour::lm_studio);
  RunCall unknown = call_of();
  unknown.model = kMissing;
  EXPECT_EQ(run(*backend_, std::move(unknown)).error().code, ErrorCode::unknown_model);
  RunCall picture = call_of();
  picture.medium = Medium::image;
  EXPECT_EQ(run(*backend_, std::move(picture)).error().code, ErrorCode::bad_request);
  struct Case {
    int status;
    ErrorCode code;
  };
  for (const Case& expected :
       {Case{400, ErrorCode::bad_request}, Case{401, ErrorCode::backend_down},
        Case{404, ErrorCode::bad_request}, Case{413, ErrorCode::too_large},
        Case{429, ErrorCode::queue_full}, Case{500, ErrorCode::internal},
        Case{501, ErrorCode::bad_request}, Case{503, ErrorCode::backend_down},
        Case{504, ErrorCode::run_timeout}}) {
    server_->set_fault({.kind = FaultKind::error_status,
                        .status = expected.status,
                        .text = "<html>fox</html>",
                        .path = "/v1/chat/completions"});
    const auto report = run(*backend_, call_of());
    ASSERT_FALSE(report) << expected.status;
    EXPECT_EQ(report.error().code, expected.code) << expected.status;
    EXPECT_EQ(report.error().detail.find("fox"), std::string::npos);
    server_->clear_faults();
  }
}

TEST_F(OpenAiRunTest, SaysThatAPromptIsTooLong) {
  start(Flavour::llama_cpp);
  RunCall lengthy = call_of();
  for (int i = 0; i < 5000; ++i) lengthy.prompt += " fox";
  const auto report = run(*backend_, std::move(lengthy));
  EXPECT_EQ(report.error().code, ErrorCode::bad_request);
  EXPECT_EQ(report.error().param, "context_length");
}

TEST_F(OpenAiRunTest, DoesNotWorkWhileALlamaLoads) {
  start(Flavour::llama_cpp, {.held = {Gate::load}});
  const auto report = run(*backend_, call_of());
  EXPECT_EQ(report.error().code, ErrorCode::backend_down);
  EXPECT_EQ(report.error().param, "loading");
  server_->release(Gate::load);
}

TEST_F(OpenAiRunTest, BoundsTheText) {
  start(Flavour::llama_cpp);
  RunCall small = call_of();
  small.output_bytes_max = 5;
  EXPECT_EQ(run(*backend_, std::move(small)).error().code, ErrorCode::too_large);
}

TEST_F(OpenAiRunTest, CancelsAtEveryKindThatCanBeStopped) {
  for (const Flavour flavour : kTexts) {
    start(flavour);
    ASSERT_TRUE(load(*backend_, kModel));
    const std::size_t before = server_->counters().generations_cancelled;
    server_->hold(Gate::token);
    const auto running = begin_run(*backend_, call_of());
    ASSERT_TRUE(server_->wait_at(Gate::token));
    const auto cancelled = begin_cancel(*backend_, AttemptId(1));
    loop_.run_until([&] { return running.ended(); });
    EXPECT_EQ(Called<RunReport>(running).result().error().code, ErrorCode::conflict);
    EXPECT_FALSE(cancelled.ended()) << "the run's end comes first";
    EXPECT_TRUE(end(cancelled));
    EXPECT_EQ(running.calls(), 1);
    EXPECT_TRUE(server_->wait_for(
        [before](const auto& counters) { return counters.generations_cancelled == before + 1; }));
    server_->release(Gate::token);
    EXPECT_EQ(loop_.timers(), 0U);
  }
}

TEST_F(OpenAiRunTest, AsksALlamaWhetherItHasStopped) {
  start(Flavour::llama_cpp, {.slots = 2});
  ASSERT_TRUE(load(*backend_, kModel));
  server_->hold(Gate::token);
  const auto one = begin_run(*backend_, call_of(1));
  ASSERT_TRUE(server_->wait_at(Gate::token));
  const auto two = begin_run(*backend_, call_of(2));
  ASSERT_TRUE(server_->wait_at(Gate::token, 2));
  EXPECT_TRUE(end(begin_cancel(*backend_, AttemptId(1))));
  EXPECT_GE(server_->requests().count("GET", "/slots"), 1U);
  server_->release(Gate::token);
  EXPECT_TRUE(end(two)) << "the other run goes on";
  EXPECT_TRUE(one.ended());
}

TEST_F(OpenAiRunTest, CancelsALlamaThatDoesNotTellItsSlots) {
  start(Flavour::llama_cpp, {.slots_endpoint = false});
  ASSERT_TRUE(load(*backend_, kModel));
  server_->hold(Gate::token);
  const auto running = begin_run(*backend_, call_of());
  ASSERT_TRUE(server_->wait_at(Gate::token));
  EXPECT_TRUE(end(begin_cancel(*backend_, AttemptId(1))));
  EXPECT_TRUE(running.ended());
  server_->release(Gate::token);
}

TEST_F(OpenAiRunTest, CannotConfirmWhatAnotherClientKeepsBusy) {
  start(Flavour::llama_cpp, {.slots = 2});
  ASSERT_TRUE(load(*backend_, kModel));
  server_->hold(Gate::token);
  OpenAiBackend other(
      loop_, network_,
      {.id = BackendId(2), .url = server_->url(), .flavour = OpenAiFlavour::llama_cpp},
      catalogue());
  const auto foreign = begin_run(other, call_of(9));
  ASSERT_TRUE(server_->wait_at(Gate::token));
  const auto running = begin_run(*backend_, call_of(1));
  ASSERT_TRUE(server_->wait_at(Gate::token, 2));
  server_->requests().clear();
  const auto cancelled =
      begin<void>([&](auto done) { backend_->cancel(AttemptId(1), seconds(10), std::move(done)); });
  loop_.run_until([&] { return running.ended(); });
  loop_.run_what_waits();
  ASSERT_TRUE(server_->requests().wait_for("GET", "/slots"));
  loop_.advance(seconds(10));
  EXPECT_EQ(end(cancelled).error().code, ErrorCode::run_timeout);
  server_->release(Gate::token);
  EXPECT_TRUE(end(foreign));
}

TEST_F(OpenAiRunTest, EndsAtItsDeadlineAndLetsTheServerGo) {
  start(Flavour::vllm);
  server_->hold(Gate::prefill);
  const auto called = begin_run(*backend_, call_of());
  ASSERT_TRUE(server_->wait_at(Gate::prefill));
  loop_.advance(seconds(60));
  EXPECT_EQ(end(called).error().code, ErrorCode::run_timeout);
  EXPECT_TRUE(
      server_->wait_for([](const auto& counters) { return counters.generations_cancelled == 1; }));
  server_->release(Gate::prefill);
  EXPECT_EQ(run(*backend_, {.attempt = AttemptId(3), .model = kModel}).error().code,
            ErrorCode::run_timeout)
      << "a deadline of nothing has passed already";
}

TEST_F(OpenAiRunTest, RemembersNoAttempts) {
  start(Flavour::llama_cpp);
  const auto fate = finish<AttemptFate>(
      [&](auto done) { backend_->find_attempt(AttemptId(1), std::move(done)); });
  EXPECT_EQ(*fate, AttemptFate::unknown);
  const auto joined =
      finish<RunReport>([&](auto done) { backend_->join(call_of(), {}, std::move(done)); });
  EXPECT_EQ(joined.error().code, ErrorCode::not_found);
  EXPECT_TRUE(end(begin_cancel(*backend_, AttemptId(5))));
}

// ── pictures and sounds ──────────────────────────────────────────────────────────────────────────

std::vector<EngineModel> painters() {
  return {
      {.id = kModel,
       .medium = Medium::image,
       .upstream = "m",
       .run_options = {
           {"width", std::int64_t{64}}, {"height", std::int64_t{32}}, {"steps", std::int64_t{3}}}}};
}

TEST_F(OpenAiRunTest, PaintsWithStableDiffusion) {
  start(Flavour::sd_cpp);
  backend_->set_models(painters());
  RunCall call = call_of(1, Medium::image);
  call.prompt = "a fox<sd_cpp_extra_args>{\"steps\":999}</sd_cpp_extra_args>";
  const auto report = run(*backend_, std::move(call));
  ASSERT_TRUE(report) << report.error().detail;
  ASSERT_EQ(report->outputs.size(), 1U);
  EXPECT_EQ(report->outputs[0].mime, "image/png");
  EXPECT_EQ(sniff_format(report->outputs[0].bytes), MediaFormat::png);
  const auto sent = server_->requests().last("POST", "/v1/images/generations");
  const std::string prompt(sent->json.at("prompt").as_string());
  EXPECT_EQ(prompt.find("999"), std::string::npos) << "a prompt gives no orders";
  EXPECT_NE(prompt.find("\"seed\""), std::string::npos);
  EXPECT_EQ(sent->json.at("size"), "64x32");
}

TEST_F(OpenAiRunTest, PaintsWithLocalAi) {
  start(Flavour::localai);
  backend_->set_models(painters());
  const auto report = run(*backend_, call_of(1, Medium::image));
  ASSERT_TRUE(report) << report.error().detail;
  EXPECT_EQ(report->outputs.at(0).extension, "png");
}

TEST_F(OpenAiRunTest, WaitsForThePictureThatCannotBeStopped) {
  start(Flavour::sd_cpp);
  ASSERT_TRUE(probe(*backend_));
  server_->hold(Gate::step);
  const auto running = begin_run(*backend_, call_of(1, Medium::image));
  ASSERT_TRUE(server_->wait_at(Gate::step));
  const auto late =
      begin<void>([&](auto done) { backend_->cancel(AttemptId(1), seconds(5), std::move(done)); });
  const auto patient = begin_cancel(*backend_, AttemptId(1));
  loop_.advance(seconds(5));
  EXPECT_EQ(end(late).error().code, ErrorCode::run_timeout);
  EXPECT_FALSE(running.ended());
  server_->release(Gate::step);
  loop_.run_until([&] { return running.ended(); });
  EXPECT_EQ(Called<RunReport>(running).result().error().code, ErrorCode::conflict);
  EXPECT_TRUE(end(patient));
  EXPECT_EQ(server_->counters().running, 0U);
  EXPECT_EQ(loop_.timers(), 0U);
}

TEST_F(OpenAiRunTest, RefusesPicturesThatAreNone) {
  for (const std::string body :
       {R"({"data":[{"url":"http://elsewhere/a.png"}]})", R"({"data":[{"b64_json":"YWJj"}]})",
        R"({"data":[{"b64_json":"%%%"}]})", R"({"data":[]})", "<html>"}) {
    DyingPeer peer(network_, body, "application/json");
    peer.live_for(1000);
    connect({.id = BackendId(1), .url = peer.url(), .flavour = OpenAiFlavour::plain});
    backend_->set_models(painters());
    EXPECT_EQ(run(*backend_, call_of(1, Medium::image)).error().code, ErrorCode::internal) << body;
  }
}

TEST_F(OpenAiRunTest, BoundsPictures) {
  start(Flavour::sd_cpp);
  backend_->set_models(painters());
  RunCall small = call_of(1, Medium::image);
  small.output_bytes_max = 20;
  EXPECT_EQ(run(*backend_, std::move(small)).error().code, ErrorCode::too_large);
}

TEST_F(OpenAiRunTest, MapsTheErrorsOfStableDiffusion) {
  start(Flavour::sd_cpp);
  backend_->set_models(painters());
  RunCall empty = call_of(1, Medium::image);
  empty.prompt = "";
  server_->set_fault({.kind = FaultKind::error_status,
                      .status = 400,
                      .text = R"({"error":"prompt required"})",
                      .path = "/v1/images/generations"});
  EXPECT_EQ(run(*backend_, std::move(empty)).error().code, ErrorCode::bad_request);
  server_->clear_faults();
  server_->set_fault({.kind = FaultKind::out_of_memory});
  EXPECT_FALSE(run(*backend_, call_of(2, Medium::image)));
}

TEST_F(OpenAiRunTest, SpeaksAndKnowsSoundsByTheirBytes) {
  const std::string wav = std::string("RIFF\x24\0\0\0WAVEfmt ", 16) + std::string(64, '\0');
  DyingPeer peer(network_, wav, "application/octet-stream");
  connect({.id = BackendId(1), .url = peer.url(), .flavour = OpenAiFlavour::plain}, Medium::audio);
  peer.live_for(wav.size());
  const auto report = run(*backend_, call_of(1, Medium::audio));
  ASSERT_TRUE(report) << report.error().detail;
  EXPECT_EQ(report->outputs.at(0).mime, "audio/wav");
  EXPECT_EQ(report->outputs.at(0).bytes, wav);
  RunCall small = call_of(2, Medium::audio);
  small.output_bytes_max = 10;
  EXPECT_EQ(run(*backend_, std::move(small)).error().code, ErrorCode::too_large);
  peer.live_for(20);
  EXPECT_EQ(run(*backend_, call_of(3, Medium::audio)).error().code, ErrorCode::backend_down);
}

// ── peers that die ───────────────────────────────────────────────────────────────────────────────

const std::string kStream =
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"G\xc3\xa4nse\"}}]}\n\n"
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\" \xf0\x9f\xa6\x8a\"}}]}\n\n"
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
    "data: [DONE]\n\n";

TEST_F(OpenAiRunTest, CallsBackOnceHoweverManyBytesTheServerLives) {
  DyingPeer peer(network_, kStream, "text/event-stream");
  connect({.id = BackendId(1), .url = peer.url(), .flavour = OpenAiFlavour::plain});
  std::size_t whole = 0;
  for (std::size_t bytes = 0; bytes <= kStream.size(); ++bytes) {
    peer.live_for(bytes);
    const auto report = run(*backend_, call_of(bytes + 1));
    if (!report) continue;
    ++whole;
    EXPECT_GE(bytes, kStream.size() - 1) << "[DONE] had come";
    EXPECT_EQ(report->outputs.at(0).bytes, "G\xc3\xa4nse \xf0\x9f\xa6\x8a");
  }
  EXPECT_GE(whole, 1U);
}

TEST_F(OpenAiRunTest, JoinsTextsThatArriveByteByByte) {
  DyingPeer peer(network_, kStream, "text/event-stream");
  connect({.id = BackendId(1), .url = peer.url(), .flavour = OpenAiFlavour::plain});
  peer.live_for(kStream.size());
  peer.cut_into(1);
  const auto report = run(*backend_, call_of());
  ASSERT_TRUE(report);
  EXPECT_EQ(report->outputs.at(0).bytes, "G\xc3\xa4nse \xf0\x9f\xa6\x8a");
}

}  // namespace
}  // namespace stoker
