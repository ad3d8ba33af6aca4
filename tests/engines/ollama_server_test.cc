// What the server answers, route by route.
#include "tests/engines/ollama_server.h"

#include "tests/engines/answers.h"
#include "tests/engines/ollama_fixture_test.h"

namespace stoker::engines {
namespace {

namespace json = boost::json;

constexpr const char* kHi = R"({"model":"tiny","messages":[{"role":"user","content":"hi"}]})";

TEST_F(Ollama, TheRootSaysThatItRuns) {
  const Reply get = client().get("/");
  EXPECT_EQ(get.status, 200);
  EXPECT_EQ(get.body, "Ollama is running");
  const Reply head = client().ask("HEAD", "/");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.body, "");
}

TEST_F(Ollama, HeadWorksWhereTheCommandLineProbes) {
  EXPECT_EQ(client().ask("HEAD", "/api/tags").status, 200);
  EXPECT_EQ(client().ask("HEAD", "/api/version").status, 200);
  EXPECT_EQ(client().ask("HEAD", "/api/ps").status, 405);
}

TEST_F(Ollama, AnEmptyPromptLoads) {
  const Reply reply = client().post("/api/generate", R"({"model":"tiny"})");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.content_type(), "application/json; charset=utf-8");
  json::object expected{{"model", "tiny"},
                        {"created_at", "2026-08-21T10:00:00.000000Z"},
                        {"response", ""},
                        {"done", true},
                        {"done_reason", "load"}};
  EXPECT_EQ(reply.json(), expected);
  EXPECT_EQ(server().counters().loads, 1u);
}

TEST_F(Ollama, KeepAliveZeroUnloads) {
  client().post("/api/generate", R"({"model":"tiny"})");
  EXPECT_EQ(client().get("/api/ps").json().at("models").as_array().size(), 1u);
  const Reply reply = client().post("/api/generate", R"({"model":"tiny","keep_alive":0})");
  EXPECT_EQ(reply.json().at("done_reason"), "unload");
  EXPECT_EQ(client().get("/api/ps").json(), (json::object{{"models", json::array()}}));
}

TEST_F(Ollama, ChatWithoutMessagesUnloadsToo) {
  const Reply reply =
      client().post("/api/chat", R"({"model":"tiny","messages":[],"keep_alive":"0s"})");
  EXPECT_EQ(reply.status, 200);
  const json::object message{{"role", "assistant"}, {"content", ""}};
  EXPECT_EQ(reply.json().at("message"), message);
  EXPECT_EQ(reply.json().at("done_reason"), "unload");
}

TEST_F(Ollama, AChatIsStreamedLineByLine) {
  const Reply reply = client().post("/api/chat", kHi);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.content_type(), "application/x-ndjson");
  EXPECT_TRUE(reply.whole);
  const auto lines = reply.lines();
  ASSERT_EQ(lines.size(), kAnswerWords + 1);
  std::string text;
  for (std::size_t i = 0; i < kAnswerWords; ++i) {
    EXPECT_EQ(lines[i].at("done"), false);
    text += json::value_to<std::string>(lines[i].at("message").at("content"));
  }
  EXPECT_EQ(text, answer_text("hi"));
  EXPECT_EQ(lines.back().at("done"), true);
  EXPECT_EQ(lines.back().at("done_reason"), "stop");
  EXPECT_GE(lines.back().at("eval_count").as_int64(), 1);
}

TEST_F(Ollama, TheListsHaveTheirFields) {
  const json::value model = client().get("/api/tags").json().at("models").at(0);
  EXPECT_EQ(model.at("name"), "tiny:latest");
  EXPECT_EQ(model.at("size"), 2 * kGiB);
  EXPECT_EQ(model.at("digest").as_string().size(), 64u);
  EXPECT_EQ(client().get("/api/version").json(), (json::object{{"version", "0.33.0"}}));
}

