#include "simulation/baselines/llama_swap.h"

#include <algorithm>

namespace stoker::simulation {

void LlamaSwap::abandoned(World&, const Job& job) {
  std::erase(granted_, job.index);
}

bool LlamaSwap::is_granted(JobIndex job) const {
  return std::ranges::find(granted_, job) != granted_.end();
}

bool LlamaSwap::is_drained(const World& world, ModelIndex model) const {
  const auto on_it = [&](JobIndex job) { return world.job(job).model == model; };
  return !world.is_loading(model) && !world.in_use(model) && std::ranges::none_of(granted_, on_it);
}

std::optional<std::vector<ModelIndex>> LlamaSwap::victims(const World& world,
                                                          ModelIndex model) const {
  const std::vector<ModelFacts>& models = world.setting().models;
  std::vector<ModelIndex> present(world.resident().begin(), world.resident().end());
  for (const LoadInProgress& load : world.loading()) present.push_back(load.model);
  std::erase(present, model);
  if (sets_ == Sets::group) return present;

  const auto is_generation = [&](ModelIndex m) { return models[m].kind == StepKind::generation; };
  std::vector<ModelIndex> going;
  std::vector<ModelIndex> others;
  for (const ModelIndex other : present)
    (is_generation(model) && is_generation(other) ? going : others).push_back(other);
  std::ranges::sort(others, [&](ModelIndex a, ModelIndex b) {
    if (models[a].load != models[b].load) return models[a].load < models[b].load;
    return models[a].name < models[b].name;
  });
  MiB free = world.free_memory();
  for (const ModelIndex victim : going) free += models[victim].memory;
  for (const ModelIndex other : others) {
    if (free >= models[model].memory) break;
    going.push_back(other);
    free += models[other].memory;
  }
  if (free < models[model].memory) return std::nullopt;
  return going;
}

bool LlamaSwap::swap_to(World& world, ModelIndex model) {
  const auto going = victims(world, model);
  const auto is_free = [&](ModelIndex victim) { return is_drained(world, victim); };
  if (!going || !std::ranges::all_of(*going, is_free)) return false;
  for (const ModelIndex victim : *going) world.evict(victim, "swap");
  // Other processes may hold so much that an empty card is not enough.
  if (!world.can_load(model)) return false;
  world.load(model);
  return true;
}

bool LlamaSwap::walk(World& world) {
  bool progress = false;
  for (const JobIndex job : world.waiting()) {
    const ModelIndex model = world.job(job).model;
    if (is_granted(job) || world.is_loading(model)) continue;
    if (world.is_resident(model)) {
      granted_.push_back(job);
      progress = true;
    } else if (world.loader_free() && swap_to(world, model)) {
      progress = true;
    }
  }
  return progress;
}

void LlamaSwap::start_granted(World& world) {
  const std::vector<JobIndex> granted = granted_;
  for (const JobIndex job : granted) {
    const bool lost = !world.is_resident(world.job(job).model);  // to an incident
    if (!lost && !world.can_start(job)) continue;
    std::erase(granted_, job);
    if (!lost) world.start(job);
  }
}

void LlamaSwap::decide(World& world) {
  while (walk(world)) {
  }
  start_granted(world);
}

}  // namespace stoker::simulation
