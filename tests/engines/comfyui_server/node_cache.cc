#include "tests/engines/comfyui_server/node_cache.h"

#include <algorithm>
#include <functional>

#include "tests/engines/comfyui_server/validation.h"

namespace stoker::engines::comfyui {
namespace {

std::string digest(const std::string& text) {
  return std::to_string(std::hash<std::string>{}(text)) + "." + std::to_string(text.size());
}

class Signer {
 public:
  Signer(const json::object& prompt, const Files& files) : prompt_(prompt), files_(files) {}

  // Empty for a cycle.
  const std::string& sign(const std::string& id) {
    if (const auto known = signed_.find(id); known != signed_.end()) return known->second;
    signed_[id] = "";  // what is met again on the way is a cycle
    const json::object* node = node_of(prompt_, id);
    if (node == nullptr) return signed_[id];
    std::map<std::string, std::string> parts;
    for (const auto& [name, value] : inputs_of(*node)) {
      const auto link = as_link(value);
      if (!link) {
        parts[name] = json::serialize(value);
        continue;
      }
      const std::string& source = sign(link->node);
      if (source.empty()) return signed_[id];
      parts[name] = source + "#" + std::to_string(link->slot);
    }
    std::string all = class_of(*node);
    for (const auto& [name, part] : parts) all.append("\n").append(name).append("=").append(part);
    all += content_of(*node);
    return signed_[id] = digest(all);
  }

  std::map<std::string, std::string> take() { return std::move(signed_); }

 private:
  // LoadImage runs again when its file has changed.
  std::string content_of(const json::object& node) const {
    const json::value* picture = inputs_of(node).if_contains("image");
    if (class_of(node) != "LoadImage" || picture == nullptr || !picture->is_string()) return "";
    const std::string* bytes = files_.find(annotated_place(picture->get_string(), "input"));
    return bytes == nullptr ? "" : "\n" + digest(*bytes);
  }

  const json::object& prompt_;
  const Files& files_;
  std::map<std::string, std::string> signed_;
};

}  // namespace

void NodeCache::begin(const std::set<std::string>& signatures) {
  if (policy_ != CachePolicy::classic) return;
  std::erase_if(results_,
                [&](const Entry& entry) { return !signatures.contains(entry.signature); });
}

void NodeCache::end() {
  if (policy_ == CachePolicy::none) results_.clear();
  while (policy_ == CachePolicy::lru && results_.size() > size_) results_.pop_back();
}

const NodeResult* NodeCache::find(const std::string& signature) {
  const auto found = std::ranges::find(results_, signature, &Entry::signature);
  if (found == results_.end()) return nullptr;
  results_.splice(results_.begin(), results_, found);
  return results_.front().result.get();
}

void NodeCache::store(const std::string& signature, NodeResult result) {
  results_.push_front(
      {.signature = signature, .result = std::make_unique<NodeResult>(std::move(result))});
}

std::map<std::string, std::string> signatures_of(const json::object& prompt, const Files& files) {
  Signer signer(prompt, files);
  for (const auto& [id, node] : prompt) signer.sign(std::string(id));
  return signer.take();
}

}  // namespace stoker::engines::comfyui
