#include "server/workflow_templates.h"

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <span>

#include "assets/assets.h"
#include "protocol/comfyui/template.h"
#include "server/text_files.h"

namespace stoker::server {
namespace {

namespace json = boost::json;

constexpr std::string_view kFolder = "templates/";
constexpr std::string_view kEnding = ".json";
constexpr std::string_view kSchemas = "node_schemas";

std::string asset_name(std::string_view name) {
  return std::string(kFolder) + std::string(name) + std::string(kEnding);
}

// Replaces every text that is one of the files; loaders, wherever they are, name nothing else so.
void replace_files(json::value& value, const WeightNames& weights, std::vector<bool>& seen) {
  if (auto* object = value.if_object()) {
    for (auto& member : *object) replace_files(member.value(), weights, seen);
  } else if (auto* array = value.if_array()) {
    for (json::value& element : *array) replace_files(element, weights, seen);
  } else if (auto* text = value.if_string()) {
    for (std::size_t n = 0; n < weights.size(); ++n) {
      const std::string& from = weights[n].first;
      const bool in_folder = text->size() > from.size() && text->ends_with("/" + from);
      if (*text != from && !in_folder) continue;
      const std::string folder(text->subview(0, text->size() - from.size()));
      value = json::string(in_folder ? folder + weights[n].second : weights[n].second);
      seen[n] = true;
      return;
    }
  }
}

}  // namespace

std::vector<std::string> shipped_templates() {
  std::vector<std::string> names;
  for (const assets::Asset& asset : assets::all_assets()) {
    std::string_view name = asset.name;
    if (!name.starts_with(kFolder) || !name.ends_with(kEnding)) continue;
    name.remove_prefix(kFolder.size());
    name.remove_suffix(kEnding.size());
    if (name != kSchemas) names.emplace_back(name);
  }
  std::ranges::sort(names);
  return names;
}

Result<std::string> template_source(const std::string& name, const std::string& folder) {
  if (const assets::Asset* asset = assets::find_asset(asset_name(name)); asset && name != kSchemas)
    return std::string(asset->raw);
  const bool is_path = name.contains('/') || name.ends_with(kEnding);
  if (!is_path) {
    std::string known;
    for (const std::string& other : shipped_templates())
      known += (known.empty() ? "" : ", ") + other;
    return fail(ErrorCode::not_found, "there is no template \"" + name + "\"; there are: " + known +
                                          "; a file of your own ends in .json");
  }
  const auto path = std::filesystem::path(folder) / name;
  return read_text_file(path.lexically_normal().string(), protocol::comfyui::kTemplateBytesMax);
}

Result<std::string> with_weights(std::string_view text, const WeightNames& weights) {
  if (weights.empty()) return std::string(text);
  boost::system::error_code error;
  json::value value = json::parse(text, error);
  if (error) return fail(ErrorCode::bad_request, "the template is no JSON");
  std::vector<bool> seen(weights.size());
  replace_files(value, weights, seen);
  for (std::size_t n = 0; n < weights.size(); ++n) {
    if (!seen[n]) {
      return fail(ErrorCode::bad_request,
                  "the template names no file \"" + weights[n].first + "\"");
    }
  }
  return json::serialize(value);
}

std::string_view shipped_node_schemas() {
  const assets::Asset* asset = assets::find_asset(asset_name(kSchemas));
  return asset == nullptr ? std::string_view() : asset->raw;
}

}  // namespace stoker::server
