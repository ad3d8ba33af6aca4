#include "protocol/comfyui/graph_loaders.h"

#include <algorithm>
#include <array>
#include <string>

namespace stoker::protocol::comfyui {
namespace {

using Names = std::span<const std::string_view>;

constexpr std::array<std::string_view, 1> kCheckpoint = {"ckpt_name"};
constexpr std::array<std::string_view, 1> kUnet = {"unet_name"};
constexpr std::array<std::string_view, 1> kClip = {"clip_name"};
constexpr std::array<std::string_view, 4> kClips = {"clip_name1", "clip_name2", "clip_name3",
                                                    "clip_name4"};
constexpr std::array<std::string_view, 1> kVae = {"vae_name"};
constexpr std::array<std::string_view, 1> kLora = {"lora_name"};
constexpr std::array<std::string_view, 1> kControlNet = {"control_net_name"};
constexpr std::array<std::string_view, 1> kStyle = {"style_model_name"};
constexpr std::array<std::string_view, 1> kGligen = {"gligen_name"};
constexpr std::array<std::string_view, 1> kModel = {"model_name"};
constexpr std::array<std::string_view, 1> kHypernetwork = {"hypernetwork_name"};
constexpr std::array<std::string_view, 1> kPhotoMaker = {"photomaker_model_name"};
constexpr std::array<std::string_view, 1> kName = {"name"};
constexpr std::array<std::string_view, 1> kAudioEncoder = {"audio_encoder_name"};
constexpr std::array<std::string_view, 1> kModelPath = {"model_path"};

constexpr Names first_clips(std::size_t count) {
  return Names(kClips).first(count);
}

constexpr auto kLoaders = std::to_array<LoaderClass>({
    {"CheckpointLoaderSimple", "checkpoints", kCheckpoint, "", LoraStrength::none},
    {"CheckpointLoader", "checkpoints", kCheckpoint, "", LoraStrength::none},
    {"unCLIPCheckpointLoader", "checkpoints", kCheckpoint, "", LoraStrength::none},
    {"ImageOnlyCheckpointLoader", "checkpoints", kCheckpoint, "", LoraStrength::none},
    {"CreateHookModelAsLora", "checkpoints", kCheckpoint, "", LoraStrength::none},
    {"CreateHookModelAsLoraModelOnly", "checkpoints", kCheckpoint, "", LoraStrength::none},
    {"UNETLoader", "diffusion_models", kUnet, "weight_dtype", LoraStrength::none},
    {"CLIPLoader", "text_encoders", kClip, "", LoraStrength::none},
    {"DualCLIPLoader", "text_encoders", first_clips(2), "", LoraStrength::none},
    {"TripleCLIPLoader", "text_encoders", first_clips(3), "", LoraStrength::none},
    {"QuadrupleCLIPLoader", "text_encoders", first_clips(4), "", LoraStrength::none},
    {"VAELoader", "vae", kVae, "", LoraStrength::none},
    {"LoraLoader", "loras", kLora, "", LoraStrength::model_and_clip},
    {"LoraLoaderModelOnly", "loras", kLora, "", LoraStrength::model},
    {"CreateHookLora", "loras", kLora, "", LoraStrength::model_and_clip},
    {"CreateHookLoraModelOnly", "loras", kLora, "", LoraStrength::model},
    {"ControlNetLoader", "controlnet", kControlNet, "", LoraStrength::none},
    {"DiffControlNetLoader", "controlnet", kControlNet, "", LoraStrength::none},
    {"CLIPVisionLoader", "clip_vision", kClip, "", LoraStrength::none},
    {"StyleModelLoader", "style_models", kStyle, "", LoraStrength::none},
    {"GLIGENLoader", "gligen", kGligen, "", LoraStrength::none},
    {"UpscaleModelLoader", "upscale_models", kModel, "", LoraStrength::none},
    {"LatentUpscaleModelLoader", "latent_upscale_models", kModel, "", LoraStrength::none},
    {"HypernetworkLoader", "hypernetworks", kHypernetwork, "", LoraStrength::none},
    {"PhotoMakerLoader", "photomaker", kPhotoMaker, "", LoraStrength::none},
    {"ModelPatchLoader", "model_patches", kName, "", LoraStrength::none},
    {"AudioEncoderLoader", "audio_encoders", kAudioEncoder, "", LoraStrength::none},
    {"DiffusersLoader", "diffusers", kModelPath, "", LoraStrength::none},
    {"UnetLoaderGGUF", "diffusion_models", kUnet, "", LoraStrength::none},
    {"UnetLoaderGGUFAdvanced", "diffusion_models", kUnet, "dequant_dtype", LoraStrength::none},
    {"CLIPLoaderGGUF", "text_encoders", kClip, "", LoraStrength::none},
    {"DualCLIPLoaderGGUF", "text_encoders", first_clips(2), "", LoraStrength::none},
    {"TripleCLIPLoaderGGUF", "text_encoders", first_clips(3), "", LoraStrength::none},
    {"QuadrupleCLIPLoaderGGUF", "text_encoders", first_clips(4), "", LoraStrength::none},
    {"TensorRTLoader", "tensorrt", kUnet, "", LoraStrength::none},
});

// They load what people made, or nothing.
constexpr auto kNotModels = std::to_array<std::string_view>(
    {"image", "mask", "video", "audio", "latent", "3d", "mesh", "text", "json", "svg", "prompt"});

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

}  // namespace

const LoaderClass* loader_class(std::string_view class_type) {
  const auto* const found = std::ranges::find(kLoaders, class_type, &LoaderClass::name);
  return found == kLoaders.end() ? nullptr : found;
}

bool sounds_like_loader(std::string_view class_type) {
  const std::string name = lower(class_type);
  if (!name.contains("load") || name.contains("unload")) return false;
  if (name.contains("model") || name.contains("checkpoint") || name.contains("lora")) return true;
  if (!name.contains("loader")) return false;
  return std::ranges::none_of(kNotModels,
                              [&name](std::string_view word) { return name.contains(word); });
}

}  // namespace stoker::protocol::comfyui
