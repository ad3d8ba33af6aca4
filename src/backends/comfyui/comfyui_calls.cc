#include "backends/comfyui/comfyui_calls.h"

#include <algorithm>
#include <array>
#include <utility>

#include "protocol/comfyui/model_names.h"
#include "protocol/comfyui/node_schemas.h"

namespace stoker::comfyui {
namespace {

struct ModelFolder {
  std::string_view folder;
  std::string_view loader;  // asked by engines that have no list of the folder
  std::string_view input;
};
constexpr auto kModelFolders = std::to_array<ModelFolder>({
    {"checkpoints", "CheckpointLoaderSimple", "ckpt_name"},
    {"diffusion_models", "UNETLoader", "unet_name"},
});

// What the engine wants free beside the weights.
constexpr MiB kRoomBesideWeights{1229};

std::vector<EngineRemark> remarks_of(const wire::SystemStats& stats) {
  std::vector<EngineRemark> remarks;
  switch (stats.cache) {
    case wire::CachePolicy::classic:
      remarks.push_back(EngineRemark::keeps_one_workflow);
      break;
    case wire::CachePolicy::lru:
      remarks.push_back(EngineRemark::keeps_n_results);
      break;
    case wire::CachePolicy::ram:
      remarks.push_back(EngineRemark::keeps_by_ram_pressure);
      break;
    case wire::CachePolicy::none:
      remarks.push_back(EngineRemark::keeps_nothing);
      break;
  }
  if (stats.pages_weights) remarks.push_back(EngineRemark::pages_weights);
  if (stats.unloads_after_run) remarks.push_back(EngineRemark::unloads_after_run);
  if (!stats.interrupts_one) remarks.push_back(EngineRemark::interrupts_globally);
  return remarks;
}

// /free drops everything, so nothing finer than the whole engine, unless it has one model only.
EvictionGranularity granularity_of(EvictionGranularity configured, std::size_t models) {
  if (configured == EvictionGranularity::model && models > 1) return EvictionGranularity::backend;
  return configured;
}

net::Task<Result<std::vector<std::string>>> names_in(SharedSite site, ModelFolder folder,
                                                     Duration deadline) {
  auto page = co_await Site::page(site, wire::models_target(folder.folder), deadline);
  if (!page) co_return fail(page.error());
  if (*page) co_return wire::parse_names(**page);
  auto schema = co_await Site::page(site, "/object_info/" + std::string(folder.loader), deadline);
  if (!schema) co_return fail(schema.error());
  const auto schemas = wire::parse_node_schemas(schema->value_or("{}"));
  if (!schemas) co_return fail(schemas.error());
  co_return wire::options_of(*schemas, folder.loader, folder.input);
}

MiB memory_in_use(const Site& site, const wire::SystemStats& stats) {
  return site.on_card() ? stats.torch_active : stats.ram_total - stats.ram_free;
}

// Below this the engine moves other models out before it loads one of that size.
bool may_have_made_room(const wire::SystemStats& before, MiB planned) {
  return before.device_free.count * 10 < planned.count * 11 + kRoomBesideWeights.count * 10;
}

// With the classic cache nothing but this model is left, else it came on top of what was there, unless that had to
// give way: then nobody can tell.
std::optional<MiB> size_told(const Site& site, const wire::SystemStats& before,
                             const wire::SystemStats& after, MiB planned) {
  const MiB now = memory_in_use(site, after);
  const bool alone = site.on_card() && after.cache == wire::CachePolicy::classic;
  if (site.on_card() && !alone && may_have_made_room(before, planned)) return std::nullopt;
  const MiB grown = alone ? now : now - memory_in_use(site, before);
  return grown > MiB{} ? std::optional(grown) : std::nullopt;
}

bool all_cached(const wire::HistoryEntry& entry, const std::vector<wire::LoaderNode>& loaders) {
  const auto cached = [&](const wire::LoaderNode& loader) {
    return std::ranges::find(entry.cached_nodes, loader.id) != entry.cached_nodes.end();
  };
  return !loaders.empty() && std::ranges::all_of(loaders, cached);
}

Error load_error_of(Error error) {
  if (error.code == ErrorCode::internal) error.code = ErrorCode::load_failed;
  return error;
}

// In main memory no figure of the engine shows it (checked on 0.33.0); the caller measures its process.
bool is_gone(const Site& site, MiB before, MiB now, MiB expected) {
  if (!site.on_card() || now <= kNothingLoaded || now.count * 10 <= before.count) return true;
  return expected > MiB{} && (before - now).count * 10 >= expected.count * 9;
}

}  // namespace

net::Task<Result<ProbeReport>> probe(SharedSite site, Fleet fleet, Duration deadline) {
  const auto stats = co_await Site::stats(site, deadline);
  if (!stats) co_return fail(stats.error());
  ProbeReport report{.version = stats->version_text,
                     .flags = stats->flags,
                     .remarks = remarks_of(*stats),
                     .granularity = granularity_of(site->options().granularity, fleet.models),
                     .holds_max = wire::workflows_kept(*stats, fleet.nodes_max)};
  co_return report;
}

net::Task<Result<std::vector<OfferedModel>>> list(SharedSite site, Duration deadline) {
  std::vector<OfferedModel> offered;
  for (const ModelFolder& folder : kModelFolders) {
    auto names = co_await names_in(site, folder, deadline);
    if (!names) co_return fail(names.error());
    for (std::string& name : *names) {
      if (offered.size() < kOfferedModelsMax) offered.push_back({.name = std::move(name)});
    }
  }
  co_return offered;
}

net::Task<Result<Sighting>> look(SharedSite site, std::string marker, Duration deadline) {
  const auto stats = co_await Site::stats(site, deadline);
  if (!stats) co_return fail(stats.error());
  const auto foreign = co_await Site::saw_foreign(site, deadline);
  if (!foreign) co_return fail(foreign.error());
  Sighting sighting{.stats = *stats, .foreign = *foreign};
  if (marker.empty()) co_return sighting;
  const auto entry = co_await Site::history(site, marker, deadline);
  if (!entry) co_return fail(entry.error());
  sighting.forgot = !entry->has_value();
  co_return sighting;
}

net::Task<Result<Loaded>> load(SharedSite site, Loading loading) {
  auto warm = wire::warm_up(loading.workflow->shape, loading.nonce);
  if (!warm) co_return fail(warm.error());
  const auto loaders = wire::loader_nodes(warm->graph);
  const auto before = co_await Site::stats(site, loading.deadline);
  if (!before) co_return fail(before.error());
  const auto entry = co_await play(site, {.prompt_id = loading.prompt_id,
                                          .graph = std::move(warm->graph),
                                          .output = warm->output,
                                          .client_id = loading.client_id,
                                          .deadline = loading.deadline,
                                          .state = std::make_shared<RunState>(),
                                          .listener = nullptr});
  if (!entry) co_return fail(load_error_of(entry.error()));
  site->own_number(entry->number);
  if (const auto error = error_of(*entry)) co_return fail(load_error_of(*error));
  const auto after = co_await Site::stats(site, loading.deadline);
  if (!after) co_return fail(after.error());
  if (!loading.old_marker.empty()) {
    // An empty warm-up more in the history harms nobody.
    (void)co_await Site::forget_history(site, loading.old_marker, loading.deadline);
  }
  Loaded loaded{.report = {}, .stats = *after};
  loaded.report.was_there = all_cached(*entry, loaders);
  if (!loaded.report.was_there) {
    loaded.report.told = size_told(*site, *before, *after, loading.workflow->model.planned);
  }
  co_return loaded;
}

net::Task<Result<void>> unload(SharedSite site, MiB expected, Duration deadline) {
  const auto before = co_await Site::stats(site, deadline);
  if (!before) co_return fail(before.error());
  const auto freed = co_await Site::post(site, "/free", wire::free_body(), deadline);
  if (!freed) co_return freed;
  while (true) {
    const auto now = co_await Site::stats(site, deadline);
    if (!now) co_return fail(now.error());
    if (is_gone(*site, memory_in_use(*site, *before), memory_in_use(*site, *now), expected)) {
      co_return Result<void>();
    }
    co_await site->pause();
  }
}

net::Task<Result<AttemptFate>> find(SharedSite site, std::string prompt_id, Duration deadline) {
  const auto place = co_await place_of(site, std::move(prompt_id), deadline);
  if (!place) co_return fail(place.error());
  if (*place == Place::nowhere) co_return AttemptFate::unknown;
  co_return *place == Place::in_queue ? AttemptFate::running : AttemptFate::finished;
}

}  // namespace stoker::comfyui
