// Files of the played ComfyUI, what it says about itself, and how it goes wrong.
#include <gmock/gmock.h>

#include "domain/media_format.h"
#include "tests/engines/comfyui_server.h"
#include "tests/engines/comfyui_server/test_bench.h"

namespace stoker::engines::comfyui {
namespace {

using ::testing::ElementsAre;

net::Headers header(std::string_view name, std::string_view value) {
  net::Headers headers;
  headers.add(name, value);
  return headers;
}

class ComfyUiFiles : public ComfyUi {
 protected:
  Reply upload(std::string_view name, std::string_view bytes,
               const std::vector<std::pair<std::string, std::string>>& fields = {},
               std::string path = "/upload/image") {
    std::string body;
    for (const auto& [field, value] : fields) {
      body.append("--b\r\nContent-Disposition: form-data; name=\"").append(field);
      body.append("\"\r\n\r\n").append(value).append("\r\n");
    }
    body += "--b\r\nContent-Disposition: form-data; name=\"image\"; filename=\"" +
            std::string(name) + "\"\r\nContent-Type: image/png\r\n\r\n" + std::string(bytes) +
            "\r\n--b--\r\n";
    return client().ask("POST", std::move(path), body,
                        header("Content-Type", "multipart/form-data; boundary=b"));
  }
  json::value ui(const json::object& prompt, std::string_view node) {
    const std::string id = queue(prompt, ++runs_);
    EXPECT_TRUE(server().wait_for_end(runs_));
    return entry(id).at("outputs").at(node);
  }
  std::string file_of(const json::value& item) {
    return client()
        .get("/view?filename=" + json::value_to<std::string>(item.at("filename")) +
             "&subfolder=" + json::value_to<std::string>(item.at("subfolder")) +
             "&type=" + json::value_to<std::string>(item.at("type")))
        .body;
  }

