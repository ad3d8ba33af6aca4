// Loading, unloading and observing: what the server says about its memory before and after.
#include <algorithm>
#include <set>
#include <utility>

#include "backends/ollama/ollama_calls.h"
#include "protocol/ollama/names.h"
#include "protocol/ollama/requests.h"

namespace stoker::ollama {
namespace {

namespace wire = protocol::ollama;

// `ollama ps` rounds to whole percents; a part below half of one is what it calls "100% GPU".
constexpr std::uint64_t kSpillShare = 200;
constexpr int kSpilledPollsMax = 50;

MiB mib_of(std::uint64_t bytes) {
  return MiB{static_cast<std::int64_t>((bytes + kBytesPerMiB - 1) / kBytesPerMiB)};
}

bool spilled(const wire::RunningModel& model) {
  if (model.vram_bytes >= model.bytes) return false;
  return model.bytes - model.vram_bytes >= std::max<std::uint64_t>(1, model.bytes / kSpillShare);
}

// A reload shows as another context or another size.
bool is_same_load(const std::optional<wire::RunningModel>& before,
                  const wire::RunningModel& after) {
  return before && before->context_length == after.context_length && before->bytes == after.bytes;
}

MiB told_by(const wire::RunningModel& model, OllamaMemory memory) {
  return mib_of(memory == OllamaMemory::card ? model.vram_bytes : model.bytes);
}

net::Task<Result<std::optional<wire::RunningModel>>> sighting(SharedSite site, std::string name,
                                                              Duration deadline) {
  std::vector<std::string> names;
  names.push_back(std::move(name));
  auto seen = co_await sightings(std::move(site), std::move(names), deadline);
  if (!seen) co_return fail(seen.error());
  co_return std::move(seen->front());
}

EngineAsk request(std::string target, std::string body, Duration deadline) {
  return {
      .method = "POST", .target = std::move(target), .body = std::move(body), .deadline = deadline};
}

std::unexpected<Error> runs_elsewhere() {
  return fail(ErrorCode::provider_blocked, "the model runs on another machine", "remote");
}

net::Task<Result<wire::ModelFacts>> facts_of(SharedSite site, std::string name, Duration deadline) {
  const auto answer =
      co_await ask(site, request("/api/show", wire::show_request(name), deadline), Doing::loading);
  if (!answer) co_return fail(answer.error());
  co_return wire::parse_show(answer->body);
}

// Done when the server has answered: then the model is loaded.
net::Task<Result<wire::LoadAnswer>> order_load(SharedSite site, EngineModel model,
                                               wire::ModelFacts facts, Duration deadline) {
  if (facts.only_embeds) {
    const auto answer = co_await ask(
        site,
        request("/api/embed", wire::embed_load_request(model.upstream, model.load_options),
                deadline),
        Doing::loading);
    if (!answer) co_return fail(answer.error());
    co_return wire::parse_embed_answer(answer->body);
  }
  const auto answer = co_await ask(
      site,
      request("/api/generate", wire::load_request(model.upstream, model.load_options), deadline),
      Doing::loading);
  if (!answer) co_return fail(answer.error());
  co_return wire::parse_generate_answer(answer->body);
}

net::Task<Result<bool>> any_listed(SharedSite site, std::set<std::string> names,
                                   Duration deadline) {
  const auto answer = co_await ask(
      site, {.method = "GET", .target = "/api/ps", .deadline = deadline}, Doing::asking);
  if (!answer) co_return fail(answer.error());
  const auto listed = wire::parse_ps(answer->body);
  if (!listed) co_return fail(listed.error());
  co_return std::ranges::any_of(*listed, [&](const wire::RunningModel& model) {
    return names.contains(wire::canonical_name(model.name));
  });
}

// The answer comes before the memory is free: the list tells when it is.
net::Task<Result<void>> order_unload(SharedSite site, EngineModel model,
                                     std::set<std::string> names, int polls_max,
                                     Duration deadline) {
  const auto answer = co_await ask(
      site,
      request("/api/generate", wire::unload_request(model.upstream, model.load_options), deadline),
      Doing::asking);
  if (!answer) co_return fail(answer.error());
  const auto taken = wire::parse_generate_answer(answer->body);
  if (!taken) co_return fail(taken.error());
  for (int polls = 0; polls_max == 0 || polls < polls_max; ++polls) {
    const auto still_there = co_await any_listed(site, names, deadline);
    if (!still_there) co_return fail(still_there.error());
    if (!*still_there) co_return Result<void>();
    co_await site->http()->network().sleep(kUnloadPoll);
  }
  co_return fail(ErrorCode::internal, "the model does not leave", "still_listed");
}

std::set<std::string> names_of(const EngineModel& model,
                               const std::optional<wire::RunningModel>& holder) {
  std::set<std::string> names{wire::canonical_name(model.upstream)};
  if (holder) names.insert(wire::canonical_name(holder->name));
  return names;
}

}  // namespace

net::Task<Result<std::vector<LoadedModel>>> observe(SharedSite site,
                                                    std::vector<EngineModel> models,
                                                    Duration deadline) {
  std::vector<std::string> names;
  for (const EngineModel& model : models) names.push_back(model.upstream);
  const auto seen = co_await sightings(site, std::move(names), deadline);
  if (!seen) co_return fail(seen.error());
  std::vector<LoadedModel> loaded;
  std::set<std::string> counted;  // what several names share is counted once
  for (std::size_t i = 0; i < models.size(); ++i) {
    const auto& entry = (*seen)[i];
    if (!entry) continue;
    const bool first = counted.insert(entry->name).second;
    loaded.push_back({models[i].id, first ? told_by(*entry, site->options().memory) : MiB{}});
  }
  co_return loaded;
}

net::Task<Result<LoadReport>> load(SharedSite site, EngineModel model, Duration deadline) {
  const auto facts = co_await facts_of(site, model.upstream, deadline);
  if (!facts) co_return fail(facts.error());
  if (facts->remote) co_return runs_elsewhere();
  const auto before = co_await sighting(site, model.upstream, deadline);
  if (!before) co_return fail(before.error());
  const auto answer = co_await order_load(site, model, *facts, deadline);
  if (!answer) co_return fail(answer.error());
  if (answer->remote) co_return runs_elsewhere();
  const auto after = co_await sighting(site, model.upstream, deadline);
  if (!after) co_return fail(after.error());
  if (!*after) {
    co_return fail(ErrorCode::load_failed, "the engine does not list what it loaded", "not_listed");
  }
  if (site->options().memory == OllamaMemory::card && spilled(**after)) {
    const auto gone =
        co_await order_unload(site, model, names_of(model, *after), kSpilledPollsMax, deadline);
    std::string detail = "a part of the model went to main memory";
    if (!gone) detail += ", and it does not leave again";
    co_return fail(ErrorCode::load_failed, std::move(detail), "spill");
  }
  co_return LoadReport{.vram = {},
                       .took = {},
                       .was_there = is_same_load(*before, **after),
                       .told = told_by(**after, site->options().memory)};
}

net::Task<Result<void>> unload(SharedSite site, EngineModel model, Duration deadline) {
  const auto holder = co_await sighting(site, model.upstream, deadline);
  if (!holder) co_return fail(holder.error());
  co_return co_await order_unload(site, model, names_of(model, *holder), 0, deadline);
}

}  // namespace stoker::ollama
