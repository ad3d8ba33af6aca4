// What stays in memory: loads, keep-alive, reloads, eviction, and what is seen of it from outside.
#include "tests/engines/ollama_fixture_test.h"

namespace stoker::engines {
namespace {

namespace json = boost::json;
using net::testing::finish;
using Names = std::vector<std::string>;

OllamaOptions models(std::vector<std::string> names) {
  OllamaOptions options{.models = {}};
  for (std::string& name : names) options.models.push_back({.name = std::move(name)});
  return options;
}

TEST_F(Ollama, ALoadIsSeenInTheListOnlyWhenItHasEnded) {
  server().hold(Gate::load);
  auto loading = client().begin_post("/api/generate", load_body("tiny"));
  ASSERT_TRUE(server().wait_at(Gate::load));
  EXPECT_EQ(listed(), Names{});
  EXPECT_GT(server().gpu_bytes_in_use(), 0);
  EXPECT_EQ(client().get("/api/version").status, 200);
  server().release(Gate::load);
  EXPECT_EQ(finish(std::move(loading)).json().at("done_reason"), "load");
  EXPECT_EQ(listed(), Names{"tiny:latest"});
}

TEST_F(Ollama, LeavingDuringALoadAbortsIt) {
  server().hold(Gate::load);
  net::testing::Socket socket = post_on_socket(server().port(), "/api/generate", load_body("tiny"));
  ASSERT_TRUE(server().wait_at(Gate::load));
  socket.close();
  ASSERT_TRUE(server().wait_for([](const auto& counters) { return counters.loads_aborted == 1; }));
  EXPECT_EQ(listed(), Names{});
  EXPECT_EQ(server().gpu_bytes_in_use(), 0);
}

TEST_F(Ollama, AnotherClientLoadsAgainAfterAnAbort) {
  server().hold(Gate::load);
  net::testing::Socket first = post_on_socket(server().port(), "/api/generate", load_body("tiny"));
  ASSERT_TRUE(server().wait_at(Gate::load));
  auto second = client().begin_post("/api/generate", load_body("tiny"));
  ASSERT_TRUE(server().wait_until([&] { return server().queued() == 1; }));
  first.close();
  ASSERT_TRUE(server().wait_for([](const auto& counters) { return counters.loads_begun == 2; }));
  server().release(Gate::load);
  EXPECT_EQ(finish(std::move(second)).status, 200);
  EXPECT_EQ(server().counters().loads_aborted, 1u);
  EXPECT_EQ(server().counters().loads, 1u);
}

TEST_F(Ollama, OneLoadHoldsUpAllOthersButNoLoadedModel) {
  serve(models({"a", "b", "c"}));
  load("a");
  server().hold(Gate::load);
  auto b = client().begin_post("/api/generate", load_body("b"));
  ASSERT_TRUE(server().wait_at(Gate::load));
  auto c = client().begin_post("/api/generate", load_body("c"));
  ASSERT_TRUE(server().wait_until([&] { return server().queued() == 1; }));
  EXPECT_EQ(server().waiting(Gate::load), 1u);
  EXPECT_EQ(client().post("/api/chat", chat_body("a", "hi")).status, 200);
  server().step(Gate::load);
  EXPECT_EQ(finish(std::move(b)).status, 200);
  ASSERT_TRUE(server().wait_at(Gate::load));
  server().release(Gate::load);
  EXPECT_EQ(finish(std::move(c)).status, 200);
}

TEST_F(Ollama, AFullQueueRefuses) {
  OllamaOptions options = models({"a", "b", "c"});
  options.max_queue = 1;
  serve(std::move(options));
  server().hold(Gate::load);
  auto a = client().begin_post("/api/generate", load_body("a"));
  ASSERT_TRUE(server().wait_at(Gate::load));
  auto b = client().begin_post("/api/generate", load_body("b"));
  ASSERT_TRUE(server().wait_until([&] { return server().queued() == 1; }));
  const Reply refused = load("c");
  const std::string text = "server busy, please try again.  maximum pending requests exceeded";
  EXPECT_EQ(refused.status, 503);
  EXPECT_FALSE(refused.headers.find("Retry-After"));
  EXPECT_EQ(error_of(refused), text);
  const Reply v1 = client().post("/v1/chat/completions", chat_body("c", "hi"));
  const json::object error{
      {"message", text}, {"type", "api_error"}, {"param", nullptr}, {"code", nullptr}};
  EXPECT_EQ(v1.status, 503);
  EXPECT_EQ(v1.json(), (json::object{{"error", error}}));
  server().release(Gate::load);
  EXPECT_EQ(finish(std::move(a)).status, 200);
  EXPECT_EQ(finish(std::move(b)).status, 200);
}

TEST_F(Ollama, ModelsLeaveWhenTheirTimeIsOver) {
  load("tiny");
  server().advance(minutes(4));
  EXPECT_TRUE(server().is_loaded("tiny"));
  client().post("/api/chat", chat_body("tiny", "hi"));
  server().advance(minutes(4));
  EXPECT_TRUE(server().is_loaded("tiny")) << "each use begins anew";
  server().advance(minutes(1));
  EXPECT_FALSE(server().is_loaded("tiny"));
  load("tiny", R"(,"keep_alive":"10s")");
  client().post("/api/chat", chat_body("tiny", "hi"));
  server().advance(seconds(10));
  EXPECT_FALSE(server().is_loaded("tiny")) << "what says nothing keeps the value";
  load("tiny", R"(,"keep_alive":-1)");
  server().advance(minutes(100'000));
  EXPECT_TRUE(server().is_loaded("tiny"));
  const auto ps = client().get("/api/ps").json();
  EXPECT_TRUE(ps.at("models").at(0).at("expires_at").as_string().starts_with("23"));
}

TEST_F(Ollama, UnloadingWaitsForWhatRuns) {
  server().hold(Gate::token);
  auto chat = client().begin_post("/api/chat", chat_body("tiny", "hi"));
  ASSERT_TRUE(server().wait_at(Gate::token));
  EXPECT_EQ(load("tiny", R"(,"keep_alive":0)").json().at("done_reason"), "unload");
  EXPECT_EQ(listed(), Names{"tiny:latest"});
  server().release(Gate::token);
  EXPECT_EQ(finish(std::move(chat)).lines().back().at("done"), true);
  ASSERT_TRUE(server().wait_for([](const auto& counters) { return counters.unloads == 1; }));
  EXPECT_EQ(listed(), Names{});
}

TEST_F(Ollama, UnloadingHasNoEffectOnALoad) {
  server().hold(Gate::load);
  auto loading = client().begin_post("/api/generate", load_body("tiny"));
  ASSERT_TRUE(server().wait_at(Gate::load));
  EXPECT_EQ(load("tiny", R"(,"keep_alive":0)").json().at("done_reason"), "unload");
  server().release(Gate::load);
  EXPECT_EQ(finish(std::move(loading)).status, 200);
  EXPECT_TRUE(server().is_loaded("tiny"));
}

TEST_F(Ollama, ASlowUnloadStaysInTheListUntilItIsReleased) {
  load("tiny");
  server().hold(Gate::unload);
  load("tiny", R"(,"keep_alive":0)");
  EXPECT_EQ(listed(), Names{"tiny:latest"});
  EXPECT_GT(server().gpu_bytes_in_use(), 0);
  server().release(Gate::unload);
  ASSERT_TRUE(server().wait_for([](const auto& counters) { return counters.unloads == 1; }));
  EXPECT_EQ(listed(), Names{});
  EXPECT_EQ(server().gpu_bytes_in_use(), 0);
}

TEST_F(Ollama, MemoryCanStayTakenAfterAnUnload) {
  load("tiny");
  const std::int64_t taken = server().gpu_bytes_in_use();
  server().set_fault({.kind = FaultKind::unload_keeps_memory});
  load("tiny", R"(,"keep_alive":0)");
  EXPECT_EQ(listed(), Names{});
  EXPECT_EQ(server().gpu_bytes_in_use(), taken);
}

TEST_F(Ollama, DifferentSettingsReload) {
  const auto chat = [&](std::string_view more) {
    EXPECT_EQ(client().post("/api/chat", chat_body("tiny", "hi", more)).status, 200) << more;
    return server().counters().reloads;
  };
  load("tiny", R"(,"options":{"num_ctx":4096})");
  EXPECT_EQ(chat(R"(,"options":{"num_ctx":8192})"), 1u);
  EXPECT_EQ(chat(R"(,"options":{"num_ctx":8192,"temperature":0.1})"), 1u);
  EXPECT_EQ(chat(R"(,"options":{"num_ctx":8192},"shift":false)"), 2u);
  EXPECT_EQ(chat(""), 3u) << "explicit against automatic, and shift";
  EXPECT_EQ(chat(R"(,"options":{"num_gpu":-1})"), 3u);
  EXPECT_EQ(chat(R"(,"options":{"num_gpu":10})"), 4u);
  EXPECT_EQ(chat(""), 4u) << "unset layers never reload";
  EXPECT_EQ(chat(R"(,"options":{"use_mmap":false})"), 5u);
  EXPECT_EQ(chat(R"(,"options":{"num_thread":2})"), 6u);
  EXPECT_EQ(chat(R"(,"options":{"num_batch":64})"), 7u);
  EXPECT_EQ(server().counters().loads, 8u);
}

TEST_F(Ollama, ContextsAreClampedToTheTraining) {
  serve({.models = {{.name = "tiny", .training_context = 2048}}});
  load("tiny", R"(,"options":{"num_ctx":4096})");
  EXPECT_EQ(server().resident().at(0).context_length, 2048);
  load("tiny", R"(,"options":{"num_ctx":9999})");
  EXPECT_EQ(server().counters().reloads, 0u);
  load("tiny", R"(,"options":{"num_ctx":1})");
  EXPECT_EQ(server().resident().at(0).context_length, 4);
}

TEST_F(Ollama, TheDefaultContextFollowsTheMemory) {
  for (const auto& [gigabytes, context] :
       std::vector<std::pair<std::int64_t, std::int64_t>>{{8, 4096}, {24, 32'768}, {48, 131'072}}) {
    serve({.gpu_bytes = gigabytes * kGiB});
    load("tiny");
    EXPECT_EQ(server().resident().at(0).context_length, context);
  }
}

TEST_F(Ollama, TwoNamesWithTheSameWeightsShareARunner) {
  serve({.models = {{.name = "a", .blob = "w"}, {.name = "b", .blob = "w", .num_ctx = 100}}});
  load("a", R"(,"options":{"num_ctx":200})");
  load("b", R"(,"options":{"num_ctx":200})");
  EXPECT_EQ(listed(), Names{"a:latest"});
  load("b");
  EXPECT_EQ(listed(), Names{"b:latest"});
  EXPECT_EQ(server().counters().reloads, 1u);
}

TEST_F(Ollama, TheShortestSessionLeavesFirst) {
  OllamaOptions options = models({"a", "b", "c"});
  options.max_loaded_models = 2;
  serve(std::move(options));
  load("a", R"(,"keep_alive":"10m")");
  load("b", R"(,"keep_alive":-1)");
  load("c", R"(,"keep_alive":"1m")");
  EXPECT_EQ(listed(), (Names{"b:latest", "c:latest"})) << "latest expiry first";
  load("a");
  EXPECT_EQ(listed(), (Names{"b:latest", "a:latest"}));
  EXPECT_EQ(server().counters().evictions, 2u);
}

TEST_F(Ollama, AModelThatIsUsedLeavesAfterItsRequests) {
  OllamaOptions options = models({"a", "b"});
  options.max_loaded_models = 1;
  serve(std::move(options));
  server().hold(Gate::token);
  auto chat = client().begin_post("/api/chat", chat_body("a", "hi"));
  ASSERT_TRUE(server().wait_at(Gate::token));
  auto loading = client().begin_post("/api/generate", load_body("b"));
  ASSERT_TRUE(server().wait_for([](const auto& counters) { return counters.evictions == 1; }));
  EXPECT_TRUE(server().is_loaded("a"));
  server().release(Gate::token);
  EXPECT_EQ(finish(std::move(chat)).lines().back().at("done"), true);
  EXPECT_EQ(finish(std::move(loading)).status, 200);
  EXPECT_EQ(listed(), Names{"b:latest"});
}

TEST_F(Ollama, ASecondModelMustFitIntoWhatIsFree) {
  OllamaOptions options{.models = {{.name = "a", .weight_bytes = 10 * kGiB},
                                   {.name = "b", .weight_bytes = 12 * kGiB}},
                        .context_length = 1024};
  serve(std::move(options));
  load("a");
  load("b");
  EXPECT_EQ(listed(), Names{"b:latest"}) << "14 GiB were free, and 80 % of that is too little";
}

TEST_F(Ollama, WhatDoesNotFitIsSplit) {
  serve({.models = {{.name = "big", .weight_bytes = 40 * kGiB}}});
  load("big");
  const json::value shown = client().get("/api/ps").json().at("models").at(0);
  EXPECT_EQ(shown.at("size_vram").to_number<std::int64_t>(), 24 * kGiB);
  EXPECT_GT(shown.at("size").to_number<std::int64_t>(), 40 * kGiB);
  serve({});
  server().set_fault({.kind = FaultKind::spill});
  load("tiny");
  const OllamaResident tiny = server().resident().at(0);
  EXPECT_EQ(tiny.size_vram, tiny.size / 2);
}

TEST_F(Ollama, LoadsCanFailAndBeCut) {
  server().set_fault({.kind = FaultKind::load_error, .times = 1});
  const Reply failed = load("tiny");
  EXPECT_EQ(failed.status, 500);
  EXPECT_TRUE(error_of(failed).starts_with("llama-server process has terminated"));
  server().set_fault({.kind = FaultKind::cut_in_load, .times = 1});
  EXPECT_EQ(load("tiny").status, 0);
  EXPECT_EQ(listed(), Names{});
  EXPECT_EQ(server().counters().loads_failed, 1u);
  EXPECT_EQ(server().counters().loads_aborted, 1u);
  EXPECT_EQ(load("tiny").status, 200);
}

TEST_F(Ollama, RunningOutOfMemoryExpiresEveryModel) {
  serve(models({"a", "b"}));
  load("a");
  load("b");
  server().set_fault({.kind = FaultKind::out_of_memory, .times = 1});
  EXPECT_EQ(client().post("/api/chat", chat_body("a", "hi")).status, 500);
  ASSERT_TRUE(server().wait_for([](const auto& counters) { return counters.unloads == 2; }));
  EXPECT_EQ(listed(), Names{});
}

TEST_F(Ollama, OneModelServesAsManyAsItHasPlaces) {
  OllamaOptions options = models({"a"});
  options.num_parallel = 2;
  serve(std::move(options));
  load("a");
  server().hold(Gate::token);
  std::vector<std::future<Reply>> chats;
  for (int i = 0; i < 3; ++i) {
    chats.push_back(client().begin_post("/api/chat", chat_body("a", "hi")));
  }
  ASSERT_TRUE(server().wait_at(Gate::token, 2));
  ASSERT_TRUE(server().requests().wait_for("POST", "/api/chat", 3));
  EXPECT_EQ(server().counters().running, 2u);
  server().release(Gate::token);
  for (auto& chat : chats) EXPECT_EQ(finish(std::move(chat)).lines().back().at("done"), true);
  EXPECT_EQ(server().counters().most_at_once, 2u);
  EXPECT_EQ(server().counters().generations_finished, 3u);
}

TEST_F(Ollama, LeavingCancelsAGeneration) {
  server().hold(Gate::token);
  net::testing::Socket socket =
      post_on_socket(server().port(), "/api/chat", chat_body("tiny", "hi"));
  ASSERT_TRUE(server().wait_at(Gate::token));
  server().step_tokens(2);
  socket.receive_until("\" hi\"");
  socket.close();
  ASSERT_TRUE(
      server().wait_for([](const auto& counters) { return counters.generations_cancelled == 1; }));
  EXPECT_TRUE(server().is_loaded("tiny"));
}

TEST_F(Ollama, NothingIsSentBeforeTheFirstToken) {
  server().hold(Gate::prefill);
  net::testing::Socket socket =
      post_on_socket(server().port(), "/api/chat", chat_body("tiny", "hi"));
  ASSERT_TRUE(server().wait_at(Gate::prefill));
  pollfd state{socket.fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&state, 1, 0), 0);
  server().release(Gate::prefill);
  EXPECT_EQ(net::testing::status_of(socket.receive()), 200);
}

TEST_F(Ollama, AProcessThatDiesForgetsWhatItHad) {
  load("tiny");
  server().stop();
  EXPECT_EQ(client().get("/api/version").status, 0);
  EXPECT_EQ(server().gpu_bytes_in_use(), 0);
  server().start();
  EXPECT_EQ(listed(), Names{});
  EXPECT_EQ(load("tiny").status, 200);
}

}  // namespace
}  // namespace stoker::engines
