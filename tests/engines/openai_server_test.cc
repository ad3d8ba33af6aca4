// What the flavours have in common: chat, streams, errors, embeddings.
#include "tests/engines/openai_server.h"

#include "tests/engines/answers.h"
#include "tests/engines/openai_fixture_test.h"

namespace stoker::engines {
namespace {

namespace json = boost::json;

constexpr const char* kHi = R"({"model":"m","messages":[{"role":"user","content":"hi"}]})";
constexpr const char* kHiStreamed =
    R"({"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]})";
constexpr const char* kHiWithUsage =
    R"({"model":"m","stream":true,"stream_options":{"include_usage":true},
        "messages":[{"role":"user","content":"hi"}]})";

std::string joined(const std::vector<json::value>& events) {
  std::string text;
  for (const json::value& event : events) {
    if (event.at("choices").as_array().empty()) continue;
    const json::object& delta = event.at("choices").at(0).at("delta").as_object();
    const json::value* const content = delta.if_contains("content");
    if (content != nullptr && content->is_string()) text += content->get_string();
  }
  return text;
}

TEST_F(OpenAi, AChatIsAnsweredInOnePiece) {
  const Reply reply = client().post("/v1/chat/completions", kHi);
  EXPECT_EQ(reply.status, 200);
  const json::value answer = reply.json();
  EXPECT_EQ(answer.at("object"), "chat.completion");
  ASSERT_EQ(answer.at("choices").as_array().size(), 1u);
  EXPECT_EQ(answer.at("choices").at(0).at("finish_reason"), "stop");
  EXPECT_EQ(answer.at("choices").at(0).at("message").at("content").as_string(), answer_text("hi"));
  const json::value& usage = answer.at("usage");
  EXPECT_EQ(
      usage.at("total_tokens").to_number<int>(),
      usage.at("prompt_tokens").to_number<int>() + usage.at("completion_tokens").to_number<int>());
}

TEST_F(OpenAi, AStreamEndsWithAFinishChunkAndDone) {
  const Reply reply = client().post("/v1/chat/completions", kHiStreamed);
  EXPECT_EQ(reply.content_type(), "text/event-stream");
  EXPECT_TRUE(reply.done_marked());
  const auto events = reply.events();
  EXPECT_EQ(events.front().at("choices").at(0).at("delta").at("role"), "assistant");
  EXPECT_EQ(joined(events), answer_text("hi"));
  EXPECT_EQ(events.back().at("choices").at(0).at("finish_reason"), "stop");
  EXPECT_TRUE(events.back().at("choices").at(0).at("delta").as_object().empty());
}

TEST_F(OpenAi, UsageComesRightBeforeDoneWhenAskedFor) {
  const auto events = client().post("/v1/chat/completions", kHiWithUsage).events();
  EXPECT_TRUE(events.back().at("choices").as_array().empty());
  EXPECT_EQ(events.back().at("usage").at("prompt_tokens").to_number<int>(), 1);
  for (std::size_t i = 0; i + 1 < events.size(); ++i) {
    EXPECT_FALSE(events[i].as_object().contains("usage"));
  }
}

TEST_F(OpenAi, HealthTellsThatTheModelIsLoading) {
  serve({.held = {Gate::load}});
  const Reply loading = client().get("/health");
  EXPECT_EQ(loading.status, 503);
  const json::object error{
      {"code", 503}, {"message", "Loading model"}, {"type", "unavailable_error"}};
  EXPECT_EQ(loading.json(), (json::object{{"error", error}}));
  server().release(Gate::load);
  ASSERT_TRUE(server().wait_for_status("m", "loaded"));
  EXPECT_EQ(client().get("/v1/health").json(), (json::object{{"status", "ok"}}));
}

TEST_F(OpenAi, AModelThatIsLoadingAnswersNothing) {
  serve({.held = {Gate::load}});
  const Reply reply = client().post("/v1/chat/completions", kHi);
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.json().at("error").at("type"), "unavailable_error");
}

constexpr const char* kOneCall =
    R"({"model":"m","stream":true,"tools":[{"type":"function","function":{"name":"f"}}],
        "messages":[{"role":"user","content":"call f {\"a\":1}"}]})";