TEST_F(Ollama, UnknownModelsAreNotFound) {
  const Reply chat = client().post("/api/chat", chat_body("nope", "a"));
  EXPECT_EQ(chat.status, 404);
  EXPECT_EQ(error_of(chat), "model 'nope' not found");
  const Reply embed = client().post("/api/embed", R"({"model":"nope","input":"x"})");
  EXPECT_EQ(embed.status, 404);
  EXPECT_EQ(error_of(embed), "model \"nope\" not found, try pulling it first");
  EXPECT_EQ(generate("{}").status, 404);
  EXPECT_EQ(client().post("/api/embed", "{}").status, 404);
  const Reply nameless = client().post("/api/chat", R"({"messages":[]})");
  EXPECT_EQ(nameless.status, 400);
  EXPECT_EQ(error_of(nameless), "model is required");
}

TEST_F(Ollama, NamesMatchWithoutCaseAndWithDefaultTag) {
  EXPECT_EQ(load("TINY").json().at("model"), "TINY");
  EXPECT_EQ(load("tiny:latest").status, 200);
  EXPECT_EQ(load("registry.ollama.ai/library/tiny").status, 200);
  EXPECT_EQ(server().counters().loads, 1u);
  EXPECT_EQ(load("a b").status, 400);
}

TEST_F(Ollama, KeepAliveHasTheFormsOfGo) {
  const Reply refused = generate(R"({"model":"tiny","prompt":"a","keep_alive":"-1"})");
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(error_of(refused), "time: missing unit in duration \"-1\"");
  for (const char* const wrong : {R"("300")", R"("")", R"("5x")", "true"}) {
    EXPECT_EQ(load("tiny", std::string(",\"keep_alive\":") + wrong).status, 400) << wrong;
  }
  for (const char* const right : {"-1", R"("10m")", R"("1h30m")", R"("-1m")", "2.5", "null"}) {
    EXPECT_EQ(load("tiny", std::string(",\"keep_alive\":") + right).status, 200) << right;
  }
}

TEST_F(Ollama, AnErrorInMidStreamIsTheLastLine) {
  server().set_fault({.kind = FaultKind::error_in_stream, .after = 2, .text = "EOF"});
  const Reply reply = client().post("/api/chat", kHi);
  EXPECT_EQ(reply.status, 200);
  EXPECT_TRUE(reply.whole);
  const auto lines = reply.lines();
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[2], (json::object{{"error", "EOF"}}));
}

TEST_F(Ollama, AStreamCanEndWithoutDone) {
  server().set_fault({.kind = FaultKind::end_stream, .after = 2, .times = 1});
  const Reply ended = client().post("/api/chat", kHi);
  EXPECT_TRUE(ended.whole);
  EXPECT_EQ(ended.lines().size(), 2u);
  server().set_fault({.kind = FaultKind::cut_stream, .after = 2, .times = 1});
  const Reply cut = client().post("/api/chat", kHi);
  EXPECT_FALSE(cut.whole);
  EXPECT_EQ(cut.lines().size(), 2u);
}

TEST_F(Ollama, AFailureBeforeTheFirstRecordHasItsStatus) {
  server().set_fault({.kind = FaultKind::error_in_stream, .text = "crashed"});
  const Reply reply = client().post("/api/chat", kHi);
  EXPECT_EQ(reply.status, 500);
  EXPECT_EQ(reply.content_type(), "application/json; charset=utf-8");
  EXPECT_EQ(error_of(reply), "crashed");
}

TEST_F(Ollama, OneRouteCanHangWhileOthersAnswer) {
  server().set_fault({.kind = FaultKind::hang, .path = "/api/ps"});
  auto hanging = client().begin("GET", "/api/ps");
  ASSERT_TRUE(server().requests().wait_for("GET", "/api/ps"));
  EXPECT_EQ(client().get("/api/version").status, 200);
  server().clear_faults();
  EXPECT_EQ(net::testing::finish(std::move(hanging)).status, 200);
}

