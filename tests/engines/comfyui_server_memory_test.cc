// What the played ComfyUI keeps: caches, device memory, /free, running out of it.
#include <gmock/gmock.h>

#include "tests/engines/comfyui_server.h"
#include "tests/engines/comfyui_server/test_bench.h"

namespace stoker::engines::comfyui {
namespace {

constexpr std::string_view kSd = "sd3.5_large.safetensors";
constexpr std::string_view kFlux = "flux2.safetensors";

class ComfyUiMemory : public ComfyUi {
 protected:
  ComfyUiMemory() { restart(with_models()); }

  // Runs to the end and returns the history entry.
  json::object play(const json::value& prompt) {
    const std::string id = queue(prompt, ++runs_);
    EXPECT_TRUE(server().wait_for_end(runs_));
    return entry(id);
  }
  json::object play(std::string_view checkpoint, int seed) {
    return play(TextToImage{.checkpoint = std::string(checkpoint), .seed = seed}.prompt());
  }
  void begin_again(ComfyUiOptions options) {
    restart(std::move(options));
    runs_ = 0;
  }
  // Waits until /free has acted `times` times.
  void free(const char* body, std::size_t times = 1) {
    EXPECT_EQ(client().post("/free", body).status, 200);
    EXPECT_TRUE(server().wait_until([this, times] { return server().counts().freed >= times; }));
  }
  static json::value cached_nodes(const json::object& ended) {
    return ended.at("status").at("messages").at(1).at(1).at("nodes");
  }
  static ComfyUiOptions with_flags(std::vector<std::string> arguments) {
    ComfyUiOptions options = with_models();
    options.arguments = std::move(arguments);
    return options;
  }