constexpr const char* kTwoCalls =
    R"({"model":"m","stream":true,"tools":[{"type":"function","function":{"name":"f"}}],
        "messages":[{"role":"user","content":"call f {\"a\":1} and g {\"b\":2}"}]})";

// The pieces of calls in the order they came: index and piece of the arguments.
std::vector<std::pair<int, std::string>> call_pieces(const std::vector<json::value>& events) {
  std::vector<std::pair<int, std::string>> pieces;
  for (const json::value& event : events) {
    const json::object& delta = event.at("choices").at(0).at("delta").as_object();
    if (!delta.contains("tool_calls")) continue;
    for (const json::value& call : delta.at("tool_calls").as_array()) {
      const json::object& object = call.as_object();
      pieces.emplace_back(object.contains("index") ? object.at("index").to_number<int>() : -1,
                          json::value_to<std::string>(call.at("function").at("arguments")));
    }
  }
  return pieces;
}

TEST_F(OpenAi, AToolCallComesInFragments) {
  const auto events = client().post("/v1/chat/completions", kOneCall).events();
  const json::value& first = events[1].at("choices").at(0).at("delta").at("tool_calls").at(0);
  EXPECT_EQ(first.at("function").at("name"), "f");
  EXPECT_EQ(first.at("id"), "c1");
  const auto pieces = call_pieces(events);
  ASSERT_EQ(pieces.size(), 3u);
  EXPECT_EQ(pieces[0].second + pieces[1].second + pieces[2].second, R"({"a":1})");
  EXPECT_EQ(events.back().at("choices").at(0).at("finish_reason"), "tool_calls");
}

TEST_F(OpenAi, TwoToolCallsMayInterleave) {
  serve({.stream = {.interleaved_tool_calls = true}});
  const auto pieces = call_pieces(client().post("/v1/chat/completions", kTwoCalls).events());
  ASSERT_EQ(pieces.size(), 6u);
  EXPECT_EQ(pieces[0].first, 0);
  EXPECT_EQ(pieces[1].first, 1);
  EXPECT_EQ(pieces[2].second + pieces[4].second, R"({"a":1})");
  EXPECT_EQ(pieces[3].second + pieces[5].second, R"({"b":2})");
}

TEST_F(OpenAi, AToolCallMayComeWholeAndWithoutIndex) {
  serve({.stream = {.whole_tool_calls = true, .tool_call_index = false}});
  const auto pieces = call_pieces(client().post("/v1/chat/completions", kTwoCalls).events());
  using Pieces = std::vector<std::pair<int, std::string>>;
  EXPECT_EQ(pieces, (Pieces{{-1, R"({"a":1})"}, {-1, R"({"b":2})"}}));
}

TEST_F(OpenAi, AStreamMayBeCutAnywhere) {
  const std::string body =
      R"({"model":"m","stream":true,"messages":[{"role":"user","content":"größe 日本"}]})";
  const std::string unsplit = client().post("/v1/chat/completions", body).body;
  EXPECT_NE(unsplit.find("日本"), std::string::npos);
  serve({.held = {Gate::step}, .stream = {.bytes_per_write = 1}});
  auto pending = client().begin_post("/v1/chat/completions", body);
  ASSERT_TRUE(server().wait_at(Gate::step));
  server().step(Gate::step, 5);
  ASSERT_TRUE(server().wait_at(Gate::step));
  server().release(Gate::step);
  EXPECT_EQ(net::testing::finish(std::move(pending)).body, unsplit);
}

TEST_F(OpenAi, CommentsAndCarriageReturnsAreSentWhenToldTo) {
  serve({.stream = {.crlf = true, .comments = true}});
  const std::string body = client().post("/v1/chat/completions", kHiStreamed).body;
  EXPECT_TRUE(body.starts_with(": ping\r\n\r\ndata: {"));
  EXPECT_TRUE(body.ends_with("data: [DONE]\r\n\r\n"));
}

