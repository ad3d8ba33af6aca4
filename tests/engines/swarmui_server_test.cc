// Calls of the played SwarmUI: the numbered vectors of its reference.
#include "tests/engines/swarmui_server.h"

#include <gmock/gmock.h>

#include "domain/media_format.h"
#include "tests/engines/swarmui_server/test_bench.h"

namespace stoker::engines::swarmui {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string error_of(const json::value& reply) {
  const json::value* error = reply.as_object().if_contains("error");
  return error == nullptr ? "" : json::value_to<std::string>(*error);
}

std::string id_of(const Reply& reply) {
  return json::value_to<std::string>(reply.json().at("error_id"));
}

TEST_F(SwarmUi, ASessionNamesItsUserAndTheServer) {
  const Reply reply = call("GetNewSession", {});
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.headers.find("Cache-Control"), "no-store");
  const json::object session_now = reply.json().as_object();
  EXPECT_EQ(session_now.at("session_id").as_string().size(), 40u);
  EXPECT_EQ(session_now.at("user_id"), json::value("local"));
  for (const char* key : {"version", "server_id", "permissions"})
    EXPECT_TRUE(session_now.contains(key)) << key;
}

TEST_F(SwarmUi, ACallWithoutSessionIsRefused) {
  const Reply reply = call("GetCurrentStatus", {});
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reply.json(),
            (json::object{{"error_id", "basic_api"}, {"error", "missing session id"}}));
}

TEST_F(SwarmUi, AnUnknownSessionIsUnauthorised) {
  const Reply reply = call("GetCurrentStatus", {{"session_id", "bad"}});
  EXPECT_EQ(reply.status, 401);
  EXPECT_EQ(id_of(reply), "invalid_session_id");
  EXPECT_EQ(call("GetCurrentStatus", {{"session_id", session()}}).status, 200);
  server().expire_sessions();
  EXPECT_EQ(call("GetCurrentStatus", {{"session_id", session()}}).status, 401);
}

TEST_F(SwarmUi, TheSessionMayComeInAHeader) {
  net::Headers headers = json_headers();
  headers.add("X-Session-ID", session());
  EXPECT_EQ(client().ask("POST", "/API/GetCurrentStatus", "{}", headers).status, 200);
}

TEST_F(SwarmUi, AChunkedBodyIsRefused) {
  net::testing::Socket peer = net::testing::connect_to(server().port());
  peer.send(
      "POST /API/GetNewSession HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
      "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n");
  const std::string reply = peer.receive_answer();
  EXPECT_EQ(net::testing::status_of(reply), 400);
  EXPECT_THAT(reply, HasSubstr("bad content length"));
}

TEST_F(SwarmUi, TheBodyMustBeJson) {
  EXPECT_EQ(id_of(client().post("/API/GetNewSession", "{}")), "basic_api");
  EXPECT_EQ(client().ask("POST", "/API/GetNewSession", "{broken", json_headers()).status, 400);
  EXPECT_EQ(client().get("/API/GetNewSession").status, 302);
}

TEST_F(SwarmUi, AnUnknownRouteIsRefused) {
  const Reply reply = call("Nope", {{"session_id", session()}});
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(id_of(reply), "bad_route");
  EXPECT_EQ(call("getcurrentSTATUS", {{"session_id", session()}}).status, 200);
  EXPECT_EQ(id_of(call("GenerateText2ImageWS", {{"session_id", session()}})), "bad_request_method");
}

TEST_F(SwarmUi, GeneratingNeedsTheNumberOfImages) {
  const Reply reply = call("GenerateText2Image", {{"session_id", session()}, {"prompt", "x"}});
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.json(), (json::object{{"error", "Missing required parameter 'images'"}}));
}

TEST_F(SwarmUi, AGenerationNamesAFileThatCanBeFetched) {
  const json::value reply = generate();
  ASSERT_EQ(reply.at("images").as_array().size(), 1u);
  std::string path = json::value_to<std::string>(reply.at("images").at(0));
  EXPECT_THAT(path, StartsWith("View/local/raw/"));
  EXPECT_THAT(path, HasSubstr("a cat"));
  for (std::size_t at = path.find(' '); at != std::string::npos; at = path.find(' '))
    path.replace(at, 1, "%20");
  const Reply file = client().get("/" + path);
  EXPECT_EQ(file.status, 200);
  EXPECT_EQ(file.content_type(), "image/png");
  EXPECT_EQ(sniff_format(file.body), MediaFormat::png);
  EXPECT_EQ(client().get("/View/local/raw/gone.png").status, 404);
  EXPECT_EQ(client().get("/View/other/raw/x.png").status, 400);
}

