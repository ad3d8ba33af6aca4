#include "backends/rehearsal/virtual_gpu.h"

#include <algorithm>
#include <string>

namespace stoker {

VirtualGpu::VirtualGpu(Loop& loop, DeviceId device, MiB total, Contention contention)
    : device_(device), total_(total), compute_(loop, contention) {
  STOKER_INVARIANT(total.count >= 0, "a card has no negative memory");
}

Result<void> VirtualGpu::take(BackendId backend, ModelId model, MiB amount) {
  STOKER_INVARIANT(amount.count >= 0, "an allocation is not negative");
  const std::lock_guard lock(mutex_);
  if (holdings_.contains({backend, model})) {
    return fail(ErrorCode::conflict, "the model holds memory already");
  }
  if (amount > free()) {
    return fail(ErrorCode::load_failed, "out of GPU memory: " + std::to_string(amount.count) +
                                            " MiB wanted, " + std::to_string(free().count) +
                                            " MiB free");
  }
  holdings_.emplace(Key{backend, model}, VirtualHolding{backend, model, amount, {}});
  held_ += amount;
  return {};
}

void VirtualGpu::give_back(BackendId backend, ModelId model) {
  const std::lock_guard lock(mutex_);
  const auto found = holdings_.find({backend, model});
  if (found == holdings_.end()) return;
  held_ -= found->second.sum();
  holdings_.erase(found);
}

MiB VirtualGpu::take_working(BackendId backend, ModelId model, MiB wanted) {
  const std::lock_guard lock(mutex_);
  const auto found = holdings_.find({backend, model});
  if (found == holdings_.end()) return {};
  const MiB got = std::clamp(wanted, MiB{}, free());
  found->second.working += got;
  held_ += got;
  return got;
}

void VirtualGpu::give_back_working(BackendId backend, ModelId model, MiB amount) {
  const std::lock_guard lock(mutex_);
  const auto found = holdings_.find({backend, model});
  if (found == holdings_.end()) return;  // went with its model
  const MiB back = std::min(amount, found->second.working);
  found->second.working -= back;
  held_ -= back;
}

void VirtualGpu::set_foreign(MiB wanted) {
  const std::lock_guard lock(mutex_);
  foreign_wanted_ = std::max(wanted, MiB{});
}

MiB VirtualGpu::foreign() const {
  return std::min(foreign_wanted_, total_ - held_);
}

MiB VirtualGpu::held_by(BackendId backend, ModelId model) const {
  const auto found = holdings_.find({backend, model});
  return found == holdings_.end() ? MiB{} : found->second.sum();
}

VirtualGpuSnapshot VirtualGpu::snapshot() const {
  const std::lock_guard lock(mutex_);
  VirtualGpuSnapshot snapshot{device_, total_, used(), foreign(), {}};
  snapshot.holdings.reserve(holdings_.size());
  for (const auto& [key, holding] : holdings_) snapshot.holdings.push_back(holding);
  return snapshot;
}

}  // namespace stoker