  unsigned runs_ = 0;
};

TEST_F(ComfyUiMemory, ARunReadsItsFilesAndTakesTheirSize) {
  const std::uint64_t before = vram_free_told();
  EXPECT_EQ(before, 24 * kGiB);
  play(kSd, 1);
  EXPECT_EQ(server().counts().disk_loads_of(kSd), 1u);
  EXPECT_EQ(server().counts().device_loads_of(kSd), 1u);
  EXPECT_EQ(server().device_bytes_of(kSd), 8 * kGiB);
  EXPECT_EQ(before - vram_free_told(), 8 * kGiB + kGiB / 2) << "weights and the context";
  play(kSd, 2);
  EXPECT_EQ(server().counts().disk_loads_of(kSd), 1u);
}

TEST_F(ComfyUiMemory, ThePressureCacheKeepsTheModelsOfOtherWorkflows) {
  ComfyUiOptions options = with_models(ComfyUiEra::recent);
  options.arguments = {"--cache-ram", "1", "1"};
  begin_again(options);
  play(kSd, 1);
  play(kFlux, 1);
  play(kSd, 2);
  EXPECT_EQ(server().counts().disk_loads_of(kSd), 1u);
  EXPECT_EQ(server().counts().disk_loads_of(kFlux), 1u);
  server().drop_cache();
  EXPECT_EQ(server().device_files(), std::vector<std::string>());
  play(kSd, 3);
  EXPECT_EQ(server().counts().disk_loads_of(kSd), 2u);
}

TEST_F(ComfyUiMemory, TheClassicCacheDropsWhatTheNextPromptDoesNotUse) {
  begin_again(with_models(ComfyUiEra::established));
  play(kSd, 1);
  play(kFlux, 1);
  EXPECT_EQ(server().device_bytes_of(kSd), 0u);
  EXPECT_EQ(server().device_bytes_of(kFlux), 12 * kGiB);
  play(kSd, 2);
  EXPECT_EQ(server().counts().disk_loads_of(kSd), 2u);
  begin_again(with_flags({"--cache-classic"}));
  play(kSd, 1);
  play(kFlux, 1);
  EXPECT_EQ(server().device_files(), std::vector{std::string(kFlux)});
}

TEST_F(ComfyUiMemory, TheLruCacheKeepsSoManyResults) {
  begin_again(with_flags({"--cache-lru", "100"}));
  play(kSd, 1);
  play(kFlux, 1);
  play(kSd, 2);
  EXPECT_EQ(server().counts().disk_loads_of(kSd), 1u);
  begin_again(with_flags({"--cache-lru", "2"}));
  play(kSd, 1);
  play(kSd, 2);
  EXPECT_EQ(server().counts().disk_loads_of(kSd), 2u);
}

TEST_F(ComfyUiMemory, WithoutACacheEverythingRunsAgain) {
  begin_again(with_flags({"--cache-none"}));
  play(kSd, 1);
  const json::object again = play(kSd, 1);
  EXPECT_EQ(cached_nodes(again), json::array());
  EXPECT_EQ(server().counts().disk_loads_of(kSd), 2u);
  EXPECT_EQ(server().output_files().size(), 2u);
}

TEST_F(ComfyUiMemory, CachedLoadersAreNamedAlsoAcrossWorkflows) {
  play(kSd, 1);
  json::object other = TextToImage{.seed = 2}.prompt();
  other["loader"] = other["4"];
  other.erase("4");
  for (const auto& [node, input] :
       {std::pair("6", "clip"), {"7", "clip"}, {"8", "vae"}, {"3", "model"}})
    other[node].at("inputs").at(input).at(0) = "loader";
  const json::object ended = play(other);
  const json::array cached = cached_nodes(ended).as_array();
  EXPECT_THAT(cached, ::testing::Contains(json::value("loader")));
  EXPECT_THAT(cached, ::testing::Not(::testing::Contains(json::value("3"))));
}

TEST_F(ComfyUiMemory, UnloadingKeepsTheObjectsInMainMemory) {
  play(kSd, 1);
  free(R"({"unload_models":true})");
  EXPECT_EQ(server().device_bytes_of(kSd), 0u);
  EXPECT_EQ(vram_free_told(), 24 * kGiB - kGiB / 2) << "the context stays";
  play(kSd, 2);
  EXPECT_EQ(server().counts().disk_loads_of(kSd), 1u);
  EXPECT_EQ(server().counts().device_loads_of(kSd), 2u);
}

TEST_F(ComfyUiMemory, FreeingMemoryImpliesUnloading) {
  play(kSd, 1);
  free(R"({"free_memory":true,"unload_models":false})");
  EXPECT_EQ(server().device_bytes_of(kSd), 0u);
  play(kSd, 2);
  EXPECT_EQ(server().counts().disk_loads_of(kSd), 2u);
}

TEST_F(ComfyUiMemory, FreeWaitsForTheCurrentPromptAndComesBeforeTheNext) {
  server().hold(Gate::step);
  queue(TextToImage{.seed = 1}.prompt(), 1);
  ASSERT_TRUE(server().wait_at(Gate::step));
  queue(TextToImage{.seed = 2}.prompt(), 2);
  EXPECT_EQ(client().post("/free", R"({"unload_models":true,"free_memory":true})").status, 200);
  EXPECT_EQ(server().device_bytes_of(kSd), 8 * kGiB);
  server().hold(Gate::unload);
  server().release(Gate::step);
  ASSERT_TRUE(server().wait_at(Gate::unload));
  EXPECT_EQ(server().counts().started, 1u);
  EXPECT_EQ(server().device_bytes_of(kSd), 8 * kGiB);
  server().release(Gate::unload);
  ASSERT_TRUE(server().wait_for_end(2));
  EXPECT_EQ(server().counts().disk_loads_of(kSd), 2u);
}

TEST_F(ComfyUiMemory, FreeMayFreeNothing) {
  play(kSd, 1);
  const std::uint64_t taken = vram_free_told();
  server().set_fault({.kind = FaultKind::unload_keeps_memory});
  free(R"({"unload_models":true})");
  EXPECT_EQ(vram_free_told(), taken);
}

TEST_F(ComfyUiMemory, ALargerModelMovesOthersOut) {
  server().add_file({"checkpoints", "huge.safetensors", 20 * kGiB});
  play(kSd, 1);
  play("huge.safetensors", 1);
  EXPECT_EQ(server().device_bytes_of("huge.safetensors"), 20 * kGiB);
  EXPECT_LT(server().device_bytes_of(kSd), 8 * kGiB);
  EXPECT_FALSE(server().spilled("huge.safetensors"));
}

TEST_F(ComfyUiMemory, WhatDoesNotFitIsLoadedInPart) {
  server().add_file({"checkpoints", "giant.safetensors", 30 * kGiB});
  const json::object ended = play("giant.safetensors", 1);
  EXPECT_EQ(ended.at("status").at("status_str"), json::value("success"));
  EXPECT_TRUE(server().spilled("giant.safetensors"));
  EXPECT_LT(server().device_bytes_of("giant.safetensors"), 24 * kGiB);
  server().set_other_use(18 * kGiB);
  free(R"({"unload_models":true})");
  play(kSd, 2);
  EXPECT_TRUE(server().spilled(kSd)) << "others take their part";
}

TEST_F(ComfyUiMemory, ASpillCanBeForced) {
  server().set_fault({.kind = FaultKind::spill});
  play(kSd, 1);
  EXPECT_TRUE(server().spilled(kSd));
  EXPECT_EQ(server().device_bytes_of(kSd), 4 * kGiB);
}

TEST_F(ComfyUiMemory, RunningOutOfMemoryUnloadsEverything) {
  play(kFlux, 1);
  server().set_fault({.kind = FaultKind::out_of_memory, .times = 1});
  const json::object ended = play(kSd, 1);
  EXPECT_EQ(ended.at("status").at("status_str"), json::value("error"));
  const json::value message = ended.at("status").at("messages").at(2);
  EXPECT_EQ(message.at(0), json::value("execution_error"));
  EXPECT_TRUE(message.at(1).at("exception_type").as_string().ends_with("OutOfMemoryError"));
  EXPECT_EQ(server().device_files(), std::vector<std::string>());
  EXPECT_EQ(play(kSd, 1).at("status").at("status_str"), json::value("success"));
}

TEST_F(ComfyUiMemory, ALoaderMayFail) {
  server().set_fault({.kind = FaultKind::load_error, .text = "file is corrupt", .times = 1});
  const json::object ended = play(kSd, 1);
  const json::value message = ended.at("status").at("messages").at(2).at(1);
  EXPECT_EQ(message.at("exception_message"), json::value("file is corrupt"));
  EXPECT_EQ(message.at("node_type"), json::value("CheckpointLoaderSimple"));
  EXPECT_EQ(server().counts().disk_loads_of(kSd), 0u);
}

TEST_F(ComfyUiMemory, SmartMemoryCanBeOff) {
  begin_again(with_flags({"--disable-smart-memory"}));
  play(kSd, 1);
  EXPECT_EQ(server().device_files(), std::vector<std::string>());
}

TEST_F(ComfyUiMemory, OnTheProcessorNothingTakesDeviceMemory) {
  begin_again(with_flags({"--cpu"}));
  play(kSd, 1);
  EXPECT_EQ(server().device_files(), std::vector<std::string>());
  const json::value device = client().get("/system_stats").json().at("devices").at(0);
  EXPECT_EQ(device.at("type"), json::value("cpu"));
  EXPECT_TRUE(device.at("index").is_null());
}

TEST_F(ComfyUiMemory, ALoadWaitsAtItsGateAndSaysForWhat) {
  server().hold(Gate::load);
  const std::string id = queue(TextToImage().prompt(), 1);
  ASSERT_TRUE(server().wait_at(Gate::load));
  EXPECT_EQ(server().loading(), kSd);
  EXPECT_EQ(server().counts().disk_loads_of(kSd), 0u);
  client().post("/interrupt", R"({"prompt_id":")" + id + R"("})");
  EXPECT_EQ(server().waiting(Gate::load), 1u) << "a disk load runs on";
  server().release(Gate::load);
  ASSERT_TRUE(server().wait_for_end());
  EXPECT_EQ(entry(id).at("status").at("messages").at(2).at(0),
            json::value("execution_interrupted"));
  EXPECT_EQ(server().counts().disk_loads_of(kSd), 1u);
}

TEST_F(ComfyUiMemory, ClassesOfExtensionsLoadTheirFiles) {
  ComfyUiOptions options = with_models();
  options.files.push_back({"diffusion_models", "q4.gguf", 3 * kGiB});
  options.extensions = {{"UnetLoaderGGUF", "unet_name:FILES,diffusion_models", "MODEL"}};
  begin_again(options);
  json::object prompt = TextToImage().prompt();
  prompt["10"] = {{"class_type", "UnetLoaderGGUF"}, {"inputs", {{"unet_name", "q4.gguf"}}}};
  prompt["3"].at("inputs").as_object()["model"] = json::array{"10", 0};
  play(prompt);
  EXPECT_EQ(server().device_bytes_of("q4.gguf"), 3 * kGiB);
}

TEST_F(ComfyUiMemory, ALoraWithoutStrengthIsNotRead) {
  server().add_file({"loras", "style.safetensors", kGiB});
  json::object prompt = TextToImage().prompt();
  prompt["10"] = {{"class_type", "LoraLoaderModelOnly"},
                  {"inputs",
                   {{"model", json::array{"4", 0}},
                    {"lora_name", "style.safetensors"},
                    {"strength_model", 0}}}};
  prompt["3"].at("inputs").as_object()["model"] = json::array{"10", 0};
  play(prompt);
  EXPECT_EQ(server().counts().disk_loads_of("style.safetensors"), 0u);
  prompt["10"].at("inputs").as_object()["strength_model"] = 1.0;
  play(prompt);
  EXPECT_EQ(server().counts().disk_loads_of("style.safetensors"), 1u);
  EXPECT_EQ(server().device_bytes_of("style.safetensors"), kGiB);
}

}  // namespace
}  // namespace stoker::engines::comfyui
