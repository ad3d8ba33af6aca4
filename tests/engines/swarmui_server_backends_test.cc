// Backends of the played SwarmUI: scheduling, models, memory, cleaning, the way to ComfyUI.
#include <gmock/gmock.h>

#include "tests/engines/swarmui_server.h"
#include "tests/engines/swarmui_server/test_bench.h"

namespace stoker::engines::swarmui {
namespace {

using ::testing::HasSubstr;

constexpr const char* kRed = "red.safetensors";
constexpr const char* kBlue = "blue.safetensors";

class SwarmUiBackends : public SwarmUi {
 protected:
  SwarmUiBackends() { restart(two_models()); }

  static SwarmUiOptions two_models() { return {.models = {{kRed, 8 * kGiB}, {kBlue, 12 * kGiB}}}; }
  std::string failure(const json::object& more) {
    const json::value reply = generate(more);
    const json::value* error = reply.as_object().if_contains("error");
    return error == nullptr ? "" : json::value_to<std::string>(*error);
  }
  json::value backend_row(bool full) { return ask("ListBackends", {{"full_data", full}}).at("0"); }
  std::uint64_t used_memory() {
    return ask("GetServerResourceInfo")
        .at("gpus")
        .at("0")
        .at("used_memory")
        .to_number<std::uint64_t>();
  }
  std::string backend_status() {
    return json::value_to<std::string>(ask("GetCurrentStatus").at("backend_status").at("status"));
  }
};

TEST_F(SwarmUiBackends, TheCurrentModelShowsOnlyWithFullDataAndSurvivesAFree) {
  EXPECT_EQ(failure({{"model", "red"}}), "");
  EXPECT_FALSE(backend_row(false).as_object().contains("current_model"));
  EXPECT_EQ(backend_row(true).at("current_model"), json::value(kRed));
  EXPECT_EQ(used_memory(), 8 * kGiB);
  EXPECT_EQ(ask("FreeBackendMemory", {{"system_ram", true}}),
            (json::object{{"result", true}, {"count", 1}}));
  EXPECT_EQ(backend_row(true).at("current_model"), json::value(kRed));
  EXPECT_EQ(used_memory(), 0u);
  EXPECT_EQ(failure({{"model", "red"}}), "");
  EXPECT_EQ(server().counts().loads_of(kRed), 2u) << "a hidden reload";
}

TEST_F(SwarmUiBackends, FreeingAnUnknownBackendFreesNone) {
  EXPECT_EQ(ask("FreeBackendMemory", {{"backend", "7"}}),
            (json::object{{"result", false}, {"count", 0}}));
}

TEST_F(SwarmUiBackends, FreeingMayFreeNothing) {
  EXPECT_EQ(failure({{"model", "red"}}), "");
  server().set_fault({.kind = FaultKind::unload_keeps_memory});
  ask("FreeBackendMemory");
  EXPECT_EQ(used_memory(), 8 * kGiB);
}

TEST_F(SwarmUiBackends, ResourcesAreTold) {
  server().set_other_use(kGiB);
  const json::object info = ask("GetServerResourceInfo").as_object();
  const json::value card = info.at("gpus").at("0");
  EXPECT_EQ(card.at("total_memory"), json::value(24 * kGiB));
  EXPECT_EQ(card.at("free_memory").to_number<std::uint64_t>() +
                card.at("used_memory").to_number<std::uint64_t>(),
            24 * kGiB);
  EXPECT_EQ(card.at("used_memory"), json::value(kGiB));
  restart({.shows_cards = false});
  EXPECT_FALSE(ask("GetServerResourceInfo").as_object().contains("gpus"));
}

TEST_F(SwarmUiBackends, ModelsAreListedSelectedAndShownAsLoaded) {
  restart({.models = {{"a/one.safetensors"}, {"two.safetensors"}, {"l.safetensors", 1, "LoRA"}}});
  EXPECT_THAT(json::value_to<std::string>(ask("ListModels").at("error")), HasSubstr("path"));
  const json::value flat = ask("ListModels", {{"path", ""}, {"depth", 1}});
  EXPECT_EQ(flat.at("folders"), json::array{"a"});
  EXPECT_EQ(flat.at("files").as_array().size(), 1u);
  EXPECT_EQ(ask("ListModels", {{"path", ""}, {"depth", 3}}).at("files").as_array().size(), 2u);
  EXPECT_EQ(ask("ListModels", {{"path", ""}, {"depth", 1}, {"subtype", "LoRA"}})
                .at("files")
                .as_array()
                .size(),
            1u);
  EXPECT_EQ(ask("SelectModel", {{"model", "a/one"}}), (json::object{{"success", true}}));
  const json::value loaded = ask("ListLoadedModels").at("models");
  EXPECT_EQ(loaded.at(0).at("name"), json::value("a/one.safetensors"));
  EXPECT_EQ(ask("DescribeModel", {{"modelName", "a/one"}}).at("model").at("loaded"),
            json::value(true));
  EXPECT_EQ(ask("DescribeModel", {{"modelName", "gone"}}).at("error"),
            json::value("Model not found."));
}

TEST_F(SwarmUiBackends, SelectingShowsAsLoadingAndMayFail) {
  server().hold(Gate::load);
  auto selected = begin("SelectModel", {{"session_id", session()}, {"model", "red"}});
  ASSERT_TRUE(server().wait_at(Gate::load));
  EXPECT_EQ(status().at("loading_models"), json::value(1));
  server().release(Gate::load);
  EXPECT_EQ(net::testing::finish(std::move(selected)).body, R"({"success":true})");
  EXPECT_EQ(status().at("loading_models"), json::value(0));
  server().set_fault({.kind = FaultKind::load_error, .times = 1});
  EXPECT_EQ(ask("SelectModel", {{"model", "blue"}}),
            (json::object{{"error", "Model failed to load."}}));
  EXPECT_EQ(server().current_model(), kRed);
}

TEST_F(SwarmUiBackends, SelectingOverASocketEndsWithAStatus) {
  TestSocket line = socket("SelectModelWS", {{"session_id", session()}, {"model", "red"}});
  std::vector<std::string> keys;
  while (true) {
    const std::string text = line.next_text();
    if (text.empty()) break;
    const json::object message = Reply::parse(text).as_object();
    keys.emplace_back(message.begin()->key());
  }
  EXPECT_EQ(keys.front(), "status");
  EXPECT_THAT(keys, ::testing::Contains("success"));
  EXPECT_EQ(keys.back(), "status");
}

TEST_F(SwarmUiBackends, ALoadQueuesBehindTheRunningImage) {
  EXPECT_EQ(failure({{"model", "red"}}), "");
  server().hold(Gate::step);
  auto red = begin("GenerateText2Image", picture({{"model", "red"}}));
  ASSERT_TRUE(server().wait_at(Gate::step));
  auto blue = begin("GenerateText2Image", picture({{"model", "blue"}}));
  ASSERT_TRUE(server().wait_until([&] { return server().waiting_images() == 2; }));
  EXPECT_EQ(server().counts().loads_of(kBlue), 0u);
  EXPECT_EQ(status().at("loading_models"), json::value(1));
  server().release(Gate::step);
  EXPECT_TRUE(net::testing::finish(std::move(red)).json().as_object().contains("images"));
  EXPECT_TRUE(net::testing::finish(std::move(blue)).json().as_object().contains("images"));
  EXPECT_EQ(server().counts().loads_of(kBlue), 1u);
  EXPECT_EQ(server().resident_model(), kBlue);
}

TEST_F(SwarmUiBackends, TwoBackendsKeepTwoModels) {
  SwarmUiOptions options = two_models();
  options.backends = 2;
  restart(options);
  for (const char* model : {"red", "blue", "red", "blue"})
    EXPECT_EQ(failure({{"model", model}}), "");
  EXPECT_EQ(server().counts().loads_of(kRed), 1u);
  EXPECT_EQ(server().counts().loads_of(kBlue), 1u);
  EXPECT_NE(server().current_model(0), server().current_model(1));
}

TEST_F(SwarmUiBackends, FailuresComeAsTexts) {
  server().set_fault({.kind = FaultKind::load_error, .text = "bad header", .times = 1});
  EXPECT_EQ(failure({{"model", "red"}}),
            "All available backends failed to load the model 'red.safetensors'. Possible reason: "
            "bad header");
  server().set_fault({.kind = FaultKind::out_of_memory, .times = 1});
  EXPECT_THAT(failure({{"model", "red"}}), HasSubstr("ComfyUI execution error"));
  server().set_fault({.kind = FaultKind::error_in_stream, .times = 1});
  EXPECT_EQ(failure({{"model", "red"}}), "Something went wrong while generating images.");
  EXPECT_THAT(failure({{"model", "red"}, {"exactbackendid", 5}}),
              HasSubstr("No backends match the settings of the request given!"));
  server().set_backend_status(0, SwarmBackendStatus::disabled);
  EXPECT_EQ(failure({{"model", "red"}}), "No backends available!");
  EXPECT_EQ(server().counts().failed, 5u);
}

TEST_F(SwarmUiBackends, TheStatusNamesWhatBackendsDo) {
  const auto with = [&](SwarmBackendStatus status) {
    server().set_backend_status(0, status);
    return backend_status();
  };
  using enum SwarmBackendStatus;
  EXPECT_EQ(with(running), "running");
  EXPECT_EQ(with(disabled), "all_disabled");
  EXPECT_EQ(with(errored), "errored");
  EXPECT_EQ(with(loading), "loading");
  EXPECT_EQ(with(waiting), "loading");
  EXPECT_EQ(with(idle), "idle");
  restart({.backends = 0});
  EXPECT_EQ(backend_status(), "empty");
  restart({.backends = 2});
  EXPECT_EQ(with(loading), "some_loading");
}

TEST_F(SwarmUiBackends, ImagesWaitForABackendThatIsStarting) {
  server().set_backend_status(0, SwarmBackendStatus::loading);
  auto reply = begin("GenerateText2Image", picture({{"model", "red"}}));
  ASSERT_TRUE(server().wait_until([&] { return server().waiting_images() == 1; }));
  server().set_backend_status(0, SwarmBackendStatus::running);
  EXPECT_TRUE(net::testing::finish(std::move(reply)).json().as_object().contains("images"));
}

TEST_F(SwarmUiBackends, WaitingEndsAfterTwoHours) {
  server().set_backend_status(0, SwarmBackendStatus::loading);
  auto reply = begin("GenerateText2Image", picture({{"model", "red"}}));
  ASSERT_TRUE(server().wait_until([&] { return server().waiting_images() == 1; }));
  server().advance(minutes(119));
  EXPECT_EQ(server().waiting_images(), 1u);
  server().advance(minutes(1));
  EXPECT_EQ(net::testing::finish(std::move(reply)).json(),
            (json::object{{"error", "No backend has responded in 120 minutes."}}));
}

TEST_F(SwarmUiBackends, IdleCardsAreCleanedOncePerIdlePeriod) {
  EXPECT_EQ(failure({{"model", "red"}}), "");
  server().advance(minutes(9));
  EXPECT_EQ(server().resident_model(), kRed);
  server().advance(minutes(1));
  EXPECT_EQ(server().resident_model(), "");
  EXPECT_EQ(server().current_model(), kRed);
  server().advance(minutes(40));
  EXPECT_EQ(server().counts().cleanings, 1u);
  server().advance(minutes(10));
  EXPECT_EQ(server().counts().cleanings, 2u);
  EXPECT_EQ(failure({{"model", "red"}}), "");
  server().advance(minutes(10));
  EXPECT_EQ(server().counts().cleanings, 3u);
  restart({.models = {{"m.safetensors"}},
           .clear_vram_after_minutes = -1,
           .clear_system_ram_after_minutes = -1});
  server().advance(minutes(1000));
  EXPECT_EQ(server().counts().cleanings, 0u);
}

TEST_F(SwarmUiBackends, ARestartForgetsWhatIsLoadedButNotTheSessions) {
  EXPECT_EQ(failure({{"model", "red"}}), "");
  server().hold(Gate::step);
  auto lost = begin("GenerateText2Image", picture({{"model", "red"}}));
  ASSERT_TRUE(server().wait_at(Gate::step));
  server().restart();
  EXPECT_FALSE(net::testing::finish(std::move(lost)).whole);
  server().release(Gate::step);
  EXPECT_EQ(server().current_model(), "");
  EXPECT_EQ(status().at("waiting_gens"), json::value(0));
  EXPECT_EQ(failure({{"model", "red"}}), "");
}

TEST_F(SwarmUiBackends, TheWorkflowOfAJobIsTold) {
  const json::value reply = call("ComfyGetGeneratedWorkflow", picture({{"model", "red"}})).json();
  const json::value workflow = Reply::parse(json::value_to<std::string>(reply.at("workflow")));
  EXPECT_EQ(workflow.at("4").at("inputs").at("ckpt_name"), json::value(kRed));
}

class SwarmUiPassthrough : public SwarmUi {
 protected:
  SwarmUiPassthrough() { restart({.models = {{"m.safetensors"}}, .comfy = &comfy_}); }
  ~SwarmUiPassthrough() override { restart({}); }
  ComfyUiServer& comfy() { return comfy_; }
  static json::value prompt() { return Reply::parse(comfyui::kPicturePrompt); }

