#include <gtest/gtest.h>

#include "protocol/json_access.h"
#include "protocol/ollama/answers.h"
#include "protocol/ollama/names.h"
#include "protocol/ollama/requests.h"

namespace stoker::protocol::ollama {
namespace {

boost::json::object object_of(const std::string& body) {
  return parse_json_object(body).value();
}

TEST(OllamaNames, ComparesNamesAsTheServerDoes) {
  EXPECT_EQ(canonical_name("Tiny"), "tiny:latest");
  EXPECT_EQ(canonical_name("tiny:8B"), "tiny:8b");
  EXPECT_EQ(canonical_name("registry.ollama.ai/library/tiny"), "tiny:latest");
  EXPECT_EQ(canonical_name("host:5000/team/tiny"), "host:5000/team/tiny:latest");
  EXPECT_EQ(canonical_name("someone/tiny:q4"), "someone/tiny:q4");
  EXPECT_EQ(canonical_name("tiny:local"), "tiny:latest");
  EXPECT_EQ(canonical_name(""), ":latest");
}

TEST(OllamaNames, KnowsNamesThatLeaveTheMachine) {
  EXPECT_TRUE(is_cloud_name("gpt-oss:120b-cloud"));
  EXPECT_TRUE(is_cloud_name("deepseek:Cloud"));
  EXPECT_FALSE(is_cloud_name("cloudy:8b"));
  EXPECT_FALSE(is_cloud_name("x-cloud:local"));
}

TEST(OllamaRequests, SendOptionsAndKeepAliveWithEveryRequest) {
  const Options load = {{"num_ctx", std::int64_t{4096}}, {"shift", false}};
  for (const std::string& body :
       {load_request("tiny", load), embed_load_request("tiny", load), unload_request("tiny", load),
        chat_request({.model = "tiny", .messages = {{"user", "hi"}}, .load_options = load})}) {
    const auto object = object_of(body);
    EXPECT_EQ(object.at("options").at("num_ctx"), 4096) << body;
    EXPECT_EQ(object.at("shift"), false) << "a field of the request, not an option";
    EXPECT_TRUE(object.at("keep_alive").is_int64()) << "as a string it is refused";
  }
  EXPECT_EQ(object_of(load_request("tiny", load)).at("keep_alive"), -1);
  EXPECT_EQ(object_of(unload_request("tiny", load)).at("keep_alive"), 0);
  EXPECT_FALSE(object_of(load_request("tiny", {})).contains("options"));
}

TEST(OllamaRequests, LetLoadOptionsWinAndFitTheSeed) {
  const auto body = object_of(chat_request(
      {.model = "tiny",
       .messages = {{"user", "hi <b>"}},
       .load_options = {{"num_ctx", std::int64_t{4096}}},
       .run_options = {{"num_ctx", std::int64_t{1}}, {"temperature", 0.5}, {"think", false}},
       .seed = ~0ULL}));
  EXPECT_EQ(body.at("options").at("num_ctx"), 4096);
  EXPECT_EQ(body.at("options").at("temperature"), 0.5);
  EXPECT_EQ(body.at("think"), false);
  EXPECT_LE(body.at("options").at("seed").as_int64(), 0x7fff'ffff);
  EXPECT_EQ(body.at("messages").at(0).at("content"), "hi <b>");
  EXPECT_EQ(body.at("stream"), true);
}

TEST(OllamaAnswers, ReadErrorsInBothForms) {
  EXPECT_EQ(error_words(R"({"error":"model 'x' not found"})"), "model 'x' not found");
  EXPECT_EQ(error_words(R"({"error":{"message":"busy","type":"api_error"}})"), "busy");
  EXPECT_EQ(error_words("<html>"), "");
  EXPECT_EQ(error_words(R"({"error":7})"), "");
}

TEST(OllamaAnswers, ReadListsAndTakeNullAsEmpty) {
  const auto tags = parse_tags(
      R"({"models":[{"name":"tiny:latest","model":"tiny:latest","size":7,"digest":"ab"},)"
      R"({"name":"far","size":0,"remote_host":"https://ollama.com"}]})");
  ASSERT_TRUE(tags);
  ASSERT_EQ(tags->size(), 2U);
  EXPECT_EQ(tags->at(0).bytes, 7U);
  EXPECT_FALSE(tags->at(0).remote);
  EXPECT_TRUE(tags->at(1).remote);
  const auto ps = parse_ps(
      R"({"models":[{"model":"tiny:latest","size":10,"size_vram":6,"context_length":4096}]})");
  ASSERT_TRUE(ps);
  EXPECT_EQ(ps->at(0).vram_bytes, 6U);
  EXPECT_EQ(ps->at(0).context_length, 4096);
  EXPECT_TRUE(parse_ps(R"({"models":null})")->empty());
  for (const char* wrong : {"", "{}", "[]", R"({"models":7})", R"({"models":[{}]})", "<html>"}) {
    EXPECT_EQ(parse_ps(wrong).error().code, ErrorCode::internal) << wrong;
  }
}

TEST(OllamaAnswers, FindTheWeightsOfAModelInItsModelfile) {
  const std::string hex(64, 'a');
  const auto facts = parse_show(R"({"modelfile":"# FROM tiny\nFROM /models/blobs/sha256-)" + hex +
                                R"(\nTEMPLATE x","capabilities":["embedding"]})");
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->blob, hex);
  EXPECT_TRUE(facts->only_embeds);
  EXPECT_FALSE(parse_show(R"({"capabilities":["completion","embedding"]})")->only_embeds);
  EXPECT_FALSE(parse_show("{}"));
}

TEST(OllamaAnswers, TakeALoadAsDoneOnlyIfItSaysSo) {
  EXPECT_TRUE(parse_generate_answer(R"({"model":"tiny","done":true,"done_reason":"load"})"));
  EXPECT_FALSE(parse_generate_answer(R"({"model":"tiny"})"));
  EXPECT_TRUE(parse_embed_answer(R"({"model":"emb","embeddings":[]})"));
  EXPECT_FALSE(parse_embed_answer(R"({"model":"emb"})"));
  EXPECT_EQ(*parse_version(R"({"version":"0.33.0"})"), "0.33.0");
  EXPECT_FALSE(parse_version("Ollama is running"));
}

}  // namespace
}  // namespace stoker::protocol::ollama
