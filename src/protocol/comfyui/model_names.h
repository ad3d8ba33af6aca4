// Names of weight files, as ComfyUI and SwarmUI write them.
#pragma once

#include <string>
#include <string_view>

namespace stoker::protocol::comfyui {

// Ends like a file of weights: ".safetensors", ".gguf", ".ckpt", …
bool is_weights_name(std::string_view name);
// Slashes whatever the engine's system, without the extension, for comparing.
std::string plain_model_name(std::string_view name);

}  // namespace stoker::protocol::comfyui