TEST_F(SwarmUi, AnUnknownModelIsAnErrorWithStatusOk) {
  const Reply reply = call("GenerateText2Image", picture({{"model", "nope"}}));
  EXPECT_EQ(reply.status, 200);
  EXPECT_THAT(error_of(reply.json()), StartsWith("Invalid value for parameter Model: "));
}

TEST_F(SwarmUi, AnUnsavedPictureIsADataUrl) {
  const json::value reply = generate({{"donotsave", true}});
  EXPECT_THAT(json::value_to<std::string>(reply.at("images").at(0)),
              StartsWith("data:image/png;base64,iVBORw0KGgo"));
}

TEST_F(SwarmUi, ParametersAreReadLooselyAndCheckedForRange) {
  EXPECT_EQ(error_of(generate({{"CFG Scale", "7.5"}, {"images", "2"}})), "");
  EXPECT_THAT(error_of(generate({{"width", 32}})), HasSubstr("Width"));
  EXPECT_THAT(error_of(generate({{"steps", 501}})), HasSubstr("Steps"));
  EXPECT_EQ(error_of(generate({{"unknown_parameter", 1}})), "");
}

TEST_F(SwarmUi, ModelNamesMatchLoosely) {
  restart({.models = {{"OfficialStableDiffusion/sd3.5_large.safetensors"},
                      {"OfficialStableDiffusion/sd3.5_large_turbo.safetensors"}}});
  for (const char* name : {"OfficialStableDiffusion/sd3.5_large.safetensors",
                           "OfficialStableDiffusion/sd3.5_large", "sd3.5_lar", "SD3.5_LARGE"}) {
    EXPECT_EQ(error_of(generate({{"model", name}})), "") << name;
    EXPECT_EQ(server().current_model(), "OfficialStableDiffusion/sd3.5_large.safetensors");
  }
  EXPECT_EQ(ask("SelectModel", {{"model", "sd3.5_lar"}}),
            (json::object{{"error", "Model not found."}}));
}

TEST_F(SwarmUi, SeedsCountUp) {
  const json::value reply = generate({{"images", 2}, {"seed", 41}});
  EXPECT_THAT(json::value_to<std::string>(reply.at("images").at(0)), HasSubstr("-41.png"));
  EXPECT_THAT(json::value_to<std::string>(reply.at("images").at(1)), HasSubstr("-42.png"));
}

TEST_F(SwarmUi, TheSocketTellsAGenerationInOrder) {
  server().hold(Gate::transfer);
  TestSocket line = socket("GenerateText2ImageWS", picture({{"steps", 2}}));
  std::vector<std::string> course;
  json::object image;
  while (course.empty() || course.back() != "socket_intention") {
    const json::object message = line.next_json();
    const std::string key(message.begin()->key());
    if (key == "image") image = message;
    if (course.empty() || course.back() != key) course.push_back(key);
  }
  EXPECT_EQ(course.front(), "status");
  EXPECT_EQ(image.at("batch_index"), json::value("0"));
  EXPECT_TRUE(image.at("image").is_string()) << "flat, not nested";
  std::erase(course, "status");
  EXPECT_THAT(course, ::testing::ElementsAre("gen_progress", "image", "keep_alive",
                                             "discard_indices", "socket_intention"));
  server().release(Gate::transfer);
  EXPECT_EQ(line.next_json().at("status").at("waiting_gens"), json::value(0));
  EXPECT_TRUE(line.cut());
}

TEST_F(SwarmUi, AnotherRequestMayFollowOnTheSameSocket) {
  server().hold(Gate::transfer);
  TestSocket line = socket("GenerateText2ImageWS", picture());
  const auto until = [&](const char* key) {
    while (true) {
      json::object message = line.next_json();
      if (message.contains(key)) return message;
    }
  };
  EXPECT_EQ(until("image").at("batch_index"), json::value("0"));
  until("socket_intention");
  line.say(json::serialize(picture()));
  EXPECT_EQ(until("image").at("batch_index"), json::value("1"));
  server().release(Gate::transfer);
  until("socket_intention");
}

TEST_F(SwarmUi, ErrorsOnASocketAreMessagesAndAGoodbye) {
  TestSocket stranger = socket("GenerateText2ImageWS", {{"session_id", "bad"}, {"images", 1}});
  EXPECT_EQ(stranger.next_json().at("error_id"), json::value("invalid_session_id"));
  EXPECT_TRUE(stranger.cut());
  TestSocket wrong = socket("GenerateText2ImageWS", {{"session_id", session()}});
  json::object message = wrong.next_json();
  if (!message.contains("error")) message = wrong.next_json();
  EXPECT_EQ(message.at("error"), json::value("Missing required parameter 'images'"));
}

