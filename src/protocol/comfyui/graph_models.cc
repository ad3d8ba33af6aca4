#include "protocol/comfyui/graph_models.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/random.h"
#include "protocol/comfyui/graph_loaders.h"
#include "protocol/comfyui/model_names.h"

namespace stoker::protocol::comfyui {
namespace {

constexpr std::string_view kVaeLoader = "VAELoader";
constexpr std::string_view kNoVaeFile = "pixel_space";
constexpr std::string_view kEmbedding = "embedding:";
constexpr std::uint64_t kFnvBasis = 0xcbf29ce484222325ULL;
constexpr std::uint64_t kFnvPrime = 0x00000100000001b3ULL;

std::string with_slashes(std::string_view name) {
  std::string result(name);
  std::ranges::replace(result, '\\', '/');
  return result;
}

// Their texts are words for pictures, or belong to the node that reads them.
bool holds_words(std::string_view class_type) {
  return class_type.starts_with("Primitive") || class_type.contains("TextEncode");
}

// Approximate decoders lie in a folder of their own and are found by a short name.
bool is_approximate_vae(std::string_view file) {
  return file.starts_with("taesd") || file.starts_with("taef");
}

class NeedsReader {
 public:
  NeedsReader(const Graph& graph, const std::set<std::string, std::less<>>& offered)
      : graph_(graph), offered_(offered) {}

  void read(NodeIndex index) {
    const GraphNode& node = graph_.nodes[index];
    if (const LoaderClass* known = loader_class(node.class_type)) {
      read_known(index, *known);
    } else if (!holds_words(node.class_type)) {
      read_unknown(index);
    }
    collect_embeddings(node);
  }

  Needs finish() {
    Needs needs;
    needs.models.assign(models_.begin(), models_.end());
    needs.unknown.assign(unknown_.begin(), unknown_.end());
    needs.embeddings.assign(embeddings_.begin(), embeddings_.end());
    needs.bundle_id = bundle_id_of(needs.models, needs.unknown);
    return needs;
  }

 private:
  void read_known(NodeIndex index, const LoaderClass& loader) {
    const GraphNode& node = graph_.nodes[index];
    if (is_off(index, loader.strength)) return;
    const bool on_cpu = text_behind(graph_, index, "device") == "cpu";
    for (const std::string_view input : loader.file_inputs) {
      const auto file = text_behind(graph_, index, input);
      if (!file || file->empty() || file->size() > kGraphNameMax) {
        add_unknown(node, "");
        continue;
      }
      const bool vae = loader.name == kVaeLoader;
      if (vae && *file == kNoVaeFile) continue;
      ModelReference reference{.loader = node.class_type,
                               .file = with_slashes(*file),
                               .dtype = dtype_of(index, loader),
                               .folder = std::string(loader.folder),
                               .on_cpu = on_cpu};
      if (vae && is_approximate_vae(*file)) reference.folder = "vae_approx";
      add(std::move(reference), node);
    }
  }

  std::string dtype_of(NodeIndex index, const LoaderClass& loader) const {
    if (loader.dtype_input.empty()) return {};
    const auto dtype = text_behind(graph_, index, loader.dtype_input);
    if (!dtype || *dtype == "default" || dtype->size() > kGraphNameMax) return {};
    return std::string(*dtype);
  }

  bool is_off(NodeIndex index, LoraStrength strength) const {
    if (strength == LoraStrength::none) return false;
    if (number_behind(graph_, index, "strength_model") != 0.0) return false;
    return strength == LoraStrength::model || number_behind(graph_, index, "strength_clip") == 0.0;
  }

  void read_unknown(NodeIndex index) {
    const GraphNode& node = graph_.nodes[index];
    bool named = false;
    for (const GraphInput& input : node.inputs) {
      const auto text = text_behind(graph_, index, input.name);
      if (!text || text->size() > kGraphNameMax) continue;
      if (!is_weights_name(*text) && !offered_.contains(*text)) continue;
      add_unknown(node, with_slashes(*text));
      named = true;
    }
    if (!named && sounds_like_loader(node.class_type)) add_unknown(node, "");
  }

  void add(ModelReference reference, const GraphNode& node) {
    if (models_.size() < kReferencesMax) {
      models_.insert(std::move(reference));
    } else if (!models_.contains(reference)) {
      add_unknown(node, "");
    }
  }

  void add_unknown(const GraphNode& node, std::string file) {
    if (unknown_.size() >= kReferencesMax) return;
    unknown_.insert({.node = node.id, .loader = node.class_type, .file = std::move(file)});
  }

  void collect_embeddings(const GraphNode& node) {
    for (const GraphInput& input : node.inputs) {
      const auto* text = std::get_if<std::string>(&input.value);
      if (text == nullptr) continue;
      std::string_view rest = *text;
      for (auto at = rest.find(kEmbedding); at != std::string_view::npos;
           at = rest.find(kEmbedding)) {
        rest.remove_prefix(at + kEmbedding.size());
        const std::string_view name = rest.substr(0, rest.find_first_of(" \t\r\n,:()[]"));
        if (name.empty() || name.size() > kGraphNameMax) continue;
        if (embeddings_.size() >= kReferencesMax) return;
        embeddings_.emplace(name);
      }
    }
  }

  const Graph& graph_;
  const std::set<std::string, std::less<>>& offered_;
  std::set<ModelReference> models_;
  std::set<UnknownLoader> unknown_;
  std::set<std::string> embeddings_;
};

// FNV-1a over texts, each with its length before it.
class Digest {
 public:
  void add(std::string_view text) {
    add_bytes(std::to_string(text.size()));
    add_bytes(":");
    add_bytes(text);
  }

  std::string hex() const {
    constexpr std::string_view kHex = "0123456789abcdef";
    const std::uint64_t mixed = mix64(state_);
    std::string digits;
    for (int shift = 60; shift >= 0; shift -= 4) digits += kHex[(mixed >> shift) & 15];
    return digits;
  }

 private:
  void add_bytes(std::string_view bytes) {
    for (const char c : bytes) {
      state_ ^= static_cast<unsigned char>(c);
      state_ *= kFnvPrime;
    }
  }

  std::uint64_t state_ = kFnvBasis;
};

}  // namespace

Needs needs_of(const Graph& graph, const Reach& reach,
               const std::set<std::string, std::less<>>& offered_files) {
  NeedsReader reader(graph, offered_files);
  for (const NodeIndex node : reach.nodes) reader.read(node);
  return reader.finish();
}

std::string bundle_id_of(std::span<const ModelReference> models,
                         std::span<const UnknownLoader> unknown) {
  if (models.empty() && unknown.empty()) return {};
  std::vector<std::array<std::string_view, 4>> known;
  for (const ModelReference& model : models)
    known.push_back({model.loader, model.file, model.dtype, model.on_cpu ? "cpu" : ""});
  std::vector<std::array<std::string_view, 2>> other;
  for (const UnknownLoader& loader : unknown) other.push_back({loader.loader, loader.file});
  std::ranges::sort(known);
  std::ranges::sort(other);
  known.erase(std::ranges::unique(known).begin(), known.end());
  other.erase(std::ranges::unique(other).begin(), other.end());
  Digest digest;
  for (const auto& fields : known) std::ranges::for_each(fields, [&](auto f) { digest.add(f); });
  for (const auto& fields : other) std::ranges::for_each(fields, [&](auto f) { digest.add(f); });
  return (unknown.empty() ? "bundle:" : "unknown:") + digest.hex();
}

}  // namespace stoker::protocol::comfyui
