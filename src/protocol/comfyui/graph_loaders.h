// The loader classes of ComfyUI and of widespread extensions: which inputs name files, and in which
// folder they lie.
//
// Threading: a constant table. Errors: nullptr for a class that is not in it.
// Source: nodes.py and comfy_extras of ComfyUI; the loaders of ComfyUI-GGUF.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace stoker::protocol::comfyui {

// Which strengths must differ from zero for the file to be read.
enum class LoraStrength : std::uint8_t { none, model, model_and_clip };

struct LoaderClass {
  std::string_view name;
  std::string_view folder;
  std::span<const std::string_view> file_inputs;
  std::string_view dtype_input;  // empty: it has none
  LoraStrength strength = LoraStrength::none;
};

const LoaderClass* loader_class(std::string_view class_type);

// A class whose name says that it loads weights, though it is not in the table.
bool sounds_like_loader(std::string_view class_type);

}  // namespace stoker::protocol::comfyui
