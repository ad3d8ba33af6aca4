// The websockets of the played ComfyUI: order of frames, owners, previews, cuts.
#include <gmock/gmock.h>

#include "domain/media_format.h"
#include "tests/engines/comfyui_server.h"
#include "tests/engines/comfyui_server/test_bench.h"

namespace stoker::engines::comfyui {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

constexpr const char* kNegotiation =
    R"({"type":"feature_flags","data":{"supports_preview_metadata":true}})";

// Everything up to the end of a run, `progress_state` left out.
std::vector<std::string> course(TestSocket& socket) {
  std::vector<std::string> types = socket.types_to_end();
  std::erase(types, "progress_state");
  return types;
}

class ComfyUiSockets : public ComfyUi {
 protected:
  ComfyUiSockets() { restart(with_models()); }
  // The next binary frame.
  static std::string preview(TestSocket& socket) {
    while (true) {
      net::WebSocketMessage message = socket.next();
      if (message.binary || message.bytes.empty()) return message.bytes;
    }
  }
  static ComfyUiOptions with_previews() {
    ComfyUiOptions options = with_models();
    options.arguments = {"--preview-method", "auto"};
    return options;
  }
};

TEST_F(ComfyUiSockets, GreetsWithTheStatusAndTheId) {
  TestSocket named = socket("c1");
  EXPECT_EQ(
      named.next_text(),
      R"({"type":"status","data":{"status":{"exec_info":{"queue_remaining":0}},"sid":"c1"}})");
  TestSocket unnamed(network(), server().url(), "/api/ws");
  EXPECT_EQ(unnamed.next_json().at("data").at("sid").as_string().size(), 32u);
}

TEST_F(ComfyUiSockets, TheFirstFrameMayNegotiate) {
  TestSocket events = socket("c1");
  events.next_of("status");
  events.say(kNegotiation);
  EXPECT_EQ(events.next_of("feature_flags"), client().get("/features").json().as_object());
  TestSocket late = socket("c2");
  late.next_of("status");
  late.say("not json");
  late.say(kNegotiation);
  server().send_frame("c2", R"({"type":"end","data":{}})");
  EXPECT_EQ(late.next_json().at("type"), json::value("end"));
}

TEST_F(ComfyUiSockets, FramesComeInTheOrderOfARun) {
  TestSocket events = socket("c1");
  events.next_of("status");
  queue(TextToImage{.steps = 2}.prompt(), 1);
  EXPECT_THAT(course(events),
              ElementsAre("status", "status", "execution_start", "execution_cached", "executing",
                          "executing", "executing", "executing", "executing", "progress",
                          "progress", "executing", "executing", "executed", "execution_success",
                          "status", "executing"));
}

TEST_F(ComfyUiSockets, SuccessIsSaidBeforeTheHistoryExists) {
  TestSocket events = socket("c1");
  server().hold(Gate::result);
  const std::string id = queue(picture_prompt(), 1);
  EXPECT_EQ(events.next_of("execution_success").at("prompt_id"), json::value(id));
  EXPECT_EQ(history(id), json::object());
  server().release(Gate::result);
  while (!events.next_of("executing").at("node").is_null()) {
  }
  EXPECT_TRUE(history(id).contains(id));
}

TEST_F(ComfyUiSockets, QueueCountsIncludeTheRunningPrompt) {
  TestSocket events = socket("watcher");
  const auto remaining = [&] {
    return events.next_of("status").at("status").at("exec_info").at("queue_remaining");
  };
  EXPECT_EQ(remaining(), json::value(0));
  server().hold(Gate::node);
  queue(picture_prompt(), 1);
  EXPECT_EQ(remaining(), json::value(1));
  EXPECT_EQ(remaining(), json::value(1)) << "taken from the queue, but running";
  queue(picture_prompt(), 2);
  EXPECT_EQ(remaining(), json::value(2));
  server().release(Gate::node);
  EXPECT_EQ(remaining(), json::value(1));
  EXPECT_EQ(client().get("/prompt").json().at("exec_info").at("queue_remaining").kind(),
            json::kind::int64);
}

TEST_F(ComfyUiSockets, OthersSeeOnlyTheStatus) {
  TestSocket other = socket("other");
  queue(picture_prompt(), 1);
  ASSERT_TRUE(server().wait_for_end());
  server().send_frame("other", R"({"type":"executing","data":{"node":null}})");
  EXPECT_THAT(other.types_to_end(),
              ElementsAre("status", "status", "status", "status", "executing"));
}

TEST_F(ComfyUiSockets, APromptWithoutOwnerShowsItsProgressToAll) {
  TestSocket other = socket("other");
  other.next_of("status");
  EXPECT_EQ(submit(TextToImage{.steps = 1}.prompt()).status, 200);
  ASSERT_TRUE(server().wait_for_end());
  server().send_frame("other", R"({"type":"executing","data":{"node":null}})");
  const std::vector<std::string> types = other.types_to_end();
  EXPECT_THAT(types, Contains("progress"));
  EXPECT_THAT(types, Contains("progress_state"));
  EXPECT_THAT(types, Not(Contains("execution_start")));
  EXPECT_THAT(types, Not(Contains("executed")));
}

TEST_F(ComfyUiSockets, AnErrorNamesTheNodeAndTheRunEndsAsUsual) {
  TestSocket events = socket("c1");
  server().fail_node("VAEDecode", "shapes do not fit");
  queue(TextToImage().prompt(), 1);
  const json::object error = events.next_of("execution_error");
  EXPECT_EQ(error.at("node_id"), json::value("8"));
  EXPECT_EQ(error.at("node_type"), json::value("VAEDecode"));
  EXPECT_EQ(error.at("exception_message"), json::value("shapes do not fit"));
  EXPECT_EQ(error.at("executed").as_array().size(), 5u);
  EXPECT_THAT(course(events), ElementsAre("status", "executing"));
  EXPECT_EQ(server().counts().failed, 1u);
}

TEST_F(ComfyUiSockets, WhoComesLateHearsTheRunningNodeWithoutItsPrompt) {
  server().hold(Gate::step);
  queue(TextToImage().prompt(), 1);
  ASSERT_TRUE(server().wait_at(Gate::step));
  TestSocket events = socket("c1");
  events.next_of("status");
  EXPECT_EQ(events.next_of("executing"), (json::object{{"node", "3"}}));
}

TEST_F(ComfyUiSockets, StepsAreLetThroughOneByOne) {
  TestSocket events = socket("c1");
  server().hold(Gate::step);
  queue(TextToImage{.steps = 3}.prompt(), 1);
  for (int step = 1; step <= 2; ++step) {
    server().step(Gate::step);
    const json::object progress = events.next_of("progress");
    EXPECT_EQ(progress.at("value"), json::value(step));
    EXPECT_EQ(progress.at("max"), json::value(3));
    EXPECT_EQ(progress.at("node"), json::value("3"));
  }
  EXPECT_TRUE(server().wait_at(Gate::step));
}

TEST_F(ComfyUiSockets, PreviewsAreOffUnlessAskedFor) {
  TestSocket events = socket("c1");
  queue(TextToImage().prompt(), 1);
  EXPECT_THAT(events.types_to_end(), Not(Contains("binary")));
  queue(TextToImage{.seed = 2}.prompt(), 2, {{"extra_data", {{"preview_method", "auto"}}}});
  EXPECT_THAT(events.types_to_end(), Contains("binary"));
}

TEST_F(ComfyUiSockets, APlainPreviewIsEventOne) {
  restart(with_previews());
  TestSocket events = socket("c1");
  queue(TextToImage().prompt(), 1);
  const std::string frame = preview(events);
  EXPECT_EQ(frame.substr(0, 8), std::string("\0\0\0\1\0\0\0\1", 8));
  EXPECT_EQ(sniff_format(frame.substr(8)), MediaFormat::jpeg);
}

TEST_F(ComfyUiSockets, ANegotiatedPreviewIsEventFourWithMetadata) {
  restart(with_previews());
  TestSocket events = socket("c1");
  events.say(kNegotiation);
  events.next_of("feature_flags");
  const std::string id = queue(TextToImage().prompt(), 1);
  const std::string frame = preview(events);
  ASSERT_EQ(frame.substr(0, 4), std::string("\0\0\0\4", 4));
  const auto length = static_cast<std::size_t>(static_cast<unsigned char>(frame[6]) * 256U +
                                               static_cast<unsigned char>(frame[7]));
  const json::value metadata = Reply::parse(frame.substr(8, length));
  EXPECT_EQ(metadata.at("node_id"), json::value("3"));
  EXPECT_EQ(metadata.at("prompt_id"), json::value(id));
  EXPECT_EQ(metadata.at("image_type"), json::value("image/jpeg"));
  EXPECT_EQ(sniff_format(frame.substr(8 + length)), MediaFormat::jpeg);
}

TEST_F(ComfyUiSockets, ALostSocketDoesNotEndTheRunAndMissesFrames) {
  server().hold(Gate::step);
  const std::string id = queue(TextToImage{.steps = 2}.prompt(), 1);
  TestSocket events = socket("c1");
  ASSERT_TRUE(server().wait_at(Gate::step));
  server().cut_sockets();
  EXPECT_THAT(events.types_to_end(), Not(Contains("progress")));
  server().step(Gate::step);
  ASSERT_TRUE(server().wait_at(Gate::step));
  TestSocket again = socket("c1");
  again.next_of("status");
  server().step(Gate::step);
  EXPECT_EQ(again.next_of("progress").at("value"), json::value(2));
  ASSERT_TRUE(server().wait_for_end());
  EXPECT_TRUE(history(id).contains(id));
}

TEST_F(ComfyUiSockets, AnOldSocketThatEndsUnregistersTheNewOne) {
  TestSocket old_socket = socket("c1");
  TestSocket new_socket = socket("c1");
  EXPECT_EQ(new_socket.next_of("status").at("sid"), json::value("c1"));
  EXPECT_EQ(server().socket_count(), 1u);
  old_socket.leave();
  ASSERT_TRUE(server().wait_until([this] { return server().socket_count() == 0; }));
}

TEST_F(ComfyUiSockets, TheSocketOfARunCanBreakAfterSoManyFrames) {
  server().set_fault({.kind = FaultKind::cut_stream, .after = 3, .times = 1});
  TestSocket events = socket("c1");
  events.next_of("status");
  queue(picture_prompt(), 1);
  const std::vector<std::string> types = events.types_to_end();
  EXPECT_THAT(types, ElementsAre("status", "status", "execution_start", "execution_cached",
                                 "progress_state"))
      << "the status is no frame of the run";
  EXPECT_TRUE(server().wait_for_end());
}

TEST_F(ComfyUiSockets, UnknownFramesAndGarbageCanBeSent) {
  server().set_fault({.kind = FaultKind::garbage_in_stream, .text = "{garbage", .times = 1});
  TestSocket events = socket("c1");
  events.next_of("status");
  server().send_binary_frame("c1", std::string("\0\0\0\3", 4));
  EXPECT_EQ(events.next().bytes, std::string("\0\0\0\3", 4));
  queue(picture_prompt(), 1);
  events.next_of("status");
  events.next_of("status");
  EXPECT_EQ(events.next_text(), "{garbage");
}

}  // namespace
}  // namespace stoker::engines::comfyui
