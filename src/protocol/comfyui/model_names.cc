#include "protocol/comfyui/model_names.h"

#include <algorithm>
#include <array>

namespace stoker::protocol::comfyui {
namespace {

constexpr std::size_t kNameBytesMax = 512;

constexpr auto kExtensions = std::to_array<std::string_view>(
    {".safetensors", ".sft", ".gguf", ".ckpt", ".pt", ".pth", ".bin", ".pkl"});

}  // namespace

bool is_weights_name(std::string_view name) {
  if (name.size() > kNameBytesMax || name.contains('\n')) return false;
  return std::ranges::any_of(kExtensions, [&](std::string_view ending) {
    return name.size() > ending.size() && name.ends_with(ending);
  });
}

std::string plain_model_name(std::string_view name) {
  for (const std::string_view ending : kExtensions) {
    if (name.ends_with(ending)) {
      name.remove_suffix(ending.size());
      break;
    }
  }
  std::string plain(name);
  std::ranges::replace(plain, '\\', '/');
  return plain;
}

}  // namespace stoker::protocol::comfyui
