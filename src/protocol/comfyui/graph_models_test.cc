#include "protocol/comfyui/graph_models.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "protocol/comfyui/graph_loaders.h"
#include "protocol/comfyui/graphs_for_tests.h"

namespace stoker::protocol::comfyui {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;
using testing::UnorderedElementsAre;

Needs needs(std::string_view text, const std::set<std::string, std::less<>>& offered = {}) {
  const Graph graph = graph_of(text);
  return needs_of(graph, reach_of(graph), offered);
}

// One loader and an output that needs it.
std::string loader(std::string_view class_type, std::string_view inputs) {
  return R"({"1":{"class_type":")" + std::string(class_type) + R"(","inputs":{)" +
         std::string(inputs) + R"(}},"2":{"class_type":"SaveImage","inputs":{"images":["1",0]}}})";
}

TEST(ComfyNeeds, NameReachableFilesOnly) {
  EXPECT_THAT(
      needs(kPicture).models,
      ElementsAre(
          ModelReference{"CheckpointLoaderSimple", "Official/sd3.5_large.safetensors", "",
                         "checkpoints", false},
          ModelReference{"DualCLIPLoader", "clip_g.safetensors", "", "text_encoders", false},
          ModelReference{"DualCLIPLoader", "t5xxl_enconly.safetensors", "", "text_encoders",
                         false}));
  EXPECT_THAT(needs(kPicture).unknown, IsEmpty());
}

TEST(ComfyNeeds, KnowDtypesTheProcessorAndStrengthsOfZero) {
  const Needs film = needs(kFilmFromPicture);
  EXPECT_THAT(
      film.models,
      UnorderedElementsAre(
          ModelReference{"UNETLoader", "wan_high.safetensors", "fp8_e4m3fn", "diffusion_models",
                         false},
          ModelReference{"UNETLoader", "wan_low.safetensors", "", "diffusion_models", false},
          ModelReference{"LoraLoaderModelOnly", "l_high.safetensors", "", "loras", false},
          ModelReference{"CLIPLoader", "umt5.safetensors", "", "text_encoders", true},
          ModelReference{"VAELoader", "wan_vae.safetensors", "", "vae", false}));
  EXPECT_THAT(film.bundle_id, StartsWith("bundle:"));
}

TEST(ComfyNeeds, LorasAreLoadedUnlessEveryStrengthIsZero) {
  const auto count = [](std::string_view class_type, std::string_view strengths) {
    return needs(loader(class_type, "\"lora_name\":\"l.safetensors\"" + std::string(strengths)))
        .models.size();
  };
  EXPECT_EQ(count("LoraLoader", R"(,"strength_model":0,"strength_clip":0.0)"), 0U);
  EXPECT_EQ(count("LoraLoader", R"(,"strength_model":0,"strength_clip":1)"), 1U);
  EXPECT_EQ(count("LoraLoader", R"(,"strength_model":-0.5,"strength_clip":0)"), 1U);
  EXPECT_EQ(count("LoraLoader", R"(,"strength_model":["9",0],"strength_clip":0)"), 1U);
  EXPECT_EQ(count("LoraLoaderModelOnly", R"(,"strength_model":0)"), 0U);
  EXPECT_EQ(count("CreateHookLora", R"(,"strength_model":0,"strength_clip":0)"), 0U);
}

TEST(ComfyNeeds, EveryClassOfTheTableNamesItsFiles) {
  const struct {
    std::string_view class_type;
    std::string_view input;
    std::string_view folder;
  } rows[] = {
      {"CheckpointLoaderSimple", "ckpt_name", "checkpoints"},
      {"unCLIPCheckpointLoader", "ckpt_name", "checkpoints"},
      {"ImageOnlyCheckpointLoader", "ckpt_name", "checkpoints"},
      {"CreateHookModelAsLora", "ckpt_name", "checkpoints"},
      {"UNETLoader", "unet_name", "diffusion_models"},
      {"CLIPLoader", "clip_name", "text_encoders"},
      {"VAELoader", "vae_name", "vae"},
      {"ControlNetLoader", "control_net_name", "controlnet"},
      {"DiffControlNetLoader", "control_net_name", "controlnet"},
      {"CLIPVisionLoader", "clip_name", "clip_vision"},
      {"StyleModelLoader", "style_model_name", "style_models"},
      {"GLIGENLoader", "gligen_name", "gligen"},
      {"UpscaleModelLoader", "model_name", "upscale_models"},
      {"HypernetworkLoader", "hypernetwork_name", "hypernetworks"},
      {"PhotoMakerLoader", "photomaker_model_name", "photomaker"},
      {"ModelPatchLoader", "name", "model_patches"},
      {"AudioEncoderLoader", "audio_encoder_name", "audio_encoders"},
      {"DiffusersLoader", "model_path", "diffusers"},
      {"UnetLoaderGGUF", "unet_name", "diffusion_models"},
      {"CLIPLoaderGGUF", "clip_name", "text_encoders"},
      {"TensorRTLoader", "unet_name", "tensorrt"},
  };
  for (const auto& row : rows) {
    const Needs found = needs(loader(row.class_type, "\"" + std::string(row.input) + "\":\"f\""));
    ASSERT_EQ(found.models.size(), 1U) << row.class_type;
    EXPECT_EQ(found.models[0].folder, row.folder) << row.class_type;
    EXPECT_THAT(found.unknown, IsEmpty()) << row.class_type;
  }
  EXPECT_EQ(needs(loader("QuadrupleCLIPLoader", R"("clip_name1":"a","clip_name2":"b",)"
                                                R"("clip_name3":"c","clip_name4":"d")"))
                .models.size(),
            4U);
}

TEST(ComfyNeeds, SmallDecodersAreNoVaeFiles) {
  EXPECT_EQ(needs(loader("VAELoader", R"("vae_name":"taesd")")).models.at(0).folder, "vae_approx");
  EXPECT_THAT(needs(loader("VAELoader", R"("vae_name":"pixel_space")")).models, IsEmpty());
}

TEST(ComfyNeeds, FilesComeThroughPrimitivesButNotThroughOtherNodes) {
  const std::string through = R"({"1":{"class_type":"UNETLoader","inputs":{"unet_name":["p",0]}},)"
                              R"("p":{"class_type":"CLASS","inputs":{"value":"m.safetensors"}},)"
                              R"("2":{"class_type":"SaveImage","inputs":{"images":["1",0]}}})";
  const auto with = [&through](std::string_view class_type) {
    std::string text = through;
    return needs(text.replace(text.find("CLASS"), 5, class_type));
  };
  EXPECT_EQ(with("PrimitiveString").models.at(0).file, "m.safetensors");
  EXPECT_THAT(with("PrimitiveString").unknown, IsEmpty());
  const Needs computed = with("StringTrim");
  EXPECT_THAT(computed.models, IsEmpty());
  EXPECT_THAT(computed.bundle_id, StartsWith("unknown:"));
}

TEST(ComfyNeeds, UnknownLoadersMakeTheBundleUnknown) {
  const Needs custom = needs(loader("MyThing", R"("weights":"deep\\m.gguf","other":3)"));
  EXPECT_THAT(custom.unknown, ElementsAre(UnknownLoader{"1", "MyThing", "deep/m.gguf"}));
  EXPECT_THAT(custom.bundle_id, StartsWith("unknown:"));
  EXPECT_EQ(needs(loader("DownloadAndLoadFlorenceModel", R"("model":"org/name")")).unknown.size(),
            1U);
  EXPECT_EQ(needs(loader("Odd", R"("pick":"special")"), {"special"}).unknown.size(), 1U);
  EXPECT_THAT(needs(loader("Odd", R"("pick":"special")")).unknown, IsEmpty());
}

TEST(ComfyNeeds, WordsAndPicturesAreNoModels) {
  EXPECT_THAT(needs(loader("CLIPTextEncode", R"("text":"draw x.safetensors")")).unknown, IsEmpty());
  for (const char* class_type : {"LoadImage", "LoadAudio", "VHS_LoadVideo", "LoadLatent",
                                 "SaveImage", "UnloadAllModels", "ModelSamplingAuraFlow"}) {
    EXPECT_FALSE(sounds_like_loader(class_type)) << class_type;
  }
  const Needs none = needs(loader("EmptyImage", R"("width":8)"));
  EXPECT_TRUE(none.bundle_id.empty());
}

TEST(ComfyNeeds, EmbeddingsAreNamedButNoPartOfTheBundle) {
  const std::string plain = loader("CLIPTextEncode", R"("text":"a boat")");
  const std::string with = loader(
      "CLIPTextEncode", R"("text":"a (embedding:good-hands:1.2), embedding:other embedding: x")");
  EXPECT_THAT(needs(with).embeddings, ElementsAre("good-hands", "other"));
  EXPECT_EQ(needs(with).bundle_id, needs(plain).bundle_id);
}

TEST(ComfyBundle, IsTheSameForEveryOrderAndEveryIdOfNodes) {
  const std::vector<ModelReference> one = {{"A", "f", "", "", false}, {"B", "g", "fp8", "", false}};
  const std::vector<ModelReference> two = {one[1], one[0], one[1]};
  EXPECT_EQ(bundle_id_of(one, {}), bundle_id_of(two, {}));
  // Journals rely on this very text.
  EXPECT_EQ(bundle_id_of(one, {}), "bundle:345927def1bcca99");
  const std::vector<UnknownLoader> first = {{"1", "C", "h"}};
  const std::vector<UnknownLoader> second = {{"99", "C", "h"}};
  EXPECT_EQ(bundle_id_of({}, first), bundle_id_of({}, second));
}

TEST(ComfyBundle, TellsClassesFilesDtypesAndProcessorsApart) {
  const std::vector<std::vector<ModelReference>> sets = {
      {{"A", "f", "", "", false}},    {{"A", "f", "", "", true}},
      {{"A", "f", "fp8", "", false}}, {{"A", "g", "", "", false}},
      {{"B", "f", "", "", false}},    {{"A", "f", "", "", false}, {"B", "f", "", "", false}},
      {{"Af", "", "", "", false}},
  };
  std::set<std::string> ids;
  for (const auto& set : sets) ids.insert(bundle_id_of(set, {}));
  EXPECT_EQ(ids.size(), sets.size());
}

TEST(ComfyBundle, ManyFilesMakeItUnknown) {
  std::string text = R"({"s":{"class_type":"SaveImage","inputs":{"images":["0",0]}})";
  for (std::size_t i = 0; i <= kReferencesMax; ++i) {
    text += ",\"" + std::to_string(i) + R"(":{"class_type":"LoraLoader","inputs":{"lora_name":")" +
            std::to_string(i) + R"(","model":[")" + std::to_string(i + 1) + "\",0]}}";
  }
  const Needs many = needs(text + "}");
  EXPECT_EQ(many.models.size(), kReferencesMax);
  EXPECT_THAT(many.bundle_id, StartsWith("unknown:"));
}

std::vector<SamplerPass> passes(std::string_view text) {
  const Graph graph = graph_of(text);
  return sampler_passes(graph, reach_of(graph));
}

TEST(ComfyWork, FollowsTheLatentToItsSize) {
  EXPECT_THAT(passes(kPicture), ElementsAre(SamplerPass{"3", 25, 1024, 768, 2, 1, true}));
  EXPECT_EQ(work_of(passes(kPicture)), 25ULL * 1024 * 768 * 2);
}

TEST(ComfyWork, CountsTheStepsThatASamplerReallyRuns) {
  EXPECT_THAT(passes(kFilmFromPicture),
              ElementsAre(SamplerPass{"first", 2, 640, 640, 1, 81, true},
                          SamplerPass{"second", 2, 640, 640, 1, 81, true}));
}

TEST(ComfyWork, KnowsSigmasAndAreasOfPictures) {
  EXPECT_THAT(passes(kGuided), ElementsAre(SamplerPass{"sample", 28, 1024, 512, 1, 1, true}));
}

TEST(ComfyWork, DividesSplitSigmas) {
  const std::string text =
      R"({"a":{"class_type":"SamplerCustomAdvanced","inputs":{"sigmas":["split",0],
     "latent_image":["l",0]}},)"
      R"("b":{"class_type":"SamplerCustomAdvanced","inputs":{"sigmas":["split",1],
     "latent_image":["a",0]}},)"
      R"("split":{"class_type":"SplitSigmas","inputs":{"sigmas":["s",0],"step":3}},)"
      R"("s":{"class_type":"BasicScheduler","inputs":{"steps":10}},)"
      R"("l":{"class_type":"EmptyLatentImage","inputs":{"width":64,"height":32}},)"
      R"("o":{"class_type":"SaveImage","inputs":{"images":["b",0]}}})";
  EXPECT_THAT(passes(text), ElementsAre(SamplerPass{"a", 3, 64, 32, 1, 1, true},
                                        SamplerPass{"b", 7, 64, 32, 1, 1, true}));
}