 private:
  net::Network comfy_network_;
  ComfyUiServer comfy_{comfy_network_};
};

TEST_F(SwarmUiPassthrough, PromptsReachComfyUiWithoutASession) {
  const std::string id = comfyui::uuid(1);
  const json::object request{{"prompt", prompt()}, {"client_id", "x"}, {"prompt_id", id}};
  comfy().hold(Gate::node);
  const Reply reply =
      client().ask("POST", "/ComfyBackendDirect/prompt", json::serialize(request), json_headers());
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.json().at("prompt_id"), json::value(id));
  EXPECT_EQ(client().get("/ComfyBackendDirect/history/" + id).body, "{}");
  comfy().release(Gate::node);
  ASSERT_TRUE(comfy().wait_for_end());
  EXPECT_TRUE(client().get("/ComfyBackendDirect/history/" + id).json().as_object().contains(id));
  const Reply file = client().get("/ComfyBackendDirect/view?filename=t_00001_.png&type=output");
  EXPECT_EQ(file.content_type(), "image/png");
  EXPECT_FALSE(file.headers.find("ETag"));
  EXPECT_EQ(status().at("waiting_gens"), json::value(0));
}

TEST_F(SwarmUiPassthrough, FramesAreWrittenAnewButPicturesAreNot) {
  TestSocket line(network(), server().url(), "/ComfyBackendDirect/ws?clientId=x");
  const std::string greeting = line.next_text();
  EXPECT_THAT(greeting, ::testing::StartsWith("{\n  \"type\": \"status\""));
  EXPECT_NE(Reply::parse(greeting).at("data").at("sid"), json::value("x"));
  comfy().send_binary_frame("x", std::string("\0\0\0\1abc", 7));
  EXPECT_EQ(line.next().bytes, std::string("\0\0\0\1abc", 7));
}

TEST_F(SwarmUiPassthrough, AnInterruptNeedsABody) {
  EXPECT_EQ(client().post("/ComfyBackendDirect/interrupt", "").status, 500);
  EXPECT_EQ(client().post("/ComfyBackendDirect/interrupt", R"({"prompt_id":"x"})").status, 200);
}

TEST_F(SwarmUiPassthrough, CleaningReachesComfyUi) {
  ask("FreeBackendMemory", {{"system_ram", false}});
  EXPECT_EQ(comfy().requests().last("POST", "/free")->body,
            R"({"unload_models":true,"free_memory":false})");
  comfy().requests().clear();
  server().advance(minutes(60));
  EXPECT_TRUE(comfy().requests().wait_for("POST", "/free", 2));
}

TEST_F(SwarmUiPassthrough, WithoutComfyUiThereIsAnHtmlPage) {
  server().set_backend_status(0, SwarmBackendStatus::errored);
  const Reply reply = client().get("/ComfyBackendDirect/queue");
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reply.content_type(), "text/html");
  server().deny("comfy_direct_calls");
  EXPECT_EQ(client().get("/ComfyBackendDirect/queue").status, 401);
  restart({});
  EXPECT_EQ(client().get("/ComfyBackendDirect/queue").status, 400);
}

}  // namespace
}  // namespace stoker::engines::swarmui
