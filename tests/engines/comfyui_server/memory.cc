#include "tests/engines/comfyui_server/memory.h"

#include <algorithm>

namespace stoker::engines::comfyui {
namespace {

std::uint64_t minus(std::uint64_t a, std::uint64_t b) {
  return a > b ? a - b : 0;
}

// ComfyUI asks for a tenth more than the weights.
std::uint64_t with_margin(std::uint64_t bytes) {
  return bytes + bytes / 10;
}

bool holds(const std::vector<ModelPtr>& models, const ModelPtr& model) {
  return std::ranges::find(models, model) != models.end();
}

}  // namespace

void DeviceMemory::drop_gone() const {
  std::erase_if(residents_, [](const Resident& resident) { return resident.model.expired(); });
}

DeviceMemory::Resident* DeviceMemory::find(const ModelPtr& model) {
  const auto found = std::ranges::find_if(
      residents_, [&](const Resident& resident) { return resident.model.lock() == model; });
  return found == residents_.end() ? nullptr : &*found;
}

void DeviceMemory::load(const std::vector<ModelPtr>& models, unsigned share_max_percent) {
  drop_gone();
  has_context_ = true;
  std::uint64_t missing = 0;
  for (const ModelPtr& model : models) {
    const Resident* resident = find(model);
    const std::uint64_t there = resident == nullptr ? 0 : resident->bytes;
    if (!model->on_cpu) missing += minus(model->bytes, there);
  }
  const std::uint64_t beside = sizes_.reserve + sizes_.inference;
  if (missing > 0) make_room(with_margin(missing) + beside, models);
  for (const ModelPtr& model : models) {
    if (model->on_cpu) continue;
    const Resident* resident = find(model);
    const std::uint64_t there = resident == nullptr ? 0 : resident->bytes;
    const std::uint64_t room = minus(free(), beside) + there;
    load_one(model, std::min(room, model->bytes * share_max_percent / 100));
  }
}

void DeviceMemory::load_one(const ModelPtr& model, std::uint64_t bytes_max) {
  Resident* resident = find(model);
  if (resident == nullptr) {
    residents_.push_back({.model = model, .file = model->file, .wanted = model->bytes});
    resident = &residents_.back();
    ++loads_[model->file];
  }
  resident->bytes = std::max(resident->bytes, std::min(model->bytes, bytes_max));
  resident->used_at = ++clock_;
}

void DeviceMemory::make_room(std::uint64_t needed, const std::vector<ModelPtr>& keep) {
  std::vector<Resident*> candidates;
  for (Resident& resident : residents_) {
    if (!holds(keep, resident.model.lock())) candidates.push_back(&resident);
  }
  std::ranges::sort(candidates, {}, &Resident::used_at);
  for (Resident* resident : candidates) {
    if (free() >= needed) break;
    const std::uint64_t given = std::min(resident->bytes, needed - free());
    resident->bytes -= given;
    if (resident->bytes == 0) ++unloads_;
  }
  std::erase_if(residents_, [](const Resident& r) { return r.bytes == 0 && r.wanted > 0; });
}

void DeviceMemory::unload_all() {
  drop_gone();
  unloads_ += residents_.size();
  residents_.clear();
}

void DeviceMemory::reset() {
  residents_.clear();
  leaked_ = 0;
  has_context_ = false;
}

void DeviceMemory::leak_all() {
  leaked_ += weights();
  unload_all();
}

std::uint64_t DeviceMemory::held(std::string_view file) const {
  drop_gone();
  std::uint64_t bytes = 0;
  for (const Resident& resident : residents_) bytes += resident.file == file ? resident.bytes : 0;
  return bytes;
}

bool DeviceMemory::partial(std::string_view file) const {
  drop_gone();
  return std::ranges::any_of(residents_, [&](const Resident& resident) {
    return resident.file == file && resident.bytes < resident.wanted;
  });
}

std::uint64_t DeviceMemory::weights() const {
  drop_gone();
  std::uint64_t bytes = 0;
  for (const Resident& resident : residents_) bytes += resident.bytes;
  return bytes;
}

std::uint64_t DeviceMemory::reserved() const {
  return weights() + leaked_;
}

std::uint64_t DeviceMemory::free() const {
  const std::uint64_t used = reserved() + other_use_ + (has_context_ ? sizes_.context : 0);
  return minus(sizes_.vram_total, used);
}

std::vector<std::string> DeviceMemory::files() const {
  drop_gone();
  std::vector<std::string> names;
  for (const Resident& resident : residents_) names.push_back(resident.file);
  return names;
}

}  // namespace stoker::engines::comfyui
