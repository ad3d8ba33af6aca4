// What the server answers, route by route.
#include "tests/engines/ollama_server.h"

#include "tests/engines/answers.h"
#include "tests/engines/test_client.h"

namespace stoker::engines {
namespace {

namespace json = boost::json;

class Ollama : public ::testing::Test {
 protected:
  void restart(OllamaOptions options) {
    server_ = std::make_unique<OllamaServer>(network_, std::move(options));
    client_ = std::make_unique<TestClient>(network_, server_->url());
  }
  OllamaServer& server() { return *server_; }
  TestClient& client() { return *client_; }

 private:
  net::Network network_;
  std::unique_ptr<OllamaServer> server_ = std::make_unique<OllamaServer>(network_);
  std::unique_ptr<TestClient> client_ = std::make_unique<TestClient>(network_, server_->url());
};

constexpr const char* kHi = R"({"model":"tiny","messages":[{"role":"user","content":"hi"}]})";

std::string error_of(const Reply& reply) {
  return json::value_to<std::string>(reply.json().at("error"));
}

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
  const Reply chat =
      client().post("/api/chat", R"({"model":"nope","messages":[{"role":"user","content":"a"}]})");
  EXPECT_EQ(chat.status, 404);
  EXPECT_EQ(error_of(chat), "model 'nope' not found");
}

}  // namespace
}  // namespace stoker::engines
