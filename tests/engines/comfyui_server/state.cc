#include "tests/engines/comfyui_server/state.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

namespace stoker::engines::comfyui {
namespace {

constexpr std::uint64_t kMiBytes = 1024ULL * 1024;
constexpr std::uint64_t kInferenceBytes = 800 * kMiBytes;

std::uint64_t number_in(const std::string& text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

Flags read_flags(const ComfyUiOptions& options) {
  Flags flags;
  // Recent engines go by free memory; up to 128 GiB that is as with the classic cache.
  const bool keeps = options.era == Era::recent && options.ram_bytes > 128 * kGiB;
  flags.cache = keeps ? CachePolicy::pressure : CachePolicy::classic;
  const auto& words = options.arguments;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const std::string next = i + 1 < words.size() ? words[i + 1] : "";
    if (word == "--cache-classic") flags.cache = CachePolicy::classic;
    if (word == "--cache-none") flags.cache = CachePolicy::none;
    if (word == "--cache-ram") flags.cache = CachePolicy::pressure;
    if (word == "--cache-lru") {
      flags.cache = CachePolicy::lru;
      flags.cache_size = number_in(next);
    }
    if (word == "--cpu") flags.cpu = true;
    if (word == "--disable-smart-memory") flags.smart_memory = false;
    if (word == "--disable-metadata") flags.metadata = false;
    if (word == "--preview-method") flags.previews = next != "none";
    if (word == "--reserve-vram") flags.reserve_bytes = number_in(next) * kGiB;
    if (word == "--max-upload-size") flags.upload_bytes_max = number_in(next) * kMiBytes;
    if (word == "--enable-cors-header")
      flags.cors = next.empty() || next.starts_with("--") ? "*" : next;
  }
  return flags;
}

State::State(net::Network& the_network, Gates& the_gates, Faults& the_faults, Watch& the_watch,
             ComfyUiOptions the_options)
    : network(the_network),
      gates(the_gates),
      faults(the_faults),
      watch(the_watch),
      options(std::move(the_options)),
      flags(read_flags(options)),
      cache(flags.cache, flags.cache_size),
      memory({.vram_total = options.vram_bytes,
              .context = options.context_bytes,
              .reserve = flags.reserve_bytes,
              .inference = kInferenceBytes}),
      sockets(the_network) {
  for (const ComfyUiNode& node : options.extensions) {
    table.add({.name = node.name,
               .category = "extensions",
               .inputs = node.inputs,
               .outputs = node.outputs,
               .output_node = node.output_node});
  }
}

Folders State::folders() const {
  Folders all;
  for (const char* folder :
       {"checkpoints", "clip_vision", "controlnet", "diffusion_models", "embeddings", "loras",
        "style_models", "text_encoders", "upscale_models", "vae"}) {
    all[folder];
  }
  for (const ComfyUiFile& file : options.files) all[file.folder].push_back(file.name);
  for (auto& [folder, names] : all) std::ranges::sort(names);
  all["input"] = files.list("input");
  return all;
}

std::uint64_t State::bytes_of(const std::string& folder, const std::string& name) const {
  for (const ComfyUiFile& file : options.files) {
    if (file.folder == folder && file.name == name) return file.bytes;
  }
  return 0;
}

json::object State::features() const {
  json::object all{{"supports_preview_metadata", true},
                   {"max_upload_size", flags.upload_bytes_max}};
  if (!recent()) return all;
  all["extension"] = {{"manager", {{"supports_v4", true}}}};
  all["node_replacements"] = true;
  all["assets"] = true;
  all["supports_model_type_tags"] = true;
  return all;
}

json::object State::status() const {
  return {{"exec_info", {{"queue_remaining", queue_remaining()}}}};
}

}  // namespace stoker::engines::comfyui
