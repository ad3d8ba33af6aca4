#include "simulation/baselines/ollama_comfy.h"

#include <algorithm>

#include "simulation/baselines/room.h"

namespace stoker::simulation {
namespace {

constexpr Duration kKeepAliveOfChecks = minutes(10);

// Whether the model would not even fit beside Ollama's models with all media gone.
bool needs_texts_to_go(const World& world, ModelIndex model) {
  const std::vector<ModelFacts>& models = world.setting().models;
  MiB held;
  const auto count = [&](ModelIndex m) {
    if (models[m].kind == StepKind::text) held += models[m].memory;
  };
  std::ranges::for_each(world.resident(), count);
  std::ranges::for_each(world.loading(), count, &LoadInProgress::model);
  return world.capacity() - held < models[model].memory;
}

}  // namespace

void OllamaComfy::begin(World& world) {
  kept_.resize(world.setting().models.size());
  asker_.resize(world.setting().models.size());
}

Duration OllamaComfy::keep_alive_of(const Job& job) const {
  if (keep_alive_) return *keep_alive_;
  return job.step % 2 == 0 ? kKeepAliveOfChecks : Duration{};
}

void OllamaComfy::settle(World& world, const Job& job) {
  if (job.kind != StepKind::text || world.in_use(job.model) || !world.is_resident(job.model))
    return;
  const Instant at = world.now() + kept_[job.model];
  const auto known = std::ranges::find(expiries_, job.model, &Expiry::model);
  if (known != expiries_.end()) {
    known->at = at;
  } else {
    expiries_.push_back({job.model, at});
  }
  world.wake_at(at);
}

void OllamaComfy::abandoned(World& world, const Job& job) {
  settle(world, job);
  if (job.kind != StepKind::text) return;
  if (world.is_loading(job.model) && asker_[job.model] == job.index) world.abort_load(job.model);
}

void OllamaComfy::evict_expired(World& world) {
  std::erase_if(expiries_, [&](const Expiry& expiry) {
    if (!world.is_resident(expiry.model) || world.in_use(expiry.model)) return true;
    if (expiry.at > world.now()) return false;
    world.evict(expiry.model, "keep_alive");
    return true;
  });
}

std::optional<JobIndex> OllamaComfy::start_texts(World& world) {
  std::optional<JobIndex> pending;
  for (const JobIndex index : waiting_of(world, StepKind::text)) {
    const Job& job = world.job(index);
    if (world.can_start(index)) {
      kept_[job.model] = keep_alive_of(job);
      std::erase_if(expiries_, [&](const Expiry& expiry) { return expiry.model == job.model; });
      world.start(index);
    } else if (!pending && !world.is_resident(job.model)) {
      pending = index;
    }
  }
  return pending;
}

void OllamaComfy::load_text(World& world, JobIndex job) {
  const ModelIndex model = world.job(job).model;
  if (!world.loader_free() || world.is_loading(model)) return;
  std::vector<ModelIndex> victims = idle_models(world, StepKind::text);
  std::ranges::sort(victims, [&](ModelIndex a, ModelIndex b) {
    if (kept_[a] != kept_[b]) return kept_[a] < kept_[b];
    return world.setting().models[a].name < world.setting().models[b].name;
  });
  const std::vector<ModelIndex> media = idle_models(world, StepKind::generation);
  victims.insert(victims.end(), media.begin(), media.end());
  if (!make_room(world, model, victims)) return;
  asker_[model] = job;
  world.load(model);
}

void OllamaComfy::load_media(World& world, JobIndex job) {
  const ModelIndex model = world.job(job).model;
  if (world.job(job).state != JobState::waiting || world.is_resident(model)) return;
  if (!world.loader_free() || world.is_loading(model)) return;
  std::vector<ModelIndex> victims = idle_models(world, StepKind::generation);
  std::ranges::sort(victims, [&](ModelIndex a, ModelIndex b) {
    const std::vector<ModelFacts>& models = world.setting().models;
    if (models[a].memory != models[b].memory) return models[a].memory < models[b].memory;
    return models[a].name < models[b].name;
  });
  if (needs_texts_to_go(world, model)) {
    const std::vector<ModelIndex> texts = idle_models(world, StepKind::text);
    victims.insert(victims.end(), texts.begin(), texts.end());
  }
  if (make_room(world, model, victims)) world.load(model);
}

void OllamaComfy::decide(World& world) {
  evict_expired(world);
  const std::optional<JobIndex> pending = start_texts(world);
  const std::vector<JobIndex> media = heads(world, StepKind::generation);
  for (const JobIndex job : media) {
    if (world.can_start(job)) world.start(job);
  }
  if (pending) load_text(world, *pending);
  for (const JobIndex job : media) load_media(world, job);
}

}  // namespace stoker::simulation