TEST_F(OpenAi, VariantsOfChunksAreSentWhenToldTo) {
  serve({.stream = {.usage = StreamForm::Usage::in_last_chunk,
                    .role_in_each_chunk = true,
                    .null_content_first = true,
                    .finish_with_last_text = true}});
  const auto events = client().post("/v1/chat/completions", kHiStreamed).events();
  EXPECT_TRUE(events.front().at("choices").at(0).at("delta").at("content").is_null());
  EXPECT_EQ(events.size(), 1 + kAnswerWords);
  EXPECT_EQ(events.back().at("choices").at(0).at("delta").at("role"), "assistant");
  EXPECT_EQ(events.back().at("choices").at(0).at("finish_reason"), "stop");
  EXPECT_TRUE(events.back().as_object().contains("usage"));
  server().set_stream_form({.usage = StreamForm::Usage::null_until_then});
  const auto nulls = client().post("/v1/chat/completions", kHiWithUsage).events();
  EXPECT_TRUE(nulls.front().at("usage").is_null());
  EXPECT_TRUE(nulls.back().at("usage").is_object());
  server().set_stream_form({.usage = StreamForm::Usage::always});
  const auto unasked = client().post("/v1/chat/completions", kHiStreamed).events();
  EXPECT_TRUE(unasked.back().at("usage").is_object());
}

TEST_F(OpenAi, SeveralChoicesInterleave) {
  const auto events =
      client()
          .post("/v1/chat/completions",
                R"({"model":"m","stream":true,"n":2,"messages":[{"role":"user","content":"hi"}]})")
          .events();
  EXPECT_EQ(events[2].at("choices").at(0).at("index").to_number<int>(), 0);
  EXPECT_EQ(events[3].at("choices").at(0).at("index").to_number<int>(), 1);
}

TEST_F(OpenAi, AnErrorInTheStreamIsAnEventThere) {
  server().set_fault({.kind = FaultKind::error_in_stream, .after = 3, .text = "boom"});
  const Reply reply = client().post("/v1/chat/completions", kHiStreamed);
  EXPECT_EQ(reply.status, 200);
  EXPECT_TRUE(reply.whole);
  EXPECT_FALSE(reply.done_marked());
  const auto events = reply.events();
  ASSERT_EQ(events.size(), 5u);
  EXPECT_EQ(events[3].at("choices").at(0).at("delta").at("content"), " hi");
  EXPECT_EQ(events[4].at("error").at("message"), "boom");
  EXPECT_EQ(events[4].at("error").at("code").to_number<int>(), 500);
}

TEST_F(OpenAi, OlderErrorsAreAFieldOfTheirOwn) {
  serve({.stream = {.error = StreamForm::Error::field_then_done}});
  server().set_fault({.kind = FaultKind::error_in_stream, .after = 1, .text = "boom"});
  const Reply reply = client().post("/v1/chat/completions", kHiStreamed);
  EXPECT_NE(reply.body.find("\n\nerror: {\"message\":\"boom\""), std::string::npos);
  EXPECT_TRUE(reply.done_marked());
}

TEST_F(OpenAi, AStreamCanEndTooEarly) {
  server().set_fault({.kind = FaultKind::end_stream, .after = 2, .times = 1});
  const Reply ended = client().post("/v1/chat/completions", kHiStreamed);
  EXPECT_TRUE(ended.whole);
  EXPECT_FALSE(ended.done_marked());
  EXPECT_EQ(ended.events().size(), 3u);
  server().set_fault({.kind = FaultKind::cut_stream, .after = 2, .times = 1});
  const Reply cut = client().post("/v1/chat/completions", kHiStreamed);
  EXPECT_FALSE(cut.whole);
  EXPECT_EQ(cut.status, 200);
  EXPECT_TRUE(client().post("/v1/chat/completions", kHiStreamed).done_marked());
}

TEST_F(OpenAi, AnErrorBeforeTheFirstByteHasItsStatus) {
  server().set_fault({.kind = FaultKind::error_in_stream, .text = "boom"});
  const Reply reply = client().post("/v1/chat/completions", kHiStreamed);
  EXPECT_EQ(reply.status, 500);
  EXPECT_EQ(reply.json().at("error").at("message"), "boom");
}

