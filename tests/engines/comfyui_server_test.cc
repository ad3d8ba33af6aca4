// Prompts of the played ComfyUI from submission to history: the numbered vectors of its reference.
#include "tests/engines/comfyui_server.h"

#include "domain/media_format.h"
#include "tests/engines/comfyui_server/test_bench.h"

namespace stoker::engines::comfyui {
namespace {

std::string error_type(const Reply& reply) {
  return json::value_to<std::string>(reply.json().at("error").at("type"));
}

TEST_F(ComfyUi, AcceptsAPrompt) {
  const Reply reply = submit(picture_prompt(), {{"client_id", "c1"}, {"prompt_id", uuid(1)}});
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, R"({"prompt_id":")" + uuid(1) + R"(","number":0,"node_errors":{}})");
}

TEST_F(ComfyUi, APromptIsInQueueOrHistoryAtEveryInstant) {
  server().hold(Gate::node);
  const std::string id = queue(picture_prompt(), 1);
  ASSERT_TRUE(server().wait_at(Gate::node));
  EXPECT_EQ(client().get("/history/" + id).body, "{}");
  EXPECT_EQ(queue_now().at("queue_running").at(0).at(1), json::value(id));
  server().hold(Gate::result);
  server().release(Gate::node);
  ASSERT_TRUE(server().wait_at(Gate::result));
  EXPECT_EQ(history(id), json::object());
  EXPECT_EQ(queue_now().at("queue_running").as_array().size(), 1u);
  server().release(Gate::result);
  ASSERT_TRUE(server().wait_for_end());
  EXPECT_TRUE(history(id).contains(id));
  EXPECT_EQ(queue_now().at("queue_running").as_array().size(), 0u);
}

TEST_F(ComfyUi, AFinishedPromptHasItsPicture) {
  const std::string id = queue(picture_prompt(), 1);
  ASSERT_TRUE(server().wait_for_end());
  const json::object entry_now = entry(id);
  EXPECT_EQ(entry_now.at("status").at("status_str"), json::value("success"));
  EXPECT_EQ(entry_now.at("status").at("completed"), json::value(true));
  const json::object expected{{"filename", "t_00001_.png"}, {"subfolder", ""}, {"type", "output"}};
  EXPECT_EQ(entry_now.at("outputs").at("2").at("images").at(0), expected);
  EXPECT_EQ(entry_now.at("meta").at("2").at("node_id"), json::value("2"));
  EXPECT_EQ(entry_now.at("prompt").as_array().size(), 5u);
  const Reply file = client().get("/view?filename=t_00001_.png&type=output");
  EXPECT_EQ(file.status, 200);
  EXPECT_EQ(file.content_type(), "image/png");
  EXPECT_EQ(sniff_format(file.body), MediaFormat::png);
}

TEST_F(ComfyUi, TheSamePromptAgainComesFromTheCache) {
  queue(picture_prompt(), 1);
  ASSERT_TRUE(server().wait_for_end());
  TestSocket events = socket("c1");
  const std::string id = queue(picture_prompt(), 2);
  EXPECT_EQ(events.next_of("execution_cached").at("nodes"), (json::array{"1", "2"}));
  const json::object executed = events.next_of("executed");
  EXPECT_EQ(executed.at("node"), json::value("2"));
  EXPECT_EQ(executed.at("output").at("images").at(0).at("filename"), json::value("t_00001_.png"));
  ASSERT_TRUE(server().wait_for_end(2));
  EXPECT_EQ(server().output_files(), std::vector<std::string>{"t_00001_.png"});
  EXPECT_EQ(entry(id).at("outputs").at("2").at("images").at(0).at("filename"),
            json::value("t_00001_.png"));
}

TEST_F(ComfyUi, RefusesARequestWithoutPrompt) {
  const Reply reply = client().post("/prompt", "{}");
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(error_type(reply), "no_prompt");
  EXPECT_EQ(reply.json().at("node_errors"), json::object());
}

TEST_F(ComfyUi, RefusesAPromptWithoutOutputs) {
  json::value prompt = picture_prompt();
  prompt.as_object().erase("2");
  const Reply reply = submit(prompt);
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(error_type(reply), "prompt_no_outputs");
}

TEST_F(ComfyUi, RefusesAnUnknownClassEvenUnreached) {
  json::value prompt = picture_prompt();
  prompt.as_object()["3"] = {{"class_type", "Nope"}, {"inputs", json::object()}};
  EXPECT_EQ(error_type(submit(prompt)), "missing_node_type");
  restart({.era = ComfyUiEra::established});
  const Reply reply = submit(prompt);
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(error_type(reply), "invalid_prompt");
}

TEST_F(ComfyUi, RefusesAValueBelowItsMinimum) {
  json::value prompt = picture_prompt();
  prompt.at("1").at("inputs").as_object()["width"] = 0;
  const Reply reply = submit(prompt);
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(error_type(reply), "prompt_outputs_failed_validation");
  const json::value why = reply.json().at("node_errors").at("1");
  EXPECT_EQ(why.at("errors").at(0).at("type"), json::value("value_smaller_than_min"));
  EXPECT_EQ(why.at("dependent_outputs"), json::array{"2"});
  EXPECT_EQ(why.at("class_type"), json::value("EmptyImage"));
}

TEST_F(ComfyUi, OnlyNewVersionsInsistOnUuids) {
  const Reply refused = submit(picture_prompt(), {{"prompt_id", "ABC"}});
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(error_type(refused), "invalid_prompt_id");
  const Reply minted = submit(picture_prompt(), {{"prompt_id", nullptr}});
  EXPECT_EQ(minted.json().at("prompt_id").as_string().size(), 36u);
  restart({.era = ComfyUiEra::established});
  EXPECT_EQ(submit(picture_prompt(), {{"prompt_id", "ABC"}}).json().at("prompt_id"),
            json::value("ABC"));
  EXPECT_EQ(submit(picture_prompt(), {{"prompt_id", nullptr}}).json().at("prompt_id"),
            json::value("None"));
}

TEST_F(ComfyUi, APromptInFrontRunsBeforeTheOthers) {
  server().hold(Gate::node);
  const std::string running = queue(picture_prompt(), 1);
  ASSERT_TRUE(server().wait_at(Gate::node));
  const std::string second = queue(picture_prompt(), 2);
  const std::string third = queue(picture_prompt(), 3);
  const Reply front =
      submit(picture_prompt(), {{"prompt_id", uuid(4)}, {"client_id", "c1"}, {"front", true}});
  EXPECT_EQ(front.json().at("number"), json::value(-3));
  EXPECT_EQ(queue_now().at("queue_pending").at(0).at(1), json::value(uuid(4)));
  EXPECT_EQ(server().pending(), (std::vector{uuid(4), second, third}));
  server().release(Gate::node);
  ASSERT_TRUE(server().wait_for_end(4));
  std::vector<std::string> order;
  for (const auto& [id, ended] : client().get("/history").json().as_object())
    order.emplace_back(id);
  EXPECT_EQ(order, (std::vector{running, uuid(4), second, third}));
}

TEST_F(ComfyUi, ADeletedPromptNeverRuns) {
  server().hold(Gate::node);
  queue(picture_prompt(), 1);
  ASSERT_TRUE(server().wait_at(Gate::node));
  TestSocket other = socket("someone");
  other.next_of("status");
  const std::string deleted = queue(picture_prompt(), 2);
  other.next_of("status");
  const Reply reply = client().post("/queue", R"({"delete":[")" + deleted + R"(","unknown"]})");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "");
  EXPECT_EQ(other.next_of("status").at("status").at("exec_info").at("queue_remaining"),
            json::value(1));
  EXPECT_EQ(queue_now().at("queue_pending").as_array().size(), 0u);
  server().release(Gate::node);
  ASSERT_TRUE(server().wait_for_end());
  EXPECT_EQ(history(deleted), json::object());
  EXPECT_EQ(server().counts().started, 1u);
}

