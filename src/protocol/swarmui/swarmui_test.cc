#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "protocol/swarmui/answers.h"
#include "protocol/swarmui/messages.h"
#include "protocol/swarmui/requests.h"

namespace stoker::protocol::swarmui {
namespace {

TEST(SwarmRequests, AGenerationNamesEverythingAtTheRoot) {
  const auto body =
      boost::json::parse(generate_body({.session = "s",
                                        .model = "m",
                                        .prompt = "a fox",
                                        .seed = ~0ULL,
                                        .options = {{"width", std::int64_t{64}},
                                                    {"cfgscale", 4.5},
                                                    {"images", std::int64_t{9}},
                                                    {"prompt", std::string("other")}}}));
  EXPECT_EQ(body.at("session_id"), "s");
  EXPECT_EQ(body.at("images"), 1);
  EXPECT_EQ(body.at("prompt"), "a fox");
  EXPECT_EQ(body.at("width"), 64);
  EXPECT_EQ(body.at("cfgscale"), 4.5);
  EXPECT_EQ(body.at("seed").to_number<std::int64_t>(), std::numeric_limits<std::int64_t>::max());
}

TEST(SwarmRequests, PathsOfPicturesAreEncodedAndStayBelowView) {
  EXPECT_EQ(view_target("View/local/raw/0304-a photo, of? a cat-1.png"),
            "/View/local/raw/0304-a%20photo%2C%20of%3F%20a%20cat-1.png");
  EXPECT_EQ(view_target("/View/a.png"), "/View/a.png");
  EXPECT_EQ(view_target("API/ShutdownServer"), "");
  EXPECT_EQ(view_target("View/../API/x"), "");
  EXPECT_EQ(view_target("http://elsewhere/View/x"), "");
}

TEST(SwarmAnswers, SuccessAndFailureAreBoth200) {
  EXPECT_FALSE(error_in(200, R"({"images":[]})"));
  const auto error = error_in(200, R"({"error":"Missing required parameter 'images'"})");
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::bad_request);
  EXPECT_EQ(error->param, "images");
  EXPECT_TRUE(parse_done(200, R"({"success":true})"));
  EXPECT_TRUE(parse_done(200, R"({"result":true,"count":1})"));
  EXPECT_EQ(parse_done(200, R"({"result":false,"count":0})").error().param, "no_backends");
}

TEST(SwarmAnswers, ErrorTextsHaveTheirMeaning) {
  struct Row {
    std::string_view words;
    ErrorCode code;
    std::string_view param;
  };
  const Row rows[] = {
      {"Invalid value for parameter Model: Invalid model value for param Model - 'x' - are you "
       "sure?",
       ErrorCode::unknown_model, ""},
      {"Model not found.", ErrorCode::unknown_model, ""},
      {"Model failed to load.", ErrorCode::load_failed, ""},
      {"All available backends failed to load the model 'C:/x'. Possible reason: CUDA out of "
       "memory",
       ErrorCode::load_failed, "oom"},
      {"All backends failed to load model.", ErrorCode::load_failed, ""},
      {"No backends available!", ErrorCode::backend_down, "no_backends"},
      {"No backends match the settings of the request given! Backends refused",
       ErrorCode::bad_request, "no_backends"},
      {"Timeout! All backends are occupied with other tasks.", ErrorCode::backend_down, "occupied"},
      {"Generation session interrupted.", ErrorCode::conflict, "interrupted"},
      {"You do not have permission to use parameter Steps.", ErrorCode::backend_down, "refused"},
      {"Invalid value for parameter CFG Scale: too large", ErrorCode::bad_request, "cfg scale"},
      {"ComfyUI execution error: Allocation on device", ErrorCode::load_failed, "oom"},
      {"Something went wrong while generating images.", ErrorCode::internal, "engine_error"},
  };
  for (const Row& row : rows) {
    const Error error = error_of("", row.words);
    EXPECT_EQ(error.code, row.code) << row.words;
    EXPECT_EQ(error.param, row.param) << row.words;
  }
  EXPECT_EQ(error_of("invalid_session_id", "x").param, "session");
  EXPECT_EQ(error_of("bad_permissions", "x").param, "refused");
}

TEST(SwarmAnswers, NoErrorQuotesAPrompt) {
  const Error error = error_of("", R"(ComfyUI errored: {"prompt":"a dragon called Mia"})");
  EXPECT_EQ((error.detail + error.param).find("Mia"), std::string::npos);
}

TEST(SwarmAnswers, WhatIsNoJsonIsABrokenEngine) {
  EXPECT_EQ(error_in(400, "bad content length")->code, ErrorCode::backend_down);
  EXPECT_EQ(error_in(401, "Unauthorized")->param, "refused");
  EXPECT_EQ(parse_session(200, "{}").error().code, ErrorCode::backend_down);
  EXPECT_EQ(parse_models(200, "{}").error().code, ErrorCode::backend_down);
}

TEST(SwarmAnswers, ModelsAreResolvedExactly) {
  const auto models = parse_models(
      200, R"({"folders":[],"files":[{"name":"Official/sd3.5_large.safetensors","loaded":true},
                                     {"name":"Official/sd3.5_large_turbo.safetensors"},{"title":"x"}]})");
  ASSERT_TRUE(models);
  ASSERT_EQ(models->size(), 2U);
  EXPECT_TRUE(models->front().loaded);
  EXPECT_EQ(resolve(*models, "Official/sd3.5_large"), &models->front());
  EXPECT_EQ(resolve(*models, "Official\\sd3.5_large.safetensors"), &models->front());
  EXPECT_EQ(resolve(*models, "sd3.5_lar"), nullptr) << "no fuzzy match";
}

