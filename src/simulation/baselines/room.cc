#include "simulation/baselines/room.h"

#include <algorithm>

namespace stoker::simulation {
namespace {

// Warming up begins so much earlier than the loads take, and ends so much after the start.
constexpr Duration kWarmLead = seconds(30);
constexpr Duration kWarmTail = seconds(5);

bool contains(std::span<const ModelIndex> models, ModelIndex model) {
  return std::ranges::find(models, model) != models.end();
}

template <class Wanted>
std::vector<ModelIndex> idle_where(const World& world, Wanted wanted) {
  std::vector<ModelIndex> models;
  for (const ModelIndex model : world.resident()) {
    if (!world.in_use(model) && wanted(model)) models.push_back(model);
  }
  std::ranges::sort(models, [&](ModelIndex a, ModelIndex b) {
    if (world.last_used(a) != world.last_used(b)) return world.last_used(a) < world.last_used(b);
    return world.setting().models[a].name < world.setting().models[b].name;
  });
  return models;
}

MiB memory_of(const World& world, std::span<const ModelIndex> models) {
  MiB sum;
  for (const ModelIndex model : models) sum += world.setting().models[model].memory;
  return sum;
}

std::vector<ModelIndex> without_repeats(std::span<const ModelIndex> models) {
  std::vector<ModelIndex> once;
  for (const ModelIndex model : models) {
    if (!contains(once, model)) once.push_back(model);
  }
  return once;
}

}  // namespace

std::vector<JobIndex> waiting_of(const World& world, StepKind kind) {
  std::vector<JobIndex> jobs;
  for (const JobIndex job : world.waiting()) {
    if (world.job(job).kind == kind) jobs.push_back(job);
  }
  return jobs;
}

std::vector<JobIndex> heads(const World& world, StepKind kind) {
  std::vector<JobIndex> first;
  for (const JobIndex job : world.waiting()) {
    const Job& facts = world.job(job);
    const auto same_backend = [&](JobIndex other) {
      return world.job(other).backend == facts.backend;
    };
    if (facts.kind == kind && std::ranges::none_of(first, same_backend)) first.push_back(job);
  }
  return first;
}

std::vector<ModelIndex> idle_models(const World& world) {
  return idle_where(world, [](ModelIndex) { return true; });
}

std::vector<ModelIndex> idle_models(const World& world, StepKind kind) {
  return idle_where(world,
                    [&](ModelIndex model) { return world.setting().models[model].kind == kind; });
}

bool make_room(World& world, ModelIndex model, std::span<const ModelIndex> candidates,
               std::string_view cause) {
  const MiB need = world.setting().models[model].memory;
  MiB free = world.free_memory();
  std::size_t victims = 0;
  while (free < need && victims < candidates.size())
    free += world.setting().models[candidates[victims++]].memory;
  if (free < need) return false;
  for (const ModelIndex victim : candidates.first(victims)) world.evict(victim, cause);
  return true;
}

std::vector<ModelIndex> announced_pins(const World& world) {
  const Plan& plan = world.setting().plan;
  std::vector<ModelIndex> wanted = plan.pinned;
  for (const ModelIndex model : plan.focus) {
    if (world.setting().models[model].kind == StepKind::text) wanted.push_back(model);
  }
  return without_repeats(wanted);
}

std::vector<ModelIndex> feasible_pins(const World& world, std::span<const ModelIndex> wanted) {
  const std::vector<ModelFacts>& models = world.setting().models;
  std::vector<ModelIndex> pins;
  for (const ModelIndex model : wanted) {
    pins.push_back(model);
    MiB largest_other;
    for (ModelIndex other = 0; other < models.size(); ++other) {
      if (!contains(pins, other)) largest_other = std::max(largest_other, models[other].memory);
    }
    if (memory_of(world, pins) + largest_other > world.setting().device.capacity()) pins.pop_back();
  }
  return pins;
}

void refuse_misfits(World& world, std::span<const ModelIndex> pins) {
  const MiB room = world.setting().device.capacity() - memory_of(world, pins);
  const std::vector<JobIndex> waiting(world.waiting().begin(), world.waiting().end());
  for (const JobIndex job : waiting) {
    const ModelIndex model = world.job(job).model;
    if (world.setting().models[model].memory > room && !contains(pins, model)) world.refuse(job);
  }
}

WarmUp::WarmUp(World& world, std::span<const ModelIndex> models)
    : models_(without_repeats(models)) {
  Duration lead = kWarmLead;
  for (const ModelIndex model : models_) lead += world.setting().models[model].load;
  for (const Phase& phase : world.setting().plan.phases) {
    const Instant from = std::max(Instant{}, phase.start - lead);
    windows_.push_back({from, phase.start + kWarmTail});
    world.wake_at(from);
  }
}

void WarmUp::step(World& world) const {
  const auto is_now = [&](const Phase& window) {
    return window.start <= world.now() && world.now() < window.end;
  };
  if (!world.loader_free() || std::ranges::none_of(windows_, is_now)) return;
  const auto next =
      std::ranges::find_if(models_, [&](ModelIndex model) { return world.can_load(model); });
  if (next != models_.end()) world.load(*next);
}

}  // namespace stoker::simulation