TEST_F(ComfyUi, AnInterruptEndsTheRunningPrompt) {
  restart(with_models());
  TestSocket events = socket("c1");
  server().hold(Gate::step);
  const std::string id = queue(TextToImage().prompt(), 1);
  ASSERT_TRUE(server().wait_at(Gate::step));
  const Reply reply = client().post("/interrupt", R"({"prompt_id":")" + id + R"("})");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "");
  const json::object interrupted = events.next_of("execution_interrupted");
  EXPECT_EQ(interrupted.at("node_id"), json::value("3"));
  EXPECT_EQ(interrupted.at("node_type"), json::value("KSampler"));
  events.types_to_end();
  const json::object ended = entry(id);
  EXPECT_EQ(ended.at("status").at("status_str"), json::value("error"));
  EXPECT_EQ(ended.at("status").at("completed"), json::value(false));
  std::vector<std::string> messages;
  for (const json::value& message : ended.at("status").at("messages").as_array())
    messages.emplace_back(message.at(0).as_string());
  EXPECT_EQ(messages, (std::vector<std::string>{"execution_start", "execution_cached",
                                                "execution_interrupted"}));
}

TEST_F(ComfyUi, AnInterruptOfAnotherPromptChangesNothing) {
  restart(with_models());
  server().hold(Gate::step);
  const std::string id = queue(TextToImage().prompt(), 1);
  ASSERT_TRUE(server().wait_at(Gate::step));
  EXPECT_EQ(client().post("/interrupt", R"({"prompt_id":"other"})").status, 200);
  server().release(Gate::step);
  ASSERT_TRUE(server().wait_for_end());
  EXPECT_EQ(entry(id).at("status").at("status_str"), json::value("success"));
  EXPECT_EQ(server().counts().interrupts, 1u);
}

TEST_F(ComfyUi, OldVersionsInterruptWhateverRuns) {
  restart({.era = ComfyUiEra::established, .interrupts_by_id = false});
  server().hold(Gate::node);
  const std::string id = queue(picture_prompt(), 1);
  ASSERT_TRUE(server().wait_at(Gate::node));
  EXPECT_EQ(client().post("/interrupt", R"({"prompt_id":"other"})").status, 200);
  ASSERT_TRUE(server().wait_for_end());
  EXPECT_EQ(entry(id).at("status").at("status_str"), json::value("error"));
}

TEST_F(ComfyUi, FreeForgetsTheCache) {
  queue(picture_prompt(), 1);
  ASSERT_TRUE(server().wait_for_end());
  const Reply reply = client().post("/free", R"({"free_memory":true})");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "");
  ASSERT_TRUE(server().wait_until([&] { return server().counts().freed == 1; }));
  TestSocket events = socket("c1");
  queue(picture_prompt(), 2);
  EXPECT_EQ(events.next_of("execution_cached").at("nodes"), json::array());
  EXPECT_EQ(client().post("/free", "").status, 500);
}

}  // namespace
}  // namespace stoker::engines::comfyui