TEST_F(SwarmUi, KeepAlivesComeWithTime) {
  server().hold(Gate::step);
  TestSocket line = socket("GenerateText2ImageWS", picture());
  ASSERT_TRUE(server().wait_at(Gate::step));
  server().advance(seconds(31));
  while (!line.next_json().contains("keep_alive")) {
  }
  server().release(Gate::step);
  EXPECT_TRUE(server().wait_for_images(1));
}

TEST_F(SwarmUi, ASocketCanBreakWhileTheImageIsMade) {
  server().set_fault({.kind = FaultKind::cut_stream, .after = 1, .times = 1});
  TestSocket line = socket("GenerateText2ImageWS", picture());
  EXPECT_TRUE(line.next_json().contains("status"));
  EXPECT_TRUE(line.cut());
  EXPECT_TRUE(server().wait_for_images(1));
}

TEST_F(SwarmUi, CountersFollowTheImages) {
  server().hold(Gate::step);
  auto reply = begin("GenerateText2Image", picture({{"images", 2}}));
  ASSERT_TRUE(server().wait_at(Gate::step));
  const json::value now = status();
  EXPECT_EQ(now.at("waiting_gens"), json::value(2));
  EXPECT_EQ(now.at("live_gens"), json::value(2)) << "one slot more than the card, OverQueue";
  server().release(Gate::step);
  net::testing::finish(std::move(reply));
  EXPECT_EQ(
      status(),
      (json::object{
          {"waiting_gens", 0}, {"loading_models", 0}, {"waiting_backends", 0}, {"live_gens", 0}}));
}

TEST_F(SwarmUi, ImagesQueueBehindASingleSlot) {
  restart({.uses_max = 1});
  server().hold(Gate::step);
  auto reply = begin("GenerateText2Image", picture({{"images", 2}}));
  ASSERT_TRUE(server().wait_at(Gate::step));
  EXPECT_EQ(status().at("waiting_backends"), json::value(1));
  EXPECT_EQ(status().at("live_gens"), json::value(1));
  EXPECT_EQ(ask("GetGlobalStatus").at("status").at("waiting_gens"), json::value(2));
  server().release(Gate::step);
  EXPECT_EQ(net::testing::finish(std::move(reply)).json().at("images").as_array().size(), 2u);
  EXPECT_EQ(server().counts().most_live, 1u);
}

TEST_F(SwarmUi, AnInterruptOfAQueuedImageIsNoError) {
  restart({.uses_max = 1});
  server().hold(Gate::step);
  auto running = begin("GenerateText2Image", picture({{"session_id", new_session()}}));
  ASSERT_TRUE(server().wait_at(Gate::step));
  auto queued = begin("GenerateText2Image", picture());
  ASSERT_TRUE(server().wait_until([&] { return server().waiting_images() == 2; }));
  EXPECT_EQ(ask("InterruptAll"), (json::object{{"success", true}}));
  EXPECT_EQ(net::testing::finish(std::move(queued)).body, R"({"images":[]})");
  server().release(Gate::step);
  EXPECT_EQ(net::testing::finish(std::move(running)).json().at("images").as_array().size(), 1u);
}

TEST_F(SwarmUi, AnInterruptOfARunningImageIsAnError) {
  server().hold(Gate::step);
  auto running = begin("GenerateText2Image", picture());
  ASSERT_TRUE(server().wait_at(Gate::step));
  ask("InterruptAll");
  EXPECT_EQ(error_of(net::testing::finish(std::move(running)).json()),
            "Generation session interrupted.");
  EXPECT_EQ(server().counts().interrupted, 1u);
}

TEST_F(SwarmUi, AClientThatLeavesDoesNotEndItsImages) {
  server().hold(Gate::step);
  const std::string body = json::serialize(picture());
  net::testing::Socket peer = net::testing::connect_to(server().port());
  peer.send(
      "POST /API/GenerateText2Image HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
      "Content-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body);
  ASSERT_TRUE(server().wait_at(Gate::step));
  peer.close();
  server().release(Gate::step);
  EXPECT_TRUE(server().wait_for_images(1));
}

TEST_F(SwarmUi, PermissionsAndAuthorizationAreChecked) {
  server().deny("control_mem_clean");
  const Reply reply = call("FreeBackendMemory", {{"session_id", session()}});
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(id_of(reply), "bad_permissions");
  restart({.authorization = "Bearer t"});
  EXPECT_EQ(call("GetNewSession", {}).status, 401);
  EXPECT_EQ(call("GetNewSession", {}).body, "Unauthorized");
  net::Headers headers = json_headers();
  headers.add("Authorization", "Bearer t");
  EXPECT_EQ(client().ask("POST", "/API/GetNewSession", "{}", headers).status, 200);
}

}  // namespace
}  // namespace stoker::engines::swarmui
