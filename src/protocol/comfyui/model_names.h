// Names of weight files, as ComfyUI and SwarmUI write them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace stoker::protocol::comfyui {

// Ends like a file of weights: ".safetensors", ".gguf", ".ckpt", …
bool is_weights_name(std::string_view name);
// Slashes whatever the engine's system, without the extension, for comparing.
std::string plain_model_name(std::string_view name);

// An answer that is a list of names. Errors: backend_down for an answer that is none.
Result<std::vector<std::string>> parse_names(std::string_view body);

}  // namespace stoker::protocol::comfyui
