// What the tests of the ComfyUI adapter share: a played engine with two models, templates for them, runs.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends/comfyui/comfyui_backend.h"
#include "backends/http/engine_bench_test.h"
#include "protocol/comfyui/prompt_id.h"
#include "tests/engines/comfyui_server.h"

namespace stoker {

// One checkpoint, text to picture. `output`: the class of the output node.
inline std::string picture_template(const std::string& file,
                                    const std::string& output = "SaveImage") {
  const std::string prefix = output == "SaveImage" ? R"(,"filename_prefix":"stoker/p")" : "";
  return R"({"template":1,"name":"t","medium":"image","model_files":["checkpoints/)" + file +
         R"("],"graph":{
    "a":{"class_type":"CheckpointLoaderSimple","inputs":{"ckpt_name":")" +
         file + R"("}},
    "b":{"class_type":"CLIPTextEncode","inputs":{"text":"","clip":["a",1]}},
    "c":{"class_type":"EmptyLatentImage","inputs":{"width":64,"height":64,"batch_size":1}},
    "d":{"class_type":"KSampler","inputs":{"model":["a",0],"seed":0,"steps":4,"cfg":7,"sampler_name":
         "euler","scheduler":"simple","positive":["b",0],"negative":["b",0],"latent_image":["c",0],
         "denoise":1}},
    "e":{"class_type":"VAEDecode","inputs":{"samples":["d",0],"vae":["a",2]}},
    "f":{"class_type":")" +
         output + R"(","inputs":{"images":["e",0])" + prefix + R"(}}},
  "bindings":{"prompt":["b","text"],"seed":["d","seed"],"width":["c","width"],"height":["c","height"],
              "steps":["d","steps"],"output":"f"},
  "warm_up":{"width":16,"height":16,"steps":1}})";
}

class ComfyUiBench : public EngineBench {
 protected:
  static constexpr ModelId kA{1};
  static constexpr ModelId kB{2};
  static constexpr ModelId kMissing{3};
  static constexpr ModelId kBroken{4};

  static std::vector<EngineModel> catalogue() {
    return {{.id = kA,
             .medium = Medium::image,
             .upstream = "a",
             .planned = {2048},
             .workflow = picture_template("a.safetensors")},
            {.id = kB,
             .medium = Medium::image,
             .upstream = "b",
             .planned = {4096},
             .workflow = picture_template("b.safetensors")},
            {.id = kMissing,
             .medium = Medium::image,
             .upstream = "m",
             .planned = {1},
             .workflow = picture_template("missing.safetensors")},
            {.id = kBroken,
             .medium = Medium::image,
             .upstream = "x",
             .planned = {1},
             .workflow = "{}"}};
  }
  static std::vector<engines::ComfyUiFile> files() {
    return {{"checkpoints", "a.safetensors", 2 * engines::kGiB},
            {"checkpoints", "b.safetensors", 4 * engines::kGiB},
            {"diffusion_models", "sub/c.safetensors", engines::kGiB}};
  }

  // What was given up is gone before the network ends.
  void TearDown() override {
    backend_.reset();
    if (server_ == nullptr) return;
    EXPECT_TRUE(server_->wait_until([this] { return server_->socket_count() == 0; }));
  }

  // A new engine and a new adapter for it.
  void begin(engines::ComfyUiOptions options = {}) {
    backend_.reset();
    server_.reset();
    if (options.files.empty()) options.files = files();
    server_ = std::make_unique<engines::ComfyUiServer>(network_, std::move(options));
    backend_ = another_backend();
  }
  std::unique_ptr<ComfyUiBackend> another_backend() {
    return std::make_unique<ComfyUiBackend>(loop_, network_, options(), catalogue());
  }
  ComfyUiOptions options() const {
    return {.id = BackendId(1),
            .url = server_->url(),
            .salt = "a house",
            .poll_every = milliseconds(2),
            .poll_every_beside_events = poll_beside_events_,
            .history_late_max = seconds(10)};
  }
  static RunCall call(ModelId model, std::uint64_t attempt) {
    return {.attempt = AttemptId(attempt),
            .job = JobId(attempt),
            .model = model,
            .medium = Medium::image,
            .prompt = "a secret fox",
            .seed = 18446744073709551615ULL - attempt,
            .deadline = kLong};
  }
  static std::string prompt_of(std::uint64_t attempt) {
    return protocol::comfyui::prompt_uuid("a house", attempt);
  }
  Result<void> cancel(std::uint64_t attempt) {
    return end(begin_cancel(*backend_, AttemptId(attempt)));
  }
  Result<AttemptFate> find(Backend& backend, std::uint64_t attempt) {
    return finish<AttemptFate>(
        [&](auto done) { backend.find_attempt(AttemptId(attempt), std::move(done)); });
  }
  Called<RunReport> begin_join(Backend& backend, RunCall run) {
    return EngineBench::begin<RunReport>([&](auto done) {
      backend.join(
          std::move(run), [this](RunProgress progress) { progress_.push_back(progress); },
          std::move(done));
    });
  }
  std::vector<ModelId> observed() {
    const auto models = observe(*backend_);
    EXPECT_TRUE(models) << models.error().detail;
    std::vector<ModelId> ids;
    for (const LoadedModel& model : models.value_or(std::vector<LoadedModel>())) {
      ids.push_back(model.model);
    }
    return ids;
  }
  engines::ComfyUiServer& server() { return *server_; }

  Duration poll_beside_events_ = minutes(10);
  std::unique_ptr<engines::ComfyUiServer> server_;
  std::unique_ptr<ComfyUiBackend> backend_;
};

}  // namespace stoker
