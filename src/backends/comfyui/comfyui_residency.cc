#include "backends/comfyui/comfyui_residency.h"

#include <algorithm>

namespace stoker::comfyui {

using protocol::comfyui::CachePolicy;

void Residency::drop_others(ModelId model, const std::set<std::string>& loaders) {
  std::erase_if(residents_, [&](const Resident& resident) {
    return resident.model != model && !std::ranges::includes(loaders, resident.loaders);
  });
}

void Residency::prompt_begins(ModelId model, const std::set<std::string>& loaders) {
  if (cache_ == CachePolicy::classic) drop_others(model, loaders);
}

void Residency::prompt_ended(ModelId model, const std::set<std::string>& loaders,
                             const protocol::comfyui::SystemStats& stats) {
  cache_ = stats.cache;
  if (cache_ == CachePolicy::classic) drop_others(model, loaders);
  if (cache_ == CachePolicy::none || stats.unloads_after_run) return forget_all();
  std::erase_if(residents_, [&](const Resident& resident) { return resident.model == model; });
  residents_.push_back({.model = model, .loaders = loaders});
  const std::uint32_t kept = protocol::comfyui::workflows_kept(stats, nodes_);
  if (kept > 0 && residents_.size() > kept)
    residents_.erase(residents_.begin(), residents_.end() - static_cast<std::ptrdiff_t>(kept));
}

void Residency::saw(const Sighting& sighting, bool on_card) {
  cache_ = sighting.stats.cache;
  if (sighting.forgot || (sighting.foreign && cache_ == CachePolicy::classic)) forget_all();
  if (on_card && !sighting.stats.pages_weights) drop_what_cannot_be(sighting.stats.torch_active);
}

// Sizes are estimates: a model counts as moved out when a tenth of all is missing.
void Residency::drop_what_cannot_be(MiB in_use) {
  if (in_use <= kNothingLoaded) return forget_all();
  while (residents_.size() > 1 && held().count * 9 > in_use.count * 10) {
    residents_.erase(residents_.begin());
  }
}

MiB Residency::size_of(ModelId model) const {
  const auto found = sizes_.find(model);
  return found == sizes_.end() ? MiB{} : found->second;
}

std::vector<LoadedModel> Residency::all() const {
  std::vector<LoadedModel> models;
  for (const Resident& resident : residents_) {
    models.push_back({.model = resident.model, .vram = size_of(resident.model)});
  }
  return models;
}

bool Residency::holds(ModelId model) const {
  return std::ranges::find(residents_, model, &Resident::model) != residents_.end();
}

MiB Residency::held() const {
  MiB sum;
  for (const Resident& resident : residents_) sum += size_of(resident.model);
  return sum;
}

}  // namespace stoker::comfyui
