#include "protocol/comfyui/model_names.h"

#include <algorithm>
#include <array>

#include "protocol/comfyui/json_reading.h"

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

Result<std::vector<std::string>> parse_names(std::string_view body) {
  const auto answer = parse_json(body);
  const boost::json::array* list = answer ? answer->if_array() : nullptr;
  if (list == nullptr) return fail(ErrorCode::backend_down, "the engine's list is unreadable");
  std::vector<std::string> names;
  for (const boost::json::value& each : *list) {
    if (const boost::json::string* name = each.if_string()) names.emplace_back(*name);
  }
  return names;
}

}  // namespace stoker::protocol::comfyui