TEST_F(Ollama, EmbeddingsHaveLengthOne) {
  const json::value answer =
      client().post("/api/embed", R"({"model":"emb","input":["a","b"]})").json();
  ASSERT_EQ(answer.at("embeddings").as_array().size(), 2u);
  for (const json::value& vector : answer.at("embeddings").as_array()) {
    double squares = 0;
    for (const json::value& number : vector.as_array()) {
      squares += number.to_number<double>() * number.to_number<double>();
    }
    EXPECT_NEAR(squares, 1.0, 1e-9);
  }
  const Reply wrong = client().post("/api/embed", R"({"model":"emb","input":[1]})");
  EXPECT_EQ(wrong.status, 400);
  EXPECT_EQ(error_of(wrong), "invalid input type");
  const json::object empty{{"model", "emb"}, {"embeddings", json::array()}};
  EXPECT_EQ(client().post("/api/embed", R"({"model":"emb","input":""})").json(), empty);
  const json::value old =
      client().post("/api/embeddings", R"({"model":"emb","prompt":"a"})").json();
  EXPECT_EQ(old.at("embedding").as_array().size(), 8u);
}

TEST_F(Ollama, AnEmbeddingModelDoesNotGenerateButUnloads) {
  client().post("/api/embed", R"({"model":"emb"})");
  EXPECT_TRUE(server().is_loaded("emb"));
  const Reply refused = generate(R"({"model":"emb","prompt":"a"})");
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(error_of(refused), "\"emb\" does not support generate");
  EXPECT_EQ(load("emb", R"(,"keep_alive":0)").json().at("done_reason"), "unload");
  EXPECT_FALSE(server().is_loaded("emb"));
}

TEST_F(Ollama, BodiesAreReadWhateverTheirType) {
  net::Headers form;
  form.add("Content-Type", "application/x-www-form-urlencoded");
  EXPECT_EQ(client().ask("POST", "/api/chat", kHi, form).status, 200);
  const Reply empty = client().post("/api/chat", "");
  EXPECT_EQ(empty.status, 400);
  EXPECT_EQ(error_of(empty), "missing request body");
  EXPECT_EQ(client().post("/api/chat", "{").status, 400);
  EXPECT_EQ(client().post("/api/chat", R"({"model":1})").status, 400);
}

TEST_F(Ollama, UnknownPathsAndMethodsAreRefusedInWords) {
  const Reply method = client().get("/api/chat");
  EXPECT_EQ(method.status, 405);
  const Reply path = client().get("/api/nothing");
  EXPECT_EQ(path.status, 404);
  EXPECT_EQ(path.content_type(), "text/plain");
  EXPECT_EQ(client().post("/v1/images/generations", "{}").status, 404);
}

TEST_F(Ollama, OtherHostsAndOriginsAreRefusedWithoutABody) {
  net::Headers origin;
  origin.add("Origin", "http://example.org");
  const Reply refused = client().ask("GET", "/api/tags", {}, origin);
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(refused.body, "");
  net::testing::Socket socket = net::testing::connect_to(server().port());
  socket.send("GET /api/tags HTTP/1.1\r\nHost: gateway.example.org\r\n\r\n");
  EXPECT_EQ(net::testing::status_of(socket.receive_answer()), 403);
}

TEST_F(Ollama, AToolCallComesWholeWithAnObject) {
  serve({.models = {{.name = "t", .capabilities = {"completion", "tools"}}, {.name = "tiny"}}});
  const char* const tools = R"(,"tools":[{"type":"function","function":{"name":"f"}}])";
  const auto lines = client().post("/api/chat", chat_body("t", R"(call f {"a":1})", tools)).lines();
  ASSERT_EQ(lines.size(), 2u);
  const json::value call = lines[0].at("message").at("tool_calls").at(0);
  EXPECT_EQ(call.at("function").at("arguments"), (json::object{{"a", 1}}));
  EXPECT_EQ(call.at("function").at("index").to_number<int>(), 0);
  EXPECT_EQ(lines[1].at("done_reason"), "stop");
  const Reply refused = client().post("/api/chat", chat_body("tiny", "a", tools));
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(error_of(refused), "registry.ollama.ai/library/tiny:latest does not support tools");
}