  unsigned runs_ = 0;
};

json::object node(std::string_view class_type, json::object inputs) {
  return {{"class_type", class_type}, {"inputs", std::move(inputs)}};
}

TEST_F(ComfyUiFiles, ViewRefusesWhatLeadsOutside) {
  queue(picture_prompt(), 1);
  ASSERT_TRUE(server().wait_for_end());
  const auto status = [&](const char* target) { return client().get(target).status; };
  EXPECT_EQ(status("/view"), 404);
  EXPECT_EQ(status("/view?filename=gone.png"), 404);
  EXPECT_EQ(status("/view?filename=../t_00001_.png"), 400);
  EXPECT_EQ(status("/view?filename=/etc/passwd"), 400);
  EXPECT_EQ(status("/view?filename=t_00001_.png&type=models"), 400);
  EXPECT_EQ(status("/view?filename=t_00001_.png&subfolder=../x"), 403);
  EXPECT_EQ(status("/view?filename=t_00001_.png&type=temp"), 404);
  EXPECT_EQ(status("/view?filename=t_00001_.png%20[output]&type=temp"), 200);
  EXPECT_EQ(status("/api/view?filename=t_00001_.png"), 200);
}

TEST_F(ComfyUiFiles, ViewServesRangesHeadsAndSmallerPictures) {
  queue(picture_prompt(), 1);
  ASSERT_TRUE(server().wait_for_end());
  const std::string target = "/view?filename=t_00001_.png";
  const Reply whole = client().get(target);
  EXPECT_TRUE(whole.headers.find("ETag"));
  const Reply part = client().ask("GET", target, "", header("Range", "bytes=0-7"));
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, whole.body.substr(0, 8));
  EXPECT_EQ(client().ask("HEAD", target).status, 200);
  EXPECT_EQ(client().get(target + "&preview=jpeg;80").content_type(), "image/jpeg");
  EXPECT_EQ(sniff_format(client().get(target + "&preview=webp").body), MediaFormat::webp);
  EXPECT_EQ(client().get(target + "&channel=rgb").content_type(), "image/png");
}

TEST_F(ComfyUiFiles, PicturesCarryTheWorkflowUnlessToldOtherwise) {
  queue(picture_prompt(), 1);
  ASSERT_TRUE(server().wait_for_end());
  EXPECT_THAT(client().get("/view?filename=t_00001_.png").body,
              ::testing::HasSubstr("filename_prefix"));
  restart({.arguments = {"--disable-metadata"}});
  queue(picture_prompt(), 1);
  ASSERT_TRUE(server().wait_for_end());
  EXPECT_THAT(client().get("/view?filename=t_00001_.png").body,
              ::testing::Not(::testing::HasSubstr("filename_prefix")));
}

TEST_F(ComfyUiFiles, UploadsKeepOldNamesAndReturnNewOnes) {
  EXPECT_EQ(upload("a.png", "one").body, R"({"name":"a.png","subfolder":"","type":"input"})");
  EXPECT_EQ(upload("a.png", "one").json().at("name"), json::value("a.png"));
  EXPECT_EQ(upload("a.png", "two").json().at("name"), json::value("a (1).png"));
  EXPECT_EQ(upload("a.png", "three", {{"overwrite", "true"}}).json().at("name"),
            json::value("a.png"));
  EXPECT_EQ(client().get("/view?filename=a.png&type=input").body, "three");
  EXPECT_EQ(upload("b.png", "x", {{"subfolder", "s"}}).json().at("subfolder"), json::value("s"));
  EXPECT_EQ(client().get("/view?filename=b.png&type=input&subfolder=s").body, "x");
}

TEST_F(ComfyUiFiles, UploadsRefuseWhatIsWrong) {
  EXPECT_EQ(upload("", "x").status, 400);
  EXPECT_EQ(upload("../x.png", "x").status, 400);
  EXPECT_EQ(upload("x.png", "x", {{"subfolder", "../.."}}).status, 400);
  EXPECT_EQ(upload("x.png", "x", {{"type", "models"}}).status, 500);
  EXPECT_EQ(client().post("/upload/image", "no form").status, 500);
  EXPECT_EQ(upload("m.png", "x", {}, "/upload/mask").status, 400);
  upload("a.png", "one");
  EXPECT_EQ(upload("m.png", "x", {{"original_ref", R"({"filename":"a.png","type":"input"})"}},
                   "/upload/mask")
                .status,
            200);
}

TEST_F(ComfyUiFiles, AnUploadedPictureIsAnInput) {
  queue(picture_prompt(), ++runs_);
  ASSERT_TRUE(server().wait_for_end());
  const std::string picture = client().get("/view?filename=t_00001_.png").body;
  EXPECT_EQ(upload("in.png", picture, {{"subfolder", "s"}}).status, 200);
  const json::object prompt{
      {"1", node("LoadImage", {{"image", "s/in.png"}})},
      {"2", node("SaveImage", {{"images", json::array{"1", 0}}, {"filename_prefix", "copies/c"}})}};
  const json::value item = ui(prompt, "2").at("images").at(0);
  EXPECT_EQ(item.at("subfolder"), json::value("copies"));
  EXPECT_EQ(item.at("filename"), json::value("c_00001_.png"));
  EXPECT_EQ(file_of(item).substr(16, 8), picture.substr(16, 8)) << "the size of the input";
}

TEST_F(ComfyUiFiles, SoundComesUnderAudio) {
  restart({.files = {{"checkpoints", "ace.safetensors"}}});
  const json::object prompt{
      {"1", node("CheckpointLoaderSimple", {{"ckpt_name", "ace.safetensors"}})},
      {"2", node("TextEncodeAceStepAudio", {{"clip", json::array{"1", 1}},
                                            {"tags", "piano"},
                                            {"lyrics", ""},
                                            {"lyrics_strength", 1}})},
      {"3", node("EmptyAceStepLatentAudio", {{"seconds", 30}, {"batch_size", 1}})},
      {"4", node("KSampler", {{"seed", 1},
                              {"steps", 2},
                              {"cfg", 4},
                              {"sampler_name", "euler"},
                              {"scheduler", "simple"},
                              {"denoise", 1},
                              {"model", json::array{"1", 0}},
                              {"positive", json::array{"2", 0}},
                              {"negative", json::array{"2", 0}},
                              {"latent_image", json::array{"3", 0}}})},
      {"5",
       node("VAEDecodeAudio", {{"samples", json::array{"4", 0}}, {"vae", json::array{"1", 2}}})},
      {"6",
       node("SaveAudioMP3",
            {{"audio", json::array{"5", 0}}, {"filename_prefix", "audio/a"}, {"quality", "V0"}})}};
  const json::value item = ui(prompt, "6").at("audio").at(0);
  EXPECT_EQ(item.at("filename"), json::value("a_00001_.mp3"));
  EXPECT_EQ(item.at("subfolder"), json::value("audio"));
  EXPECT_EQ(sniff_format(file_of(item)), MediaFormat::mp3);
}

TEST_F(ComfyUiFiles, VideoComesUnderImages) {
  const json::object prompt{
      {"1", node("EmptyImage", {{"width", 8}, {"height", 8}, {"batch_size", 4}, {"color", 0}})},
      {"2", node("CreateVideo", {{"images", json::array{"1", 0}}, {"fps", 24}})},
      {"3", node("SaveVideo", {{"video", json::array{"2", 0}},
                               {"filename_prefix", "v"},
                               {"format", "auto"},
                               {"codec", "auto"}})}};
  const json::value shown = ui(prompt, "3");
  EXPECT_EQ(shown.at("animated"), json::array{true});
  EXPECT_EQ(sniff_format(file_of(shown.at("images").at(0))), MediaFormat::mp4);
}

TEST_F(ComfyUiFiles, TextComesAsPlainStrings) {
  const json::object prompt{{"1", node("PrimitiveString", {{"value", "hello"}})},
                            {"2", node("PreviewAny", {{"source", json::array{"1", 0}}})}};
  EXPECT_EQ(ui(prompt, "2"), (json::object{{"text", json::array{"hello"}}}));
}

TEST_F(ComfyUiFiles, EveryNodeClassHasASchema) {
  restart(with_models());
  const json::object all = client().get("/object_info").json().as_object();
  const json::value& loader = all.at("CheckpointLoaderSimple");
  EXPECT_EQ(loader.at("input").at("required").at("ckpt_name").at(0),
            (json::array{"flux2.safetensors", "sd3.5_large.safetensors"}));
  const json::value sampler = all.at("KSampler").at("input").at("required");
  EXPECT_EQ(sampler.at("seed").at(0), json::value("INT"));
  EXPECT_EQ(sampler.at("seed").at(1).at("max"), json::value(UINT64_MAX));
  EXPECT_EQ(all.at("SaveImage").at("output_node"), json::value(true));
  const json::value triple = all.at("TripleCLIPLoader").at("input").at("required").at("clip_name1");
  EXPECT_EQ(triple.at(0), json::value("COMBO"));
  EXPECT_TRUE(triple.at(1).at("options").is_array());
  EXPECT_EQ(client().get("/object_info/VAELoader").json().as_object().size(), 1u);
  EXPECT_EQ(client().get("/object_info/Nope").body, "{}");
}

TEST_F(ComfyUiFiles, ModelsAreListedByFolder) {
  restart(with_models());
  EXPECT_EQ(client().get("/models/vae").json(), json::array{"ae.safetensors"});
  EXPECT_EQ(client().get("/models/unet").status, 404);
  EXPECT_THAT(client().get("/models").json().as_array(),
              ::testing::Contains(json::value("diffusion_models")));
  EXPECT_EQ(client().get("/embeddings").body, "[]");
  EXPECT_EQ(client().get("/view_metadata/vae?filename=ae.safetensors").status, 200);
  EXPECT_EQ(client().get("/view_metadata/vae?filename=gone.safetensors").status, 404);
  server().remove_file("vae", "ae.safetensors");
  EXPECT_EQ(client().get("/models/vae").json(), json::array());
}

TEST_F(ComfyUiFiles, StatsTellTheDeviceAndTheCommandLine) {
  restart({.arguments = {"--cache-lru", "5"}, .vram_bytes = 16 * kGiB});
  const json::value stats = client().get("/system_stats").json();
  EXPECT_EQ(stats.at("system").at("argv"), (json::array{"main.py", "--cache-lru", "5"}));
  EXPECT_EQ(stats.at("system").at("os"), json::value("linux"));
  EXPECT_EQ(stats.at("devices").at(0).at("vram_total"), json::value(16 * kGiB));
  EXPECT_EQ(stats.at("devices").at(0).at("type"), json::value("cuda"));
  restart({.era = ComfyUiEra::established});
  EXPECT_EQ(client().get("/system_stats").json().at("system").at("comfyui_version"),
            json::value("0.3.64"));
  EXPECT_EQ(client().get("/features").body,
            R"({"supports_preview_metadata":true,"max_upload_size":104857600})");
}

TEST_F(ComfyUiFiles, RoutesExistTwiceAndOthersDoNot) {
  EXPECT_EQ(client().get("/api/queue").status, 200);
  EXPECT_EQ(client().get("/api/api/queue").status, 404);
  EXPECT_EQ(client().get("/nope").status, 404);
  EXPECT_EQ(client().ask("DELETE", "/queue").status, 405);
  EXPECT_EQ(client().ask("HEAD", "/queue").status, 200);
}

TEST_F(ComfyUiFiles, AForeignOriginIsRefusedUnlessCorsIsOn) {
  EXPECT_EQ(client().ask("GET", "/queue", "", header("Origin", "http://evil.example")).status, 403);
  EXPECT_EQ(client().ask("GET", "/queue", "", header("Sec-Fetch-Site", "cross-site")).status, 403);
  const std::string own = server().base_url();
  EXPECT_EQ(client().ask("GET", "/queue", "", header("Origin", own)).status, 200);
  restart({.era = ComfyUiEra::established});
  EXPECT_EQ(client().ask("GET", "/queue", "", header("Sec-Fetch-Site", "cross-site")).status, 200);
  restart({.arguments = {"--enable-cors-header", "*"}});
  const Reply open = client().ask("GET", "/queue", "", header("Origin", "http://evil.example"));
  EXPECT_EQ(open.status, 200);
  EXPECT_EQ(open.headers.find("Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(client().ask("OPTIONS", "/queue").status, 200);
}

TEST_F(ComfyUiFiles, BodiesAreLimited) {
  restart({.arguments = {"--max-upload-size", "1"}});
  EXPECT_EQ(client().post("/queue", std::string(1024 * 1024 + 1, ' ')).status, 413);
}

TEST_F(ComfyUiFiles, HistoryIsPagedAndDeleted) {
  for (unsigned i = 1; i <= 3; ++i) queue(picture_prompt(), i);
  ASSERT_TRUE(server().wait_for_end(3));
  const auto ids = [&](const char* target) {
    std::vector<std::string> found;
    for (const auto& [id, ended] : client().get(target).json().as_object()) found.emplace_back(id);
    return found;
  };
  EXPECT_THAT(ids("/history"), ElementsAre(uuid(1), uuid(2), uuid(3)));
  EXPECT_THAT(ids("/history?max_items=2"), ElementsAre(uuid(2), uuid(3)));
  EXPECT_THAT(ids("/history?max_items=1&offset=1"), ElementsAre(uuid(2)));
  EXPECT_EQ(client().get("/history?max_items=x").status, 500);
  EXPECT_EQ(client().post("/history", R"({"delete":[")" + uuid(2) + R"("]})").status, 200);
  EXPECT_THAT(ids("/history"), ElementsAre(uuid(1), uuid(3)));
  EXPECT_EQ(client().post("/history", R"({"clear":true})").body, "");
  EXPECT_THAT(ids("/history"), ElementsAre());
}

TEST_F(ComfyUiFiles, ANewProcessKnowsNothingButItsFiles) {
  restart(with_models());
  queue(picture_prompt(), 1);
  ASSERT_TRUE(server().wait_for_end());
  server().hold(Gate::step);
  queue(TextToImage().prompt(), 2);
  ASSERT_TRUE(server().wait_at(Gate::step));
  TestSocket events = socket("c1");
  const std::uint16_t port = server().port();
  server().stop();
  EXPECT_EQ(client().get("/queue").status, 0) << "refused";
  EXPECT_THAT(events.types_to_end(), ::testing::Not(::testing::Contains("execution_error")));
  server().start();
  EXPECT_EQ(server().port(), port);
  EXPECT_EQ(client().get("/history").body, "{}");
  EXPECT_EQ(queue_now().at("queue_running"), json::array());
  EXPECT_EQ(client().get("/view?filename=t_00001_.png").status, 200);
  EXPECT_EQ(server().vram_free(), 24 * kGiB);
  server().release(Gate::step);
  queue(picture_prompt(), 3);
  ASSERT_TRUE(server().wait_for_end(2));
  EXPECT_TRUE(history(uuid(3)).contains(uuid(3)));
}

TEST_F(ComfyUiFiles, HistoryMayComeLate) {
  server().delay_history(2);
  const std::string id = queue(picture_prompt(), 1);
  ASSERT_TRUE(server().wait_for_end());
  EXPECT_EQ(history(id), json::object());
  EXPECT_EQ(queue_now().at("queue_running").at(0).at(1), json::value(id));
  EXPECT_EQ(history(id), json::object());
  EXPECT_TRUE(history(id).contains(id));
  EXPECT_EQ(queue_now().at("queue_running"), json::array());
}

TEST_F(ComfyUiFiles, APathMayHang) {
  server().hang("/history");
  auto silent = client().begin("GET", "/history");
  ASSERT_TRUE(server().requests().wait_for("GET", "/history"));
  EXPECT_EQ(client().get("/queue").status, 200);
  server().answer_paths();
  EXPECT_EQ(net::testing::finish(std::move(silent)).body, "{}");
}

TEST_F(ComfyUiFiles, AnInterruptWhileIdleIsForgotten) {
  EXPECT_EQ(client().post("/interrupt", "").status, 200);
  const std::string id = queue(picture_prompt(), 1);
  ASSERT_TRUE(server().wait_for_end());
  EXPECT_EQ(entry(id).at("status").at("status_str"), json::value("success"));
}

}  // namespace
}  // namespace stoker::engines::comfyui