TEST(ComfyWork, ScalesWhatIsEnlargedOnTheWay) {
  const std::string text =
      R"({"a":{"class_type":"KSampler","inputs":{"steps":4,"latent_image":["u",0]}},)"
      R"("u":{"class_type":"LatentUpscaleBy","inputs":{"samples":["r",0],"scale_by":1.5}},)"
      R"("r":{"class_type":"RepeatLatentBatch","inputs":{"samples":["l",0],"amount":3}},)"
      R"("l":{"class_type":"EmptyLatentImage","inputs":{"width":64,"height":32,"batch_size":2}},)"
      R"("o":{"class_type":"SaveImage","inputs":{"images":["a",0]}}})";
  EXPECT_THAT(passes(text), ElementsAre(SamplerPass{"a", 4, 96, 48, 6, 1, true}));
}

TEST(ComfyWork, SoundIsCountedInSeconds) {
  const std::string text =
      R"({"a":{"class_type":"KSampler","inputs":{"steps":50,"latent_image":["l",0]}},)"
      R"("l":{"class_type":"EmptyLatentAudio","inputs":{"seconds":47.6,"batch_size":1}},)"
      R"("o":{"class_type":"SaveAudioMP3","inputs":{"audio":["a",0]}}})";
  EXPECT_THAT(passes(text), ElementsAre(SamplerPass{"a", 50, 1, 1, 1, 48, true}));
}

