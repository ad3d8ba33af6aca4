// What POST /prompt of the played ComfyUI refuses, and what it lets through.
#include "tests/engines/comfyui_server.h"
#include "tests/engines/comfyui_server/test_bench.h"

namespace stoker::engines::comfyui {
namespace {

json::value error_at(const Reply& reply, std::string_view node) {
  EXPECT_EQ(reply.status, 400) << reply.body;
  return reply.json().at("node_errors").at(node).at("errors").at(0);
}

std::string type_at(const Reply& reply, std::string_view node) {
  return json::value_to<std::string>(error_at(reply, node).at("type"));
}

class ComfyUiValidation : public ComfyUi {
 protected:
  ComfyUiValidation() { restart(with_models()); }

  // The workflow with one input of one node replaced.
  static json::object changed(std::string_view node, std::string_view input,
                              const json::value& to) {
    json::object prompt = TextToImage().prompt();
    prompt[node].at("inputs").as_object()[input] = to;
    return prompt;
  }
  // …or taken away.
  static json::object without(std::string_view node, std::string_view input) {
    json::object prompt = TextToImage().prompt();
    prompt[node].at("inputs").as_object().erase(input);
    return prompt;
  }
};

TEST_F(ComfyUiValidation, AnUnknownModelFileIsNotInTheList) {
  const Reply reply = submit(changed("4", "ckpt_name", "gone.safetensors"));
  const json::value why = error_at(reply, "4");
  EXPECT_EQ(why.at("type"), json::value("value_not_in_list"));
  EXPECT_EQ(why.at("details"), json::value("ckpt_name: 'gone.safetensors' not in "
                                           "['flux2.safetensors', 'sd3.5_large.safetensors']"));
  EXPECT_EQ(why.at("extra_info").at("input_name"), json::value("ckpt_name"));
  EXPECT_EQ(reply.json().at("node_errors").at("4").at("dependent_outputs"), json::array{"9"});
}

TEST_F(ComfyUiValidation, ALongListIsOnlyCounted) {
  for (int i = 0; i < 20; ++i)
    server().add_file({"checkpoints", "more" + std::to_string(i) + ".safetensors", 1});
  const json::value why = error_at(submit(changed("4", "ckpt_name", "gone.safetensors")), "4");
  EXPECT_TRUE(why.at("extra_info").at("input_config").is_null());
  EXPECT_EQ(why.at("details"),
            json::value("ckpt_name: 'gone.safetensors' not in (list of length 22)"));
}

TEST_F(ComfyUiValidation, NamesWhatIsMissingOrWronglyLinked) {
  EXPECT_EQ(type_at(submit(without("3", "cfg")), "3"), "required_input_missing");
  EXPECT_EQ(type_at(submit(changed("3", "model", json::array{"4"})), "3"), "bad_linked_input");
  EXPECT_EQ(type_at(submit(changed("3", "model", json::array{"4", 1})), "3"),
            "return_type_mismatch");
  EXPECT_EQ(type_at(submit(changed("3", "model", json::array{"77", 0})), "3"),
            "exception_during_inner_validation");
  EXPECT_EQ(type_at(submit(changed("3", "steps", "many")), "3"), "invalid_input_type");
  EXPECT_EQ(type_at(submit(changed("3", "steps", 10001)), "3"), "value_bigger_than_max");
}

TEST_F(ComfyUiValidation, TakesNumbersAsTextAndTheLargestSeed) {
  EXPECT_EQ(submit(changed("3", "steps", "2")).status, 200);
  EXPECT_EQ(submit(changed("3", "seed", UINT64_MAX)).status, 200);
}

TEST_F(ComfyUiValidation, AMissingPictureIsACustomError) {
  const json::object prompt{
      {"1", {{"class_type", "LoadImage"}, {"inputs", {{"image", "gone.png"}}}}},
      {"2", {{"class_type", "PreviewImage"}, {"inputs", {{"images", json::array{"1", 0}}}}}}};
  const json::value why = error_at(submit(prompt), "1");
  EXPECT_EQ(why.at("type"), json::value("custom_validation_failed"));
  EXPECT_EQ(why.at("details"), json::value("image - Invalid image file: gone.png"));
}

TEST_F(ComfyUiValidation, ACycleIsRefused) {
  json::object prompt = TextToImage().prompt();
  prompt["3"].at("inputs").as_object()["latent_image"] = json::array{"3", 0};
  EXPECT_EQ(type_at(submit(prompt), "3"), "dependency_cycle");
  restart(with_models(ComfyUiEra::established));
  EXPECT_EQ(submit(prompt).status, 400);
}

TEST_F(ComfyUiValidation, UnreachableNodesAreNeitherValidatedNorRun) {
  json::object prompt = TextToImage().prompt();
  prompt["dead"] = {{"class_type", "UNETLoader"},
                    {"inputs", {{"unet_name", "gone.safetensors"}, {"weight_dtype", "default"}}}};
  queue(prompt, 1);
  ASSERT_TRUE(server().wait_for_end());
  EXPECT_EQ(server().counts().disk_loads_of("gone.safetensors"), 0u);
  EXPECT_EQ(server().counts().disk_loads_of("sd3.5_large.safetensors"), 1u);
}

TEST_F(ComfyUiValidation, OneValidOutputIsEnough) {
  json::object prompt = Reply::parse(kPicturePrompt).as_object();
  prompt["broken"] = {{"class_type", "SaveImage"}, {"inputs", {{"filename_prefix", "b"}}}};
  const Reply reply = submit(prompt, {{"prompt_id", uuid(1)}});
  EXPECT_EQ(reply.status, 200);
  EXPECT_TRUE(reply.json().at("node_errors").as_object().contains("broken"));
  ASSERT_TRUE(server().wait_for_end());
  EXPECT_EQ(entry(uuid(1)).at("outputs").as_object().size(), 1u);
}

TEST_F(ComfyUiValidation, OnlyTheWantedOutputsRun) {
  json::object prompt = Reply::parse(kPicturePrompt).as_object();
  prompt["3"] = {{"class_type", "PreviewImage"}, {"inputs", {{"images", json::array{"1", 0}}}}};
  queue(prompt, 1, {{"partial_execution_targets", json::array{"3"}}});
  ASSERT_TRUE(server().wait_for_end());
  const json::object outputs = entry(uuid(1)).at("outputs").as_object();
  ASSERT_EQ(outputs.size(), 1u);
  EXPECT_EQ(outputs.at("3").at("images").at(0).at("type"), json::value("temp"));
}

TEST_F(ComfyUiValidation, AnExplicitNumberIsAPriorityAndNoCount) {
  server().hold(Gate::node);
  queue(picture_prompt(), 1);
  ASSERT_TRUE(server().wait_at(Gate::node));
  EXPECT_EQ(submit(picture_prompt(), {{"prompt_id", uuid(2)}, {"number", 7.5}}).json().at("number"),
            json::value(7.5));
  EXPECT_EQ(submit(picture_prompt(), {{"prompt_id", uuid(3)}}).json().at("number"), json::value(1));
  EXPECT_EQ(server().pending(), (std::vector{uuid(3), uuid(2)}));
  EXPECT_EQ(submit(picture_prompt(), {{"prompt_id", uuid(2)}, {"number", 7.5}}).status, 500);
  EXPECT_EQ(server().pending().size(), 3u);
}

TEST_F(ComfyUiValidation, ThePendingListIsARawHeap) {
  server().hold(Gate::node);
  queue(picture_prompt(), 1);
  ASSERT_TRUE(server().wait_at(Gate::node));
  for (const unsigned number : {5U, 4U, 3U, 2U}) {
    submit(picture_prompt(), {{"prompt_id", uuid(10 + number)}, {"number", number}});
  }
  std::vector<std::string> shown;
  for (const json::value& item : queue_now().at("queue_pending").as_array())
    shown.emplace_back(item.at(1).as_string());
  EXPECT_EQ(shown, (std::vector{uuid(12), uuid(13), uuid(14), uuid(15)}));
  EXPECT_EQ(server().pending(), (std::vector{uuid(12), uuid(13), uuid(14), uuid(15)}));
  client().post("/queue", R"({"delete":[")" + uuid(12) + R"("]})");
  EXPECT_EQ(server().pending().front(), uuid(13));
}

TEST_F(ComfyUiValidation, SecretsStayInQueueListingsOfOldVersionsOnly) {
  const json::object with_secret{{"extra_data", {{"api_key_comfy_org", "secret"}}},
                                 {"client_id", "c1"}};
  for (const ComfyUiEra era : {ComfyUiEra::recent, ComfyUiEra::established}) {
    restart({.era = era});
    server().hold(Gate::node);
    queue(picture_prompt(), 1, with_secret);
    ASSERT_TRUE(server().wait_at(Gate::node));
    const json::object extra = queue_now().at("queue_running").at(0).at(3).as_object();
    EXPECT_EQ(extra.contains("api_key_comfy_org"), era == ComfyUiEra::established);
    EXPECT_EQ(extra.at("client_id"), json::value("c1"));
    EXPECT_EQ(extra.contains("create_time"), era == ComfyUiEra::recent);
  }
}

TEST_F(ComfyUiValidation, WrongBodiesAreServerErrors) {
  for (const char* path : {"/prompt", "/queue", "/history", "/free"}) {
    EXPECT_EQ(client().post(path, "{broken").status, 500) << path;
    EXPECT_EQ(client().post(path, "").status, 500) << path;
  }
  EXPECT_EQ(client().post("/queue", R"({"delete":5})").status, 500);
  EXPECT_EQ(client().post("/interrupt", "{broken").status, 200);
}

TEST_F(ComfyUiValidation, ALiteralListIsWrapped) {
  const json::object prompt{{"1",
                             {{"class_type", "PreviewAny"},
                              {"inputs", {{"source", {{"__value__", json::array{"a", 1}}}}}}}}};
  queue(prompt, 1);
  ASSERT_TRUE(server().wait_for_end());
  EXPECT_EQ(entry(uuid(1)).at("outputs").at("1").at("text"), json::array{R"(["a",1])"});
}

}  // namespace
}  // namespace stoker::engines::comfyui
