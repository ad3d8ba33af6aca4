// What the flavours have in common: chat, streams, errors, embeddings.
#include "tests/engines/openai_server.h"

#include "tests/engines/answers.h"
#include "tests/engines/test_client.h"

namespace stoker::engines {
namespace {

namespace json = boost::json;

constexpr const char* kHi = R"({"model":"m","messages":[{"role":"user","content":"hi"}]})";
constexpr const char* kHiStreamed =
    R"({"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]})";
constexpr const char* kHiWithUsage =
    R"({"model":"m","stream":true,"stream_options":{"include_usage":true},
        "messages":[{"role":"user","content":"hi"}]})";

class OpenAi : public ::testing::Test {
 protected:
  void serve(OpenAiOptions options) {
    server_ = std::make_unique<OpenAiServer>(network_, std::move(options));
    client_ = std::make_unique<TestClient>(network_, server_->url());
  }
  OpenAiServer& server() {
    if (!server_) serve({});
    return *server_;
  }
  TestClient& client() {
    server();
    return *client_;
  }

 private:
  net::Network network_;
  std::unique_ptr<OpenAiServer> server_;
  std::unique_ptr<TestClient> client_;
};

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
  const json::value usage = answer.at("usage");
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

}  // namespace
}  // namespace stoker::engines
