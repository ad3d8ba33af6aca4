// What differs between the flavours: lists, health, loading, sleeping, errors.
#include "tests/engines/openai_fixture_test.h"

namespace stoker::engines {
namespace {

namespace json = boost::json;
using net::testing::finish;

std::string chat_with(std::string_view model, std::string_view more = "") {
  return R"({"model":")" + std::string(model) + R"(","messages":[{"role":"user","content":"hi"}])" +
         std::string(more) + "}";
}

TEST_F(OpenAi, UnknownModelsAreNotFoundAtLmStudio) {
  serve({.flavour = Flavour::lm_studio});
  const Reply reply = client().post("/v1/chat/completions", chat_with("none"));
  EXPECT_EQ(reply.status, 404);
  const json::object error{{"message", "The model `none` does not exist."},
                           {"type", "invalid_request_error"},
                           {"param", "model"},
                           {"code", "model_not_found"}};
  EXPECT_EQ(reply.json(), (json::object{{"error", error}}));
}

TEST_F(OpenAi, CodesAreNumbersAtVllm) {
  serve({.flavour = Flavour::vllm});
  const Reply reply = client().post("/v1/chat/completions", chat_with("none"));
  EXPECT_EQ(reply.status, 404);
  EXPECT_EQ(reply.json().at("error").at("code").to_number<int>(), 404);
  EXPECT_EQ(reply.json().at("error").at("param"), "model");
}

TEST_F(OpenAi, OneLlamaServesWhateverTheName) {
  const Reply reply = client().post("/v1/chat/completions", chat_with("none"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.json().at("model"), "none");
}

TEST_F(OpenAi, ALongPromptIsRefusedWithItsNumbers) {
  serve({.models = {{.id = "m", .context_length = 2}}});
  const Reply reply = client().post("/v1/chat/completions",
                                    R"({"messages":[{"role":"user","content":"one two three"}]})");
  EXPECT_EQ(reply.status, 400);
  const json::value error = reply.json().at("error");
  EXPECT_EQ(error.at("type"), "exceed_context_size_error");
  EXPECT_EQ(error.at("n_prompt_tokens").to_number<int>(), 3);
  EXPECT_EQ(error.at("n_ctx").to_number<int>(), 2);
}

TEST_F(OpenAi, LlamaShowsItsSlotsAndMetrics) {
  serve({.held = {Gate::token}, .slots = 2});
  auto first = client().begin_post("/v1/chat/completions", chat_with("m"));
  auto second = client().begin_post("/v1/chat/completions", chat_with("m"));
  ASSERT_TRUE(server().wait_at(Gate::token, 2));
  auto third = client().begin_post("/v1/chat/completions", chat_with("m"));
  ASSERT_TRUE(server().requests().wait_for("POST", "/v1/chat/completions", 3));
  EXPECT_EQ(client().get("/slots?fail_on_no_slot=1").status, 503);
  const json::value slots = client().get("/slots").json();
  ASSERT_EQ(slots.as_array().size(), 2u);
  EXPECT_EQ(slots.at(0).at("is_processing"), true);
  EXPECT_EQ(client().get("/metrics").body,
            "llamacpp:requests_processing 2\nllamacpp:requests_deferred 1\n");
  server().release(Gate::token);
  for (auto* const reply : {&first, &second, &third}) {
    EXPECT_EQ(finish(std::move(*reply)).status, 200);
  }
  EXPECT_EQ(server().counters().most_at_once, 2u);
  EXPECT_EQ(client().get("/props").json().at("total_slots").to_number<int>(), 2);
}

TEST_F(OpenAi, MetricsAndEmbeddingsNeedTheirOptions) {
  serve({.metrics = false});
  EXPECT_EQ(client().get("/metrics").status, 501);
  const Reply embeddings = client().post("/v1/embeddings", R"({"input":"a"})");
  EXPECT_EQ(embeddings.status, 501);
  EXPECT_EQ(embeddings.json().at("error").at("type"), "not_supported_error");
}

TEST_F(OpenAi, AnIdleLlamaSleepsAndWakesForTheNextTask) {
  serve({.idle_until_sleep = seconds(60)});
  ASSERT_TRUE(server().wait_for_status("m", "loaded"));
  server().advance(seconds(60));
  EXPECT_EQ(server().status_of("m"), "sleeping");
  EXPECT_EQ(server().gpu_bytes_in_use(), 0);
  EXPECT_EQ(client().get("/health").status, 200);
  EXPECT_EQ(client().get("/props").json().at("is_sleeping"), true);
  EXPECT_EQ(server().status_of("m"), "sleeping");
  EXPECT_EQ(client().post("/v1/chat/completions", chat_with("m")).status, 200);
  EXPECT_EQ(server().counters().loads, 2u);
}

OpenAiOptions router(std::size_t models_max) {
  return {.flavour = Flavour::llama_cpp_router,
          .models = {{.id = "a"}, {.id = "b"}, {.id = "c"}},
          .models_max = models_max};
}

TEST_F(OpenAi, TheRouterLoadsAndUnloadsByName) {
  serve(router(4));
  EXPECT_EQ(client().get("/models").json().at("data").at(0).at("status").at("value"), "unloaded");
  server().hold(Gate::load);
  EXPECT_EQ(client().post("/models/load", R"({"model":"a"})").json(),
            (json::object{{"success", true}}));
  EXPECT_EQ(client().get("/models").json().at("data").at(0).at("status").at("value"), "loading");
  server().release(Gate::load);
  ASSERT_TRUE(server().wait_for_status("a", "loaded"));
  server().hold(Gate::unload);
  EXPECT_EQ(client().post("/models/unload", R"({"model":"a"})").status, 200);
  EXPECT_EQ(client().get("/models").json().at("data").at(0).at("status").at("value"), "loaded");
  server().release(Gate::unload);
  ASSERT_TRUE(server().wait_for_status("a", "unloaded"));
}

TEST_F(OpenAi, TheRouterLoadsOnDemandAndEvictsTheOldest) {
  serve(router(2));
  for (const char* const model : {"a", "b", "a", "c"}) {
    EXPECT_EQ(client().post("/v1/chat/completions", chat_with(model)).status, 200);
  }
  EXPECT_EQ(server().status_of("a"), "loaded");
  EXPECT_EQ(server().status_of("b"), "unloaded");
  EXPECT_EQ(server().status_of("c"), "loaded");
  EXPECT_EQ(client().post("/v1/chat/completions?autoload=false", chat_with("b")).status, 400);
}

TEST_F(OpenAi, ALoadThatFailsShowsInTheRoutersList) {
  serve(router(2));
  server().set_fault({.kind = FaultKind::load_error, .times = 1});
  EXPECT_EQ(client().post("/v1/chat/completions", chat_with("a")).status, 500);
  const json::value status = client().get("/models").json().at("data").at(0).at("status");
  EXPECT_EQ(status.at("failed"), true);
  EXPECT_EQ(status.at("exit_code").to_number<int>(), 1);
  EXPECT_EQ(client().post("/v1/chat/completions", chat_with("a")).status, 200);
}

TEST_F(OpenAi, VllmSleepsAndWakes) {
  serve({.flavour = Flavour::vllm});
  server().hold(Gate::unload);
  const Reply slept = client().post("/sleep?level=1", "");
  EXPECT_EQ(slept.status, 200);
  EXPECT_EQ(slept.body, "");
  EXPECT_EQ(client().get("/is_sleeping").json().at("is_sleeping"), false) << "not finished yet";
  server().release(Gate::unload);
  ASSERT_TRUE(server().wait_for_status("m", "sleeping"));
  EXPECT_EQ(client().get("/is_sleeping").json(), (json::object{{"is_sleeping", true}}));
  EXPECT_EQ(client().get("/health").status, 200);
  EXPECT_EQ(client().post("/v1/chat/completions", chat_with("m")).status, 500);
  EXPECT_EQ(server().counters().asked_while_asleep, 1u);
  server().hold(Gate::load);
  EXPECT_EQ(client().post("/wake_up", "").status, 200);
  EXPECT_EQ(client().get("/is_sleeping").json().at("is_sleeping"), true) << "not finished yet";
  server().release(Gate::load);
  ASSERT_TRUE(server().wait_for_status("m", "loaded"));
  EXPECT_EQ(client().get("/is_sleeping").json().at("is_sleeping"), false);
  EXPECT_EQ(client().post("/v1/chat/completions", chat_with("m")).status, 200);
}

TEST_F(OpenAi, ADeepSleepNeedsItsWeightsReadAgain) {
  serve({.flavour = Flavour::vllm});
  client().post("/sleep?level=2", "");
  ASSERT_TRUE(server().wait_for_status("m", "sleeping"));
  client().post("/wake_up?tags=weights", "");
  EXPECT_EQ(client().get("/is_sleeping").json().at("is_sleeping"), true);
  client().post("/collective_rpc", R"({"method":"reload_weights"})");
  client().post("/wake_up?tags=kv_cache", "");
  ASSERT_TRUE(server().wait_for_status("m", "loaded"));
  const json::value answer = client().post("/v1/chat/completions", chat_with("m")).json();
  EXPECT_EQ(answer.at("choices").at(0).at("message").at("content"), "hi hi hi hi hi hi");
  client().post("/sleep?level=2", "");
  ASSERT_TRUE(server().wait_for_status("m", "sleeping"));
  client().post("/wake_up", "");
  ASSERT_TRUE(server().wait_for_status("m", "loaded"));
  const json::value garbage = client().post("/v1/chat/completions", chat_with("m")).json();
  EXPECT_EQ(garbage.at("choices").at(0).at("message").at("content"), "!!!!!!");
}

TEST_F(OpenAi, SleepAbortsOrWaitsForWhatRuns) {
  serve({.flavour = Flavour::vllm, .held = {Gate::token}});
  auto aborted = client().begin_post("/v1/chat/completions", chat_with("m"));
  ASSERT_TRUE(server().wait_at(Gate::token));
  client().post("/sleep?level=1", "");
  EXPECT_FALSE(finish(std::move(aborted)).whole);
  client().post("/wake_up", "");
  auto kept = client().begin_post("/v1/chat/completions", chat_with("m"));
  ASSERT_TRUE(server().wait_at(Gate::token));
  auto sleep = client().begin_post("/sleep?level=1&mode=wait", "");
  ASSERT_TRUE(server().requests().wait_for("POST", "/sleep", 2));
  server().release(Gate::token);
  EXPECT_EQ(finish(std::move(kept)).status, 200);
  EXPECT_EQ(finish(std::move(sleep)).status, 200);
  EXPECT_EQ(server().status_of("m"), "sleeping");
}

TEST_F(OpenAi, VllmOpensItsPortWhenItIsLoaded) {
  serve({.flavour = Flavour::vllm, .held = {Gate::load}});
  EXPECT_EQ(client().get("/health").status, 0);
  server().release(Gate::load);
  server().start();
  const Reply health = client().get("/health");
  EXPECT_EQ(health.status, 200);
  EXPECT_EQ(health.body, "");
  server().kill_engine();
  EXPECT_EQ(client().get("/health").status, 503);
}

TEST_F(OpenAi, VllmListsTheLengthOfItsModel) {
  serve({.flavour = Flavour::vllm});
  const json::value model = client().get("/v1/models").json().at("data").at(0);
  EXPECT_EQ(model.at("max_model_len").to_number<int>(), 4096);
  EXPECT_EQ(model.at("root"), "m");
}

TEST_F(OpenAi, LocalAiAnswersWithAndWithoutV1) {
  serve({.flavour = Flavour::localai});
  EXPECT_EQ(client().get("/models").json(), client().get("/v1/models").json());
  EXPECT_EQ(client().post("/chat/completions", chat_with("m")).status, 200);
  EXPECT_EQ(client().get("/healthz").status, 200);
}

TEST_F(OpenAi, LocalAiIsReadyAfterItsStart) {
  serve({.flavour = Flavour::localai, .held = {Gate::load}});
  const Reply starting = client().get("/readyz");
  EXPECT_EQ(starting.status, 503);
  EXPECT_EQ(starting.json().at("status"), "starting");
  EXPECT_EQ(client().get("/healthz").status, 200);
  server().release(Gate::load);
  EXPECT_EQ(client().get("/readyz").status, 200);
}

TEST_F(OpenAi, LocalAiSaysWhenToComeBackWhileItLoads) {
  serve({.flavour = Flavour::localai});
  server().hold(Gate::load);
  auto first = client().begin_post("/v1/chat/completions", chat_with("m"));
  ASSERT_TRUE(server().wait_at(Gate::load));
  const Reply refused = client().post("/v1/chat/completions", chat_with("m"));
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.headers.find("Retry-After"), "5");
  EXPECT_EQ(refused.json().at("error").at("type"), "");
  server().release(Gate::load);
  EXPECT_EQ(finish(std::move(first)).status, 200);
  EXPECT_EQ(client().post("/backend/shutdown", R"({"model":"m"})").status, 200);
  EXPECT_EQ(server().status_of("m"), "unloaded");
  EXPECT_EQ(client().post("/backend/load", R"({"model":"m"})").status, 200);
  EXPECT_EQ(server().status_of("m"), "loaded");
}

TEST_F(OpenAi, LmStudioUnloadsAfterItsTimeToLive) {
  serve({.flavour = Flavour::lm_studio});
  EXPECT_EQ(client().post("/v1/chat/completions", chat_with("m")).status, 200);
  server().advance(minutes(59));
  EXPECT_EQ(server().status_of("m"), "loaded");
  server().advance(minutes(1));
  EXPECT_EQ(server().status_of("m"), "unloaded");
  client().post("/v1/chat/completions", chat_with("m", R"(,"ttl":10)"));
  server().advance(seconds(10));
  EXPECT_EQ(server().status_of("m"), "unloaded");
  EXPECT_EQ(client().post("/api/v1/models/load", R"({"model":"m"})").status, 200);
  EXPECT_EQ(server().status_of("m"), "loaded");
  EXPECT_EQ(client().post("/api/v1/models/unload", R"({"instance_id":"m"})").status, 200);
  EXPECT_EQ(server().status_of("m"), "unloaded");
}

TEST_F(OpenAi, MemoryThatIsNeverFreedStaysTaken) {
  serve(router(2));
  client().post("/v1/chat/completions", chat_with("a"));
  server().set_fault({.kind = FaultKind::unload_keeps_memory});
  const std::int64_t loaded = server().gpu_bytes_in_use();
  client().post("/models/unload", R"({"model":"a"})");
  ASSERT_TRUE(server().wait_for_status("a", "unloaded"));
  EXPECT_EQ(server().gpu_bytes_in_use(), loaded);
}

}  // namespace
}  // namespace stoker::engines