TEST_F(OpenAi, AKeyIsAskedForButNotForHealth) {
  serve({.api_key = "right"});
  EXPECT_EQ(client().get("/health").status, 200);
  const Reply refused = client().get("/v1/models");
  EXPECT_EQ(refused.status, 401);
  EXPECT_TRUE(refused.json().at("error").is_object());
  net::Headers wrong;
  wrong.add("Authorization", "Bearer wrong");
  EXPECT_EQ(client().ask("GET", "/v1/models", {}, wrong).status, 401);
  net::Headers right;
  right.add("Authorization", "Bearer right");
  EXPECT_EQ(client().ask("GET", "/v1/models", {}, right).status, 200);
}

TEST_F(OpenAi, EmbeddingsComeAsNumbersOrAsBase64) {
  serve({.models = {{.id = "e", .embeds = true, .fixed_embedding = {1.0, -2.0}}}});
  const json::value numbers =
      client().post("/v1/embeddings", R"({"model":"e","input":["a","b"]})").json();
  EXPECT_EQ(numbers.at("object"), "list");
  ASSERT_EQ(numbers.at("data").as_array().size(), 2u);
  EXPECT_EQ(numbers.at("data").at(1).at("index").to_number<int>(), 1);
  EXPECT_EQ(numbers.at("data").at(0).at("embedding"), (json::array{1.0, -2.0}));
  const json::value base64 =
      client()
          .post("/v1/embeddings", R"({"model":"e","input":"a","encoding_format":"base64"})")
          .json();
  EXPECT_EQ(base64.at("data").at(0).at("embedding"), "AACAPwAAAMA=");
}

TEST_F(OpenAi, CompletionsHaveTheirOwnObject) {
  const json::value whole =
      client().post("/v1/completions", R"({"model":"m","prompt":"a b","max_tokens":2})").json();
  EXPECT_EQ(whole.at("object"), "text_completion");
  EXPECT_EQ(whole.at("choices").at(0).at("text"), "a b");
  EXPECT_EQ(whole.at("choices").at(0).at("finish_reason"), "length");
  const Reply streamed =
      client().post("/v1/completions", R"({"model":"m","prompt":"a","stream":true})");
  EXPECT_EQ(streamed.events().front().at("choices").at(0).at("text"), "a");
  EXPECT_TRUE(streamed.done_marked());
}

TEST_F(OpenAi, AClientThatLeavesCancelsItsGeneration) {
  serve({.held = {Gate::token}});
  net::testing::Socket socket =
      post_on_socket(server().port(), "/v1/chat/completions", kHiStreamed);
  ASSERT_TRUE(server().wait_at(Gate::token));
  server().step_tokens(2);
  socket.receive_until("\" hi\"");
  socket.close();
  EXPECT_TRUE(server().wait_for([](const OpenAiCounters& counters) {
    return counters.generations_cancelled == 1 && counters.running == 0;
  }));
}

TEST_F(OpenAi, EverythingThatIsAskedIsLogged) {
  client().post("/v1/chat/completions", kHi);
  const auto logged = server().requests().last("POST", "/v1/chat/completions");
  ASSERT_TRUE(logged);
  EXPECT_EQ(logged->json.at("messages").at(0).at("content"), "hi");
  EXPECT_EQ(server().requests().count("POST", "/v1/chat/completions"), 1u);
}

TEST_F(OpenAi, GarbageAndCutsStrikeBeforeTheRoute) {
  server().set_fault({.kind = FaultKind::garbage_body, .path = "/v1/models", .times = 1});
  EXPECT_EQ(client().get("/v1/models").body.front(), '<');
  server().set_fault({.kind = FaultKind::cut_before_head, .times = 1});
  EXPECT_EQ(client().post("/v1/chat/completions", kHi).status, 0);
  server().set_fault(
      {.kind = FaultKind::error_status, .status = 502, .text = "<html>", .path = "/v1/models"});
  EXPECT_EQ(client().get("/v1/models").status, 502);
  server().clear_faults();
  EXPECT_EQ(client().get("/v1/models").status, 200);
}

TEST_F(OpenAi, ADeadServerRefusesConnectionsAndComesBackOnItsPort) {
  const std::uint16_t port = server().port();
  server().stop();
  EXPECT_EQ(client().get("/health").status, 0);
  server().start();
  EXPECT_EQ(server().port(), port);
  EXPECT_EQ(client().get("/health").status, 200);
  EXPECT_EQ(server().counters().loads, 2u);
}

}  // namespace
}  // namespace stoker::engines
