// The rows of the table of node classes, in a short notation that node_classes.cc reads.
#pragma once

#include <array>
#include <string_view>

#include "tests/engines/comfyui_server/node_classes.h"

namespace stoker::engines::comfyui {

#define STOKER_SAMPLERS                                                                    \
  "ONE,euler|euler_ancestral|heun|dpmpp_2m|dpmpp_2m_sde|dpmpp_3m_sde_gpu|ddim|uni_pc|res_" \
  "multistep|lcm"
#define STOKER_SCHEDULERS \
  "ONE,simple|sgm_uniform|karras|exponential|ddim_uniform|beta|normal|linear_quadratic"

inline constexpr auto kNodeRows = std::to_array<NodeRow>({
    // Loaders.
    {"CheckpointLoaderSimple", "loaders", "ckpt_name:FILES,checkpoints", "MODEL CLIP VAE"},
    {"ImageOnlyCheckpointLoader", "loaders/video_models", "ckpt_name:FILES,checkpoints",
     "MODEL CLIP_VISION VAE"},
    {"unCLIPCheckpointLoader", "loaders", "ckpt_name:FILES,checkpoints",
     "MODEL CLIP VAE CLIP_VISION"},
    {"UNETLoader", "advanced/loaders",
     "unet_name:FILES,diffusion_models "
     "weight_dtype:ONE,default|fp8_e4m3fn|fp8_e4m3fn_fast|fp8_e5m2",
     "MODEL"},
    {"CLIPLoader", "advanced/loaders",
     "clip_name:FILES,text_encoders "
     "type:ONE,stable_diffusion|stable_cascade|sd3|stable_audio|mochi|ltxv|pixart|cosmos|lumina2|"
     "wan|"
     "hidream|chroma|ace|omnigen2|qwen_image|hunyuan_image|flux2 "
     "?device:ONE,default|cpu",
     "CLIP"},
    {"DualCLIPLoader", "advanced/loaders",
     "clip_name1:FILES,text_encoders clip_name2:FILES,text_encoders "
     "type:ONE,sdxl|sd3|flux|hunyuan_video|hidream|hunyuan_image ?device:ONE,default|cpu",
     "CLIP"},
    {"TripleCLIPLoader", "advanced/loaders",
     "clip_name1:FILES3,text_encoders clip_name2:FILES3,text_encoders "
     "clip_name3:FILES3,text_encoders",
     "CLIP"},
    {"QuadrupleCLIPLoader", "advanced/loaders",
     "clip_name1:FILES3,text_encoders clip_name2:FILES3,text_encoders "
     "clip_name3:FILES3,text_encoders clip_name4:FILES3,text_encoders",
     "CLIP"},
    {"CheckpointLoader", "advanced/loaders",
     "config_name:ONE,v1-inference.yaml ckpt_name:FILES,checkpoints", "MODEL CLIP VAE"},
    {"GLIGENLoader", "loaders", "gligen_name:FILES,gligen", "GLIGEN"},
    {"HypernetworkLoader", "loaders",
     "model:MODEL hypernetwork_name:FILES,hypernetworks strength:FLOAT,1,-10,10", "MODEL"},
    {"ModelPatchLoader", "advanced/loaders", "name:FILES,model_patches", "MODEL_PATCH"},
    {"AudioEncoderLoader", "loaders", "audio_encoder_name:FILES3,audio_encoders", "AUDIO_ENCODER"},
    {"VAELoader", "loaders", "vae_name:FILES,vae", "VAE"},
    {"LoraLoader", "loaders",
     "model:MODEL clip:CLIP lora_name:FILES,loras strength_model:FLOAT,1,-100,100 "
     "strength_clip:FLOAT,1,-100,100",
     "MODEL CLIP"},
    {"LoraLoaderModelOnly", "loaders",
     "model:MODEL lora_name:FILES,loras strength_model:FLOAT,1,-100,100", "MODEL"},
    {"ControlNetLoader", "loaders", "control_net_name:FILES,controlnet", "CONTROL_NET"},
    {"CLIPVisionLoader", "loaders", "clip_name:FILES,clip_vision", "CLIP_VISION"},
    {"StyleModelLoader", "loaders", "style_model_name:FILES,style_models", "STYLE_MODEL"},
    {"UpscaleModelLoader", "loaders", "model_name:FILES3,upscale_models", "UPSCALE_MODEL"},
    // What changes a model.
    {"ModelSamplingAuraFlow", "advanced/model", "model:MODEL shift:FLOAT,1.73,0,100", "MODEL"},
    {"ModelSamplingSD3", "advanced/model", "model:MODEL shift:FLOAT,3,0,100", "MODEL"},
    {"CFGNorm", "advanced/guidance", "model:MODEL strength:FLOAT,1,0,100", "MODEL"},
    {"CLIPSetLastLayer", "conditioning", "clip:CLIP stop_at_clip_layer:INT,-1,-24,-1", "CLIP"},
    // Conditioning.
    {"CLIPTextEncode", "conditioning", "text:TEXT clip:CLIP", "CONDITIONING"},
    {"CLIPTextEncodeFlux", "advanced/conditioning/flux",
     "clip:CLIP clip_l:TEXT t5xxl:TEXT guidance:FLOAT,3.5,0,100", "CONDITIONING"},
    {"CLIPTextEncodeSD3", "advanced/conditioning",
     "clip:CLIP clip_l:TEXT clip_g:TEXT t5xxl:TEXT empty_padding:ONE,none|empty_prompt",
     "CONDITIONING"},
    {"CLIPTextEncodeSDXL", "advanced/conditioning",
     "clip:CLIP width:INT,1024,0,16384 height:INT,1024,0,16384 crop_w:INT,0,0,16384 "
     "crop_h:INT,0,0,16384 target_width:INT,1024,0,16384 target_height:INT,1024,0,16384 "
     "text_g:TEXT text_l:TEXT",
     "CONDITIONING"},
    {"TextEncodeQwenImageEdit", "advanced/conditioning",
     "clip:CLIP prompt:TEXT ?vae:VAE ?image:IMAGE", "CONDITIONING"},
    {"TextEncodeQwenImageEditPlus", "advanced/conditioning",
     "clip:CLIP prompt:TEXT ?vae:VAE ?image1:IMAGE ?image2:IMAGE ?image3:IMAGE", "CONDITIONING"},
    {"TextEncodeAceStepAudio", "conditioning",
     "clip:CLIP tags:TEXT lyrics:TEXT lyrics_strength:FLOAT,1,0,10", "CONDITIONING"},
    {"FluxGuidance", "advanced/conditioning/flux",
     "conditioning:CONDITIONING guidance:FLOAT,3.5,0,100", "CONDITIONING"},
    {"ReferenceLatent", "advanced/conditioning/edit_models",
     "conditioning:CONDITIONING ?latent:LATENT", "CONDITIONING"},
    {"ConditioningStableAudio", "conditioning",
     "positive:CONDITIONING negative:CONDITIONING seconds_start:FLOAT,0,0,1000 "
     "seconds_total:FLOAT,47,0,1000",
     "CONDITIONING CONDITIONING"},
    {"ConditioningZeroOut", "advanced/conditioning", "conditioning:CONDITIONING", "CONDITIONING"},
    {"ConditioningCombine", "conditioning",
     "conditioning_1:CONDITIONING conditioning_2:CONDITIONING", "CONDITIONING"},
    {"LTXVConditioning", "conditioning/video_models",
     "positive:CONDITIONING negative:CONDITIONING frame_rate:FLOAT,25,0,1000",
     "CONDITIONING CONDITIONING"},
    {"CLIPVisionEncode", "conditioning", "clip_vision:CLIP_VISION image:IMAGE crop:ONE,center|none",
     "CLIP_VISION_OUTPUT"},
    {"ControlNetApplyAdvanced", "conditioning/controlnet",
     "positive:CONDITIONING negative:CONDITIONING control_net:CONTROL_NET image:IMAGE "
     "strength:FLOAT,1,0,10 start_percent:FLOAT,0,0,1 end_percent:FLOAT,1,0,1 ?vae:VAE",
     "CONDITIONING CONDITIONING"},
    // Latents.
    {"EmptyLatentImage", "latent",
     "width:INT,512,16,16384 height:INT,512,16,16384 batch_size:INT,1,1,4096", "LATENT"},
    {"EmptySD3LatentImage", "latent/sd3",
     "width:INT,1024,16,16384 height:INT,1024,16,16384 batch_size:INT,1,1,4096", "LATENT"},
    {"EmptyFlux2LatentImage", "latent",
     "width:INT,1024,16,16384 height:INT,1024,16,16384 batch_size:INT,1,1,4096", "LATENT"},
    {"EmptyHunyuanLatentVideo", "latent/video",
     "width:INT,848,16,16384 height:INT,480,16,16384 length:INT,25,1,16384 "
     "batch_size:INT,1,1,4096",
     "LATENT"},
    {"EmptyLTXVLatentVideo", "latent/video/ltxv",
     "width:INT,768,64,16384 height:INT,512,64,16384 length:INT,97,1,16384 "
     "batch_size:INT,1,1,4096",
     "LATENT"},
    {"Wan22ImageToVideoLatent", "conditioning/inpaint",
     "vae:VAE width:INT,1280,32,16384 height:INT,704,32,16384 length:INT,49,1,16384 "
     "batch_size:INT,1,1,4096 ?start_image:IMAGE",
     "LATENT"},
    {"WanImageToVideo", "conditioning/video_models",
     "positive:CONDITIONING negative:CONDITIONING vae:VAE width:INT,832,16,16384 "
     "height:INT,480,16,16384 length:INT,81,1,16384 batch_size:INT,1,1,4096 "
     "?clip_vision_output:CLIP_VISION_OUTPUT ?start_image:IMAGE",
     "CONDITIONING CONDITIONING LATENT"},
    {"EmptyLatentAudio", "latent/audio", "seconds:FLOAT,47.6,1,1000 batch_size:INT,1,1,4096",
     "LATENT"},
    {"EmptyAceStepLatentAudio", "latent/audio", "seconds:FLOAT,120,1,1000 batch_size:INT,1,1,4096",
     "LATENT"},
    {"VAEEncode", "latent", "pixels:IMAGE vae:VAE", "LATENT"},
    {"VAEDecode", "latent", "samples:LATENT vae:VAE", "IMAGE"},
    {"VAEDecodeTiled", "_for_testing",
     "samples:LATENT vae:VAE tile_size:INT,512,64,4096 overlap:INT,64,0,4096 "
     "temporal_size:INT,64,8,4096 temporal_overlap:INT,8,4,4096",
     "IMAGE"},
    {"VAEDecodeAudio", "latent/audio", "samples:LATENT vae:VAE", "AUDIO"},
    // Sampling.
    {"KSampler", "sampling",
     "model:MODEL seed:SEED steps:INT,20,1,10000 cfg:FLOAT,8,0,100 sampler_name:" STOKER_SAMPLERS
     " scheduler:" STOKER_SCHEDULERS
     " positive:CONDITIONING negative:CONDITIONING latent_image:LATENT denoise:FLOAT,1,0,1",
     "LATENT"},
    {"KSamplerAdvanced", "sampling",
     "model:MODEL add_noise:ONE,enable|disable noise_seed:SEED steps:INT,20,1,10000 "
     "cfg:FLOAT,8,0,100 sampler_name:" STOKER_SAMPLERS " scheduler:" STOKER_SCHEDULERS
     " positive:CONDITIONING negative:CONDITIONING latent_image:LATENT "
     "start_at_step:INT,0,0,10000 end_at_step:INT,10000,0,10000 "
     "return_with_leftover_noise:ONE,disable|enable",
     "LATENT"},
    {"KSamplerSelect", "sampling/custom_sampling/samplers", "sampler_name:" STOKER_SAMPLERS,
     "SAMPLER"},
    {"BasicScheduler", "sampling/custom_sampling/schedulers",
     "model:MODEL scheduler:" STOKER_SCHEDULERS " steps:INT,20,1,10000 denoise:FLOAT,1,0,1",
     "SIGMAS"},
    {"LTXVScheduler", "sampling/custom_sampling/schedulers",
     "steps:INT,20,1,10000 max_shift:FLOAT,2.05,0,100 base_shift:FLOAT,0.95,0,100 "
     "stretch:BOOL,true terminal:FLOAT,0.1,0,0.99 ?latent:LATENT",
     "SIGMAS"},
    {"Flux2Scheduler", "sampling/custom_sampling/schedulers",
     "steps:INT,20,1,4096 width:INT,1024,16,16384 height:INT,1024,16,16384", "SIGMAS"},
    {"RandomNoise", "sampling/custom_sampling/noise", "noise_seed:SEED", "NOISE"},
    {"BasicGuider", "sampling/custom_sampling/guiders", "model:MODEL conditioning:CONDITIONING",
     "GUIDER"},
    {"CFGGuider", "sampling/custom_sampling/guiders",
     "model:MODEL positive:CONDITIONING negative:CONDITIONING cfg:FLOAT,8,0,100", "GUIDER"},
    {"SamplerCustom", "sampling/custom_sampling",
     "model:MODEL add_noise:BOOL,true noise_seed:SEED cfg:FLOAT,8,0,100 positive:CONDITIONING "
     "negative:CONDITIONING sampler:SAMPLER sigmas:SIGMAS latent_image:LATENT",
     "LATENT LATENT"},
    {"SamplerCustomAdvanced", "sampling/custom_sampling",
     "noise:NOISE guider:GUIDER sampler:SAMPLER sigmas:SIGMAS latent_image:LATENT",
     "LATENT LATENT"},
    // Pictures.
    {"EmptyImage", "image",
     "width:INT,512,1,16384 height:INT,512,1,16384 batch_size:INT,1,1,4096 "
     "color:INT,0,0,16777215",
     "IMAGE"},
    {"LoadImage", "image", "image:PICTURE", "IMAGE MASK"},
    {"ImageScale", "image/upscaling",
     "image:IMAGE upscale_method:ONE,nearest-exact|bilinear|area|bicubic|lanczos "
     "width:INT,512,0,16384 height:INT,512,0,16384 crop:ONE,disabled|center",
     "IMAGE"},
    {"ImageScaleToTotalPixels", "image/upscaling",
     "image:IMAGE upscale_method:ONE,nearest-exact|bilinear|area|bicubic|lanczos "
     "megapixels:FLOAT,1,0.01,16",
     "IMAGE"},
    {"ImageUpscaleWithModel", "image/upscaling", "upscale_model:UPSCALE_MODEL image:IMAGE",
     "IMAGE"},
    {"SaveImage", "image", "images:IMAGE filename_prefix:STRING,ComfyUI", "", true},
    {"PreviewImage", "image", "images:IMAGE", "", true},
    // Sound.
    {"SaveAudio", "audio", "audio:AUDIO filename_prefix:STRING,audio/ComfyUI", "", true},
    {"SaveAudioMP3", "audio",
     "audio:AUDIO filename_prefix:STRING,audio/ComfyUI quality:ONE,V0|128k|320k", "", true},
    {"SaveAudioOpus", "audio",
     "audio:AUDIO filename_prefix:STRING,audio/ComfyUI quality:ONE,64k|96k|128k|192k|320k", "",
     true},
    {"PreviewAudio", "audio", "audio:AUDIO", "", true},
    // Video.
    {"CreateVideo", "image/video", "images:IMAGE fps:FLOAT,30,1,120 ?audio:AUDIO", "VIDEO"},
    {"SaveVideo", "image/video",
     "video:VIDEO filename_prefix:STRING,video/ComfyUI format:ONE3,auto|mp4 codec:ONE3,auto|h264",
     "", true},
    {"SaveWEBM", "image/video",
     "images:IMAGE filename_prefix:STRING,ComfyUI codec:ONE3,vp9|av1 fps:FLOAT,24,0.01,1000 "
     "crf:FLOAT,32,0,63",
     "", true},
    {"SaveAnimatedWEBP", "image/animation",
     "images:IMAGE filename_prefix:STRING,ComfyUI fps:FLOAT,6,0.01,1000 lossless:BOOL,true "
     "quality:INT,80,0,100 method:ONE3,default|fastest|slowest",
     "", true},
    // Plain values.
    {"PrimitiveString", "utils/primitive", "value:STRING,", "STRING"},
    {"PrimitiveStringMultiline", "utils/primitive", "value:TEXT", "STRING"},
    {"PrimitiveInt", "utils/primitive", "value:INT,0,-9007199254740991,9007199254740991", "INT"},
    {"PrimitiveFloat", "utils/primitive", "value:FLOAT,0,-1e15,1e15", "FLOAT"},
    {"PrimitiveBoolean", "utils/primitive", "value:BOOL,false", "BOOLEAN"},
    {"PreviewAny", "utils", "source:ANY", "", true},
});

#undef STOKER_SAMPLERS
#undef STOKER_SCHEDULERS

}  // namespace stoker::engines::comfyui
