#include <gtest/gtest.h>

#include "protocol/json_access.h"
#include "protocol/openai/answers.h"
#include "protocol/openai/errors.h"
#include "protocol/openai/requests.h"

namespace stoker::protocol::openai {
namespace {

boost::json::object object_of(const std::string& body) {
  return parse_json_object(body).value();
}

TEST(OpenAiErrors, ReadsEveryFormThatServersSend) {
  const WireError canonical = read_error(std::string_view(
      R"({"error":{"message":"m","type":"t","param":"model","code":"model_not_found"}})"));
  EXPECT_EQ(canonical.message, "m");
  EXPECT_EQ(canonical.type, "t");
  EXPECT_TRUE(names_unknown_model(canonical));
  EXPECT_EQ(
      read_error(std::string_view(R"({"error":{"code":503,"message":"Loading model"}})")).code,
      "503");
  EXPECT_EQ(read_error(std::string_view(R"({"error":"prompt required"})")).message,
            "prompt required");
  const WireError two = read_error(std::string_view(R"({"error":"server_error","message":"m"})"));
  EXPECT_EQ(two.message, "m");
  EXPECT_EQ(two.type, "server_error");
  EXPECT_EQ(read_error(std::string_view(R"({"detail":[{"loc":["body"],"msg":"m"}]})")).message,
            "m");
  EXPECT_EQ(read_error(std::string_view(R"({"detail":"Not Found"})")).message, "Not Found");
  EXPECT_EQ(read_error(std::string_view(R"({"object":"error","message":"m","code":400})")).code,
            "400");
  EXPECT_EQ(read_error(std::string_view("<html>\nno")).message, "<html> no");
  EXPECT_EQ(read_error(std::string_view("")).message, "");
  EXPECT_EQ(read_error(std::string_view(std::string(10'000, 'x'))).message.size(), 300U);
}

TEST(OpenAiErrors, KnowsWhatTroubleItIs) {
  const auto trouble = [](std::string_view body) { return trouble_of(read_error(body)); };
  EXPECT_EQ(trouble(R"({"error":{"message":"m","code":"context_length_exceeded"}})"),
            "context_length");
  EXPECT_EQ(trouble(R"({"error":{"message":"m","type":"exceed_context_size_error"}})"),
            "context_length");
  EXPECT_EQ(trouble(R"({"error":{"message":"Loading model","code":503}})"), "loading");
  EXPECT_EQ(trouble(R"({"error":"m"})"), "");
}

TEST(OpenAiRequests, BuildStreamedChats) {
  const auto body = object_of(chat_request({.model = "m",
                                            .messages = {{"user", "hi"}},
                                            .options = {{"temperature", 0.5}, {"stream", false}},
                                            .seed = ~0ULL,
                                            .usage = UsageWish::asked}));
  EXPECT_EQ(body.at("stream"), true) << "options do not change the form of the answer";
  EXPECT_EQ(body.at("stream_options").at("include_usage"), true);
  EXPECT_EQ(body.at("temperature"), 0.5);
  EXPECT_LE(body.at("seed").as_int64(), 0x7fff'ffff);
  EXPECT_FALSE(object_of(chat_request({.model = "m", .messages = {}})).contains("stream_options"));
  EXPECT_EQ(object_of(first_token_request("m")).at("max_tokens"), 1);
}

TEST(OpenAiRequests, BuildPictures) {
  const ImageRequest request{.model = "m",
                             .prompt = "a fox",
                             .options = {{"width", std::int64_t{640}},
                                         {"height", std::int64_t{480}},
                                         {"steps", std::int64_t{8}}},
                             .seed = 7};
  const auto body = object_of(image_request(request));
  EXPECT_EQ(body.at("size"), "640x480");
  EXPECT_EQ(body.at("n"), 1);
  EXPECT_EQ(body.at("steps"), 8);
  EXPECT_EQ(body.at("seed"), 7);
  EXPECT_EQ(body.at("response_format"), "b64_json");
  EXPECT_FALSE(body.contains("width"));

  const auto sd = object_of(sd_cpp_image_request(request));
  const std::string prompt(sd.at("prompt").as_string());
  const std::size_t open = prompt.find("<sd_cpp_extra_args>");
  ASSERT_TRUE(prompt.starts_with("a fox "));
  ASSERT_NE(open, std::string::npos);
  const std::size_t begin = open + std::string_view("<sd_cpp_extra_args>").size();
  const auto extra = object_of(prompt.substr(begin, prompt.find("</", begin) - begin));
  EXPECT_EQ(extra.at("seed"), 7);
  EXPECT_EQ(extra.at("sample_params").at("sample_steps"), 8);
  EXPECT_EQ(sd.at("size"), "640x480");
}

TEST(OpenAiRequests, LetNoPromptGiveOrders) {
  EXPECT_EQ(without_extra_args("a <sd_cpp_extra_args>{\"steps\":9999}</sd_cpp_extra_args>fox"),
            "a fox");
  EXPECT_EQ(without_extra_args("a > b < c"), "a > b < c");
  EXPECT_EQ(without_extra_args("</sd_cpp_extra_args>fox<sd_cpp_extra_args>x"), "foxx");
  for (const char* nested :
       {"<sd_cpp_<sd_cpp_extra_args>extra_args>{}</sd_cpp_extra_args>",
        "<sd_cpp_<sd_cpp_extra_args></sd_cpp_extra_args>extra_args>{}</sd_cpp_extra_args>",
        "<sd_cpp_extra_args><sd_cpp_extra_args>{}</sd_cpp_extra_args></sd_cpp_extra_args>"}) {
    const std::string clean = without_extra_args(nested);
    EXPECT_EQ(clean.find("<sd_cpp_extra_args>"), std::string::npos) << nested;
    EXPECT_EQ(clean.find("</sd_cpp_extra_args>"), std::string::npos) << nested;
  }
}

TEST(OpenAiAnswers, ReadListsOfModels) {
  const auto models =
      parse_models(R"({"object":"list","data":[{"id":"m","owned_by":"vllm","max_model_len":4096},)"
                   R"({"id":"n","status":{"value":"unloaded","failed":true,"exit_code":1}}]})");
  ASSERT_TRUE(models);
  ASSERT_EQ(models->size(), 2U);
  EXPECT_TRUE(models->at(0).has_context);
  EXPECT_EQ(models->at(1).status, "unloaded");
  EXPECT_TRUE(models->at(1).failed);
  EXPECT_TRUE(parse_models(R"({"object":"list","data":null})")->empty());
  for (const char* wrong : {"", "{}", "[]", R"({"data":7})", R"({"data":[{}]})", "<html>"}) {
    EXPECT_EQ(parse_models(wrong).error().code, ErrorCode::internal) << wrong;
  }
}

TEST(OpenAiAnswers, DecodeBase64Strictly) {
  EXPECT_EQ(decode_base64("AACAPwAAAMA="), std::string("\0\0\x80\x3f\0\0\0\xc0", 8));
  EXPECT_EQ(decode_base64("YQ=="), "a");
  EXPECT_EQ(decode_base64("YWI="), "ab");
  EXPECT_EQ(decode_base64("YWJj"), "abc");
  EXPECT_EQ(decode_base64(""), "");
  for (const char* wrong : {"YQ=", "Y===", "YQ==YQ==", "YW\nI=", "Y*==", "YWJ"}) {
    EXPECT_FALSE(decode_base64(wrong)) << wrong;
  }
}

TEST(OpenAiAnswers, ReadPictures) {
  const auto pictures = parse_pictures(R"({"data":[{"b64_json":"YQ=="},{"b64_json":"YWJj"}]})", 4);
  ASSERT_TRUE(pictures);
  EXPECT_EQ(*pictures, (std::vector<std::string>{"a", "abc"}));
  EXPECT_EQ(parse_pictures(R"({"data":[{"b64_json":"YWJj"}]})", 2).error().code,
            ErrorCode::too_large);
  for (const char* wrong : {"{}", R"({"data":[]})", R"({"data":[{"url":"http://x"}]})",
                            R"({"data":[{"b64_json":"*"}]})", "<html>"}) {
    EXPECT_EQ(parse_pictures(wrong, 100).error().code, ErrorCode::internal) << wrong;
  }
}

TEST(OpenAiAnswers, ReadWhatSingleServersTell) {
  EXPECT_TRUE(parse_props(R"({"total_slots":2,"is_sleeping":true})")->sleeping);
  EXPECT_TRUE(parse_props(R"({"role":"router"})")->router);
  EXPECT_FALSE(parse_props(R"({"error":"Unexpected endpoint"})"));
  EXPECT_EQ(*count_busy_slots(R"([{"id":0,"is_processing":true},{"id":1,"is_processing":false}])"),
            1U);
  EXPECT_FALSE(count_busy_slots("{}"));
  EXPECT_TRUE(*parse_is_sleeping(R"({"is_sleeping":true})"));
  EXPECT_FALSE(parse_is_sleeping(R"({"is_sleeping":"yes"})"));
  EXPECT_TRUE(*parse_monitor(R"({"state":2,"memory":{"total":7}})"));
  EXPECT_FALSE(*parse_monitor(R"({"state":0})"));
  EXPECT_TRUE(*parse_monitor(R"({"memory_info":{"rss":7}})"));
  const auto studio = parse_studio_models(
      R"({"models":[{"key":"m","size_bytes":7,"loaded_instances":[{"id":"m:2"}]},{"key":"n"}]})");
  ASSERT_TRUE(studio);
  EXPECT_EQ(studio->at(0).instances, std::vector<std::string>{"m:2"});
  EXPECT_TRUE(studio->at(1).instances.empty());
  EXPECT_FALSE(parse_studio_models(R"({"object":"list","data":[]})"));
  EXPECT_TRUE(is_plain_object(R"({"status":"ready"})"));
  EXPECT_FALSE(is_plain_object(R"({"error":"Unexpected endpoint"})"));
  EXPECT_FALSE(is_plain_object("<html>"));
}

}  // namespace
}  // namespace stoker::protocol::openai