TEST(ComfyWork, HasDefaultsForWhatAFileDecides) {
  const std::string text =
      R"({"a":{"class_type":"KSampler","inputs":{"steps":["x",0],"latent_image":["e",0]}},)"
      R"("e":{"class_type":"VAEEncode","inputs":{"pixels":["p",0]}},)"
      R"("p":{"class_type":"LoadImage","inputs":{"image":"x.png"}},)"
      R"("o":{"class_type":"SaveImage","inputs":{"images":["a",0]}}})";
  EXPECT_THAT(passes(text), ElementsAre(SamplerPass{"a", 20, 1024, 1024, 1, 1, false}));
}

TEST(ComfyWork, NeverOverflows) {
  const std::string text =
      R"({"a":{"class_type":"KSampler","inputs":{"steps":18446744073709551615,
     "latent_image":["u",0]}},)"
      R"("u":{"class_type":"LatentUpscaleBy","inputs":{"samples":["l",0],"scale_by":64}},)"
      R"("l":{"class_type":"E","inputs":{"width":18446744073709551615,
     "height":18446744073709551615,)"
      R"("batch_size":18446744073709551615,"length":9007199254740992.0}},)"
      R"("o":{"class_type":"SaveImage","inputs":{"images":["a",0]}}})";
  EXPECT_EQ(work_of(passes(text)), 1ULL << 63);
  EXPECT_EQ(work_bucket(1ULL << 63), 127U);
}

TEST(ComfyWork, BucketsHoldRunsThatDifferLittle) {
  EXPECT_EQ(work_bucket(0), 0U);
  EXPECT_EQ(work_bucket(1), 1U);
  for (std::uint64_t work = 2; work < 100'000; ++work) {
    ASSERT_LE(work_bucket(work - 1), work_bucket(work));
    ASSERT_NE(work_bucket(work), work_bucket(2 * work));
    ASSERT_LE(work_bucket(work + work / 2) - work_bucket(work), 2U);
  }
  EXPECT_EQ(duration_key("bundle:x", 1024), "bundle:x/21");
}

}  // namespace
}  // namespace stoker::protocol::comfyui