TEST_F(Ollama, AThinkingModelThinksUnlessToldNotTo) {
  serve({.models = {{.name = "t", .capabilities = {"completion", "thinking"}}, {.name = "tiny"}}});
  const auto thought = client().post("/api/chat", chat_body("t", "a", R"(,"stream":false)")).json();
  EXPECT_EQ(thought.at("message").at("thinking"), "let me think");
  const auto quick =
      client().post("/api/chat", chat_body("t", "a", R"(,"stream":false,"think":false)")).json();
  EXPECT_FALSE(quick.at("message").as_object().contains("thinking"));
  const Reply refused = client().post("/api/chat", chat_body("tiny", "a", R"(,"think":"low")"));
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(error_of(refused), "\"tiny\" does not support thinking");
}

TEST_F(Ollama, GenerateAnswersInOneObjectWhenNotStreamed) {
  const json::value answer =
      generate(R"({"model":"tiny","prompt":"a <b>","stream":false,"options":{"num_predict":2}})")
          .json();
  EXPECT_EQ(answer.at("response"), "a <b>");
  EXPECT_EQ(answer.at("done_reason"), "length");
  EXPECT_EQ(answer.at("eval_count").to_number<int>(), 2);
  EXPECT_EQ(answer.at("context").as_array().size(), 4u);
  const Reply raw = generate(R"({"model":"tiny","prompt":"<b>","raw":true,"stream":false})");
  EXPECT_FALSE(raw.json().as_object().contains("context"));
  EXPECT_NE(raw.body.find("\\u003cb\\u003e"), std::string::npos) << "as Go writes it";
  EXPECT_EQ(generate(R"({"model":"tiny","prompt":"a","raw":true,"system":"s"})").status, 400);
}

TEST_F(Ollama, OptionsMustHaveTheirTypes) {
  const Reply wrong = generate(R"({"model":"tiny","prompt":"a","options":{"num_ctx":"big"}})");
  EXPECT_EQ(wrong.status, 500);
  EXPECT_EQ(error_of(wrong), "option \"num_ctx\" must be of type integer");
  EXPECT_EQ(generate(R"({"model":"tiny","prompt":"a","options":{"unknown":[]}})").status, 200);
  EXPECT_EQ(generate(R"({"model":"tiny","prompt":"a","top_logprobs":21})").status, 400);
}

TEST_F(Ollama, CloudModelsNeedTheNetwork) {
  EXPECT_EQ(load("big:120b-cloud").status, 502);
  EXPECT_EQ(server().counters().cloud_requests, 1u);
  serve({.no_cloud_source = "env"});
  EXPECT_EQ(load("big:cloud").status, 403);
  EXPECT_EQ(server().counters().cloud_requests, 0u);
  EXPECT_EQ(client().get("/api/status").json().at("cloud").at("disabled"), true);
}

