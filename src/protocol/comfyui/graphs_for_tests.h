// Workflows as people export them, for tests.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "protocol/comfyui/graph.h"

namespace stoker::protocol::comfyui {

inline Graph graph_of(std::string_view text) {
  auto graph = parse_graph(text);
  EXPECT_TRUE(graph) << graph.error().detail;
  return graph ? *std::move(graph) : Graph{};
}

inline std::vector<NodeIndex> outputs_of(const Graph& graph) {
  return nodes_of_classes(graph, known_output_classes());
}

inline Reach reach_of(const Graph& graph) {
  return reach_back(graph, outputs_of(graph));
}

// Three text encoders of which one is loaded by a node that nothing needs.
inline constexpr std::string_view kPicture = R"({
  "4":{"class_type":"CheckpointLoaderSimple",
     "inputs":{"ckpt_name":"Official\\sd3.5_large.safetensors"}},
  "5":{"class_type":"EmptyLatentImage","inputs":{"width":1024,"height":768,"batch_size":2}},
  "6":{"class_type":"CLIPTextEncode","inputs":{"text":"a boat","clip":["42",0]}},
  "7":{"class_type":"CLIPTextEncode","inputs":{"text":"blurry","clip":["42",0]}},
  "3":{"class_type":"KSampler","inputs":{"seed":18446744073709551615,"steps":25,"cfg":5.5,
       "sampler_name":"euler","scheduler":"sgm_uniform","denoise":1,"model":["4",0],
       "positive":["6",0],"negative":["7",0],"latent_image":["5",0]}},
  "8":{"class_type":"VAEDecode","inputs":{"samples":["3",0],"vae":["4",2]}},
  "9":{"class_type":"SaveImage","inputs":{"filename_prefix":"x","images":["8",0]}},
  "42":{"class_type":"DualCLIPLoader","inputs":{"clip_name1":"clip_g.safetensors",
        "clip_name2":"t5xxl_enconly.safetensors","type":"sd3","device":"default"}},
  "43":{"class_type":"TripleCLIPLoader","inputs":{"clip_name1":"clip_l.safetensors",
        "clip_name2":"clip_g.safetensors","clip_name3":"t5xxl_fp16.safetensors"}}})";

// Two models one after the other, words as ids of nodes.
inline constexpr std::string_view kFilmFromPicture = R"({
  "high":{"class_type":"UNETLoader","inputs":{"unet_name":"wan_high.safetensors",
     "weight_dtype":"fp8_e4m3fn"}},
  "low":{"class_type":"UNETLoader","inputs":{"unet_name":"wan_low.safetensors",
     "weight_dtype":"default"}},
  "high_lora":{"class_type":"LoraLoaderModelOnly","inputs":{"lora_name":"l_high.safetensors",
     "strength_model":1.0,"model":["high",0]}},
  "low_lora":{"class_type":"LoraLoaderModelOnly","inputs":{"lora_name":"l_low.safetensors",
     "strength_model":0,"model":["low",0]}},
  "clip":{"class_type":"CLIPLoader","inputs":{"clip_name":"umt5.safetensors","type":"wan",
     "device":"cpu"}},
  "vae":{"class_type":"VAELoader","inputs":{"vae_name":"wan_vae.safetensors"}},
  "words":{"class_type":"PrimitiveStringMultiline","inputs":{"value":"a boat sails"}},
  "positive":{"class_type":"CLIPTextEncode","inputs":{"text":["words",0],"clip":["clip",0]}},
  "negative":{"class_type":"CLIPTextEncode","inputs":{"text":"static","clip":["clip",0]}},
  "picture":{"class_type":"LoadImage","inputs":{"image":"start.png"}},
  "film":{"class_type":"WanImageToVideo","inputs":{"width":640,"height":640,"length":81,
     "batch_size":1,
     "positive":["positive",0],"negative":["negative",0],"vae":["vae",0],
     "start_image":["picture",0]}},
  "first":{"class_type":"KSamplerAdvanced","inputs":{"add_noise":"enable","noise_seed":7,
     "steps":4,"cfg":1,
     "start_at_step":0,"end_at_step":2,"return_with_leftover_noise":"enable",
     "model":["high_lora",0],
     "positive":["film",0],"negative":["film",1],"latent_image":["film",2]}},
  "second":{"class_type":"KSamplerAdvanced","inputs":{"add_noise":"disable","noise_seed":0,
     "steps":4,"cfg":1,
     "start_at_step":2,"end_at_step":10000,"return_with_leftover_noise":"disable",
     "model":["low_lora",0],
     "positive":["film",0],"negative":["film",1],"latent_image":["first",0]}},
  "decode":{"class_type":"VAEDecode","inputs":{"samples":["second",0],"vae":["vae",0]}},
  "video":{"class_type":"CreateVideo","inputs":{"images":["decode",0],"fps":16}},
  "save":{"class_type":"SaveVideo","inputs":{"video":["video",0],"filename_prefix":"v"}}})";

// A guider, a noise node and sigmas instead of one sampler node.
inline constexpr std::string_view kGuided = R"({
  "unet":{"class_type":"UNETLoader","inputs":{"unet_name":"flux.safetensors",
     "weight_dtype":"default"}},
  "clip":{"class_type":"DualCLIPLoader","inputs":{"clip_name1":"a.safetensors",
     "clip_name2":"b.safetensors"}},
  "text":{"class_type":"CLIPTextEncodeFlux","inputs":{"clip":["clip",0],"clip_l":"hello",
     "t5xxl":"hello","guidance":3.5}},
  "reference":{"class_type":"ReferenceLatent","inputs":{"conditioning":["text",0],
     "latent":["encode",0]}},
  "guider":{"class_type":"BasicGuider","inputs":{"model":["unet",0],
     "conditioning":["reference",0]}},
  "noise":{"class_type":"RandomNoise","inputs":{"noise_seed":["seed",0]}},
  "seed":{"class_type":"PrimitiveInt","inputs":{"value":11}},
  "method":{"class_type":"KSamplerSelect","inputs":{"sampler_name":"euler"}},
  "steps":{"class_type":"BasicScheduler","inputs":{"model":["unet",0],"scheduler":"simple",
     "steps":28,"denoise":1}},
  "picture":{"class_type":"LoadImage","inputs":{"image":"in.png"}},
  "scaled":{"class_type":"ImageScaleToTotalPixels","inputs":{"image":["picture",0],
     "upscale_method":"area","megapixels":0.5}},
  "vae":{"class_type":"VAELoader","inputs":{"vae_name":"ae.safetensors"}},
  "encode":{"class_type":"VAEEncode","inputs":{"pixels":["scaled",0],"vae":["vae",0]}},
  "sample":{"class_type":"SamplerCustomAdvanced","inputs":{"noise":["noise",0],
     "guider":["guider",0],
    "sampler":["method",0],"sigmas":["steps",0],"latent_image":["encode",0]}},
  "decode":{"class_type":"VAEDecode","inputs":{"samples":["sample",0],"vae":["vae",0]}},
  "save":{"class_type":"SaveImage","inputs":{"images":["decode",0],"filename_prefix":"f"}},
  "look":{"class_type":"PreviewImage","inputs":{"images":["scaled",0]}}})";

}  // namespace stoker::protocol::comfyui