TEST(SwarmAnswers, BackendsStatusAndMemory) {
  const auto backends = parse_backends(
      200,
      R"({"0":{"type":"comfyui_selfstart","status":"running","max_usages":2,"can_load_models":true},
               "1":{"type":"comfyui_api","status":"errored"},"x":5})");
  ASSERT_TRUE(backends);
  ASSERT_EQ(backends->size(), 2U);
  EXPECT_EQ(backends->at(0).max_usages, 2U);
  EXPECT_EQ(backends->at(1).status, "errored");
  const auto status = parse_status(
      200, R"({"status":{"waiting_gens":2,"live_gens":1},"backend_status":{"status":"running"}})");
  EXPECT_EQ(status->waiting, 2U);
  EXPECT_EQ(status->backends, "running");
  EXPECT_EQ(*parse_card_use(
                200, R"({"gpus":{"0":{"used_memory":2147483648},"1":{"used_memory":1048576}}})"),
            2049);
  EXPECT_EQ(*parse_card_use(200, R"({"cpu":{}})"), std::nullopt);
}

TEST(SwarmAnswers, TheIdleCleanerIsFoundAmongTheSettings) {
  EXPECT_EQ(clears_after_minutes(
                R"({"settings":{"Backends":{"type":"group","value":{"ClearVRAMAfterMinutes":
                    {"type":"decimal","value":-1,"default_value":10}}}}})"),
            -1);
  EXPECT_EQ(clears_after_minutes(R"({"error_id":"bad_permissions"})"), std::nullopt);
  EXPECT_EQ(clears_after_minutes(R"({"settings":{"a":{"value":{}}}})"), std::nullopt);
}

TEST(SwarmMessages, OneKeyDecides) {
  const Message progress = parse_message(
      R"({"gen_progress":{"batch_index":"0","overall_percent":0.25,"preview":"data:x"}})");
  EXPECT_EQ(progress.kind, MessageKind::progress);
  EXPECT_EQ(progress.share, 0.25);
  const Message flat =
      parse_message(R"({"image":"View/a.png","batch_index":"-1","metadata":null})");
  EXPECT_EQ(flat.kind, MessageKind::image);
  EXPECT_EQ(flat.batch_index, -1);
  const Message nested = parse_message(R"({"image":{"image":"View/b.png","batch_index":1}})");
  EXPECT_EQ(nested.image, "View/b.png");
  EXPECT_EQ(nested.batch_index, 1);
  EXPECT_EQ(parse_message(R"({"discard_indices":[]})").kind, MessageKind::discard);
  EXPECT_EQ(parse_message(R"({"socket_intention":"close"})").kind, MessageKind::closing);
  EXPECT_EQ(parse_message(R"({"error":"Generation session interrupted."})").error->code,
            ErrorCode::conflict);
  for (const std::string_view text : {"", "[]", R"({"status":{}})", R"({"keep_alive":true})",
                                      R"({"image":7})", R"({"gen_progress":1})"}) {
    EXPECT_EQ(parse_message(text).kind, MessageKind::other) << text;
  }
}

TEST(SwarmMessages, DataUrlsAreDecodedWithinTheirBound) {
  EXPECT_EQ(data_url_bytes("data:image/png;base64,aGVsbG8=", 100), "hello");
  EXPECT_EQ(data_url_bytes("data:image/png;base64,aGVsbG8h", 100), "hello!");
  EXPECT_EQ(data_url_bytes("data:image/png;base64,", 100), "");
  EXPECT_EQ(data_url_bytes("data:image/png;base64,aGVsbG8h", 3), std::nullopt);
  EXPECT_EQ(data_url_bytes("data:image/png;base64,a", 100), std::nullopt);
  EXPECT_EQ(data_url_bytes("data:image/png;base64,a*==", 100), std::nullopt);
  EXPECT_EQ(data_url_bytes("data:text/plain,hi", 100), std::nullopt);
  EXPECT_EQ(data_url_bytes("View/a.png", 100), std::nullopt);
}

}  // namespace
}  // namespace stoker::protocol::swarmui