TEST_F(Ollama, ShowDescribesAModel) {
  const json::value shown = client().post("/api/show", R"({"name":"tiny"})").json();
  EXPECT_EQ(shown.at("model_info").at("llama.context_length").to_number<int>(), 131'072);
  EXPECT_EQ(shown.at("capabilities"), (json::array{"completion"}));
  EXPECT_EQ(error_of(client().post("/api/show", R"({"model":"x"})")), "model 'x' not found");
  EXPECT_EQ(error_of(client().post("/api/show", "{}")), "model is required");
}

TEST_F(Ollama, ModelsArePulledCopiedCreatedAndDeleted) {
  serve({.models = {}, .registry = {{.name = "new"}}});
  EXPECT_TRUE(client().get("/v1/models").json().at("data").is_null());
  const auto pulled = client().post("/api/pull", R"({"model":"new"})").lines();
  EXPECT_EQ(pulled.front(), (json::object{{"status", "pulling manifest"}}));
  EXPECT_EQ(pulled[1].at("total"), 2 * kGiB);
  EXPECT_EQ(pulled[1].at("completed"), 2 * kGiB / 3);
  EXPECT_EQ(pulled.back(), (json::object{{"status", "success"}}));
  const auto missing = client().post("/api/pull", R"({"model":"none"})").lines();
  EXPECT_TRUE(missing.back().as_object().contains("error"));
  EXPECT_EQ(client().post("/api/copy", R"({"source":"new","destination":"old"})").status, 200);
  EXPECT_EQ(client()
                .post("/api/create",
                      R"({"model":"mine","from":"new","parameters":{"num_ctx":99},"stream":false})")
                .json(),
            (json::object{{"status", "success"}}));
  EXPECT_EQ(client().get("/api/tags").json().at("models").as_array().size(), 3u);
  EXPECT_EQ(client().ask("DELETE", "/api/delete", R"({"model":"old"})").status, 200);
  EXPECT_EQ(client().ask("DELETE", "/api/delete", R"({"model":"old"})").status, 404);
}

TEST_F(Ollama, BlobsAreKnownByTheirDigest) {
  const std::string path =
      "/api/blobs/sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  EXPECT_EQ(client().ask("HEAD", path).status, 404);
  EXPECT_EQ(client().post(path, "abd").status, 400);
  EXPECT_EQ(client().post(path, "abc").status, 201);
  EXPECT_EQ(client().post(path, "abc").status, 200);
  EXPECT_EQ(client().ask("HEAD", path).status, 200);
}

TEST_F(Ollama, V1StreamsEndWithAFinishChunkAndDone) {
  const Reply plain =
      client().post("/v1/chat/completions", chat_body("tiny", "hi", R"(,"stream":true)"));
  EXPECT_TRUE(plain.done_marked());
  const auto chunks = plain.events();
  EXPECT_TRUE(chunks.back().at("choices").at(0).at("delta").as_object().empty());
  EXPECT_EQ(chunks.back().at("choices").at(0).at("finish_reason"), "stop");
  EXPECT_EQ(chunks.front().at("choices").at(0).at("delta").at("role"), "assistant");
  EXPECT_FALSE(chunks[1].at("choices").at(0).at("delta").as_object().contains("role"));
  EXPECT_EQ(chunks[0].at("system_fingerprint"), "fp_ollama");
  const auto with_usage =
      client()
          .post(
              "/v1/chat/completions",
              chat_body("tiny", "hi", R"(,"stream":true,"stream_options":{"include_usage":true})"))
          .events();
  EXPECT_EQ(with_usage.size(), chunks.size() + 1);
  EXPECT_TRUE(with_usage.back().at("choices").as_array().empty());
}

TEST_F(Ollama, V1CompletionsPutZeroUsageOnEveryChunk) {
  const auto chunks =
      client()
          .post(
              "/v1/completions",
              R"({"model":"tiny","prompt":"a","stream":true,"stream_options":{"include_usage":true}})")
          .events();
  EXPECT_EQ(chunks.front().at("usage").at("total_tokens").to_number<int>(), 0);
  EXPECT_EQ(chunks.back().at("usage").at("total_tokens").to_number<int>(), 7);
}

TEST_F(Ollama, V1LosesAnErrorInMidStream) {
  server().set_fault({.kind = FaultKind::error_in_stream, .after = 2});
  const Reply reply =
      client().post("/v1/chat/completions", chat_body("tiny", "hi", R"(,"stream":true)"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_TRUE(reply.whole);
  EXPECT_FALSE(reply.done_marked());
  const auto chunks = reply.events();
  ASSERT_EQ(chunks.size(), 3u);
  EXPECT_EQ(chunks[2].at("choices").at(0).at("delta").at("content"), "");
  EXPECT_EQ(reply.body.find("error"), std::string::npos);
}

TEST_F(Ollama, V1ErrorsAreObjects) {
  const Reply reply = client().post("/v1/chat/completions", chat_body("nope", "hi"));
  EXPECT_EQ(reply.status, 404);
  const json::object error{{"message", "model 'nope' not found"},
                           {"type", "not_found_error"},
                           {"param", nullptr},
                           {"code", nullptr}};
  EXPECT_EQ(reply.json(), (json::object{{"error", error}}));
  EXPECT_EQ(client().get("/v1/models/tiny").json().at("id"), "tiny:latest");
  EXPECT_EQ(client().get("/v1/models/a%2Fb").status, 404);
}

TEST_F(Ollama, V1EmbeddingsMayBeBase64) {
  const json::value answer =
      client()
          .post("/v1/embeddings", R"({"model":"emb","input":"a","encoding_format":"base64"})")
          .json();
  EXPECT_EQ(answer.at("data").at(0).at("embedding").as_string().size(), 44u);
}

}  // namespace
}  // namespace stoker::engines
