#include "simulation/baselines/lru_fifo.h"

#include <algorithm>

namespace stoker::simulation {
namespace {

// Starts what stands first, backend by backend, until one cannot start.
void start_in_order(World& world, StepKind kind) {
  std::vector<BackendIndex> blocked;
  for (const JobIndex job : waiting_of(world, kind)) {
    const BackendIndex backend = world.job(job).backend;
    if (std::ranges::find(blocked, backend) != blocked.end()) continue;
    if (world.can_start(job)) {
      world.start(job);
    } else {
      blocked.push_back(backend);
    }
  }
}

}  // namespace

void LruFifo::begin(World& world) {
  if (mode_ == Pins::plain) return;
  pins_ = announced_pins(world);
  if (mode_ == Pins::pin_and_warm) pins_ = feasible_pins(world, pins_);
  std::vector<ModelIndex> warm = pins_;
  const std::vector<ModelIndex>& focus = world.setting().plan.focus;
  warm.insert(warm.end(), focus.begin(), focus.end());
  warm_up_.emplace(world, warm);
}

std::vector<ModelIndex> LruFifo::victims(const World& world) const {
  std::vector<ModelIndex> models = idle_models(world);
  std::erase_if(models, [&](ModelIndex m) { return std::ranges::find(pins_, m) != pins_.end(); });
  return models;
}

void LruFifo::decide(World& world) {
  if (mode_ == Pins::pin_and_refuse) refuse_misfits(world, pins_);
  for (const StepKind kind : kStepKinds) start_in_order(world, kind);
  for (const StepKind kind : kStepKinds) {
    for (const JobIndex job : heads(world, kind)) {
      const ModelIndex model = world.job(job).model;
      if (world.is_resident(model) || world.is_loading(model) || !world.loader_free()) continue;
      if (make_room(world, model, victims(world))) world.load(model);
    }
  }
  if (warm_up_) warm_up_->step(world);
}

}  // namespace stoker::simulation
