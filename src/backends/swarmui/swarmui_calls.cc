#include "backends/swarmui/swarmui_calls.h"

#include <algorithm>
#include <utility>

#include "protocol/swarmui/requests.h"

namespace stoker::swarmui {
namespace {

// The share of what was believed to be there that must have left the cards; others use them, too.
constexpr std::int64_t kGonePercent = 70;

net::Task<Result<wire::Status>> status(SharedSite site, Duration deadline) {
  const auto answer = co_await Site::ask(site, "GetCurrentStatus", wire::session_body, deadline);
  if (!answer) co_return fail(answer.error());
  co_return wire::parse_status(answer->status, answer->body);
}

// nullopt: we may not ask.
net::Task<Result<std::optional<std::vector<wire::ListedBackend>>>> backends(SharedSite site,
                                                                            Duration deadline) {
  using Backends = std::optional<std::vector<wire::ListedBackend>>;
  const auto answer = co_await Site::ask(site, "ListBackends", wire::list_backends_body, deadline);
  if (!answer && is_refused(answer.error())) co_return Backends();
  if (!answer) co_return fail(answer.error());
  auto listed = wire::parse_backends(answer->status, answer->body);
  if (!listed) co_return fail(listed.error());
  co_return Backends(*std::move(listed));
}

net::Task<Result<std::optional<double>>> idle_minutes(SharedSite site, Duration deadline) {
  const auto answer = co_await Site::ask(site, "ListServerSettings", wire::session_body, deadline);
  if (!answer && is_refused(answer.error())) co_return std::optional<double>();
  if (!answer) co_return fail(answer.error());
  co_return wire::clears_after_minutes(answer->body);
}

bool can_work(std::string_view backends) {
  return backends == "running" || backends == "some_loading" || backends == "errored" ||
         backends.empty();
}

void tell_backends(ProbeReport& report, const std::vector<wire::ListedBackend>& listed) {
  std::uint32_t holders = 0;
  bool queues = false;
  for (const wire::ListedBackend& backend : listed) {
    report.flags.push_back("backend " + backend.id + " " + backend.type + " " + backend.status);
    if (backend.status == "running" && backend.loads_models) ++holders;
    queues = queues || backend.max_usages > 1;
  }
  if (queues) report.remarks.push_back(EngineRemark::queues_ahead);
  report.holds_max = std::max(holders, 1U);
}

EvictionGranularity granularity_of(EvictionGranularity configured, std::size_t models) {
  if (configured == EvictionGranularity::model && models > 1) return EvictionGranularity::backend;
  return configured;
}

}  // namespace

net::Task<Result<ProbeReport>> probe(SharedSite site, std::size_t models, Duration deadline) {
  const auto session = co_await Site::new_session(site, deadline);
  if (!session) co_return fail(session.error());
  const auto now = co_await status(site, deadline);
  if (!now) co_return fail(now.error());
  if (!can_work(now->backends)) {
    const std::string param = now->backends == "loading" ? "loading" : "no_backends";
    co_return fail(ErrorCode::backend_down, "its backends are " + now->backends, param);
  }
  ProbeReport report{.version = session->version,
                     .granularity = granularity_of(site->options().granularity, models),
                     .holds_max = 1};
  const auto listed = co_await backends(site, deadline);
  if (!listed) co_return fail(listed.error());
  if (*listed) tell_backends(report, **listed);
  const auto minutes = co_await idle_minutes(site, deadline);
  if (!minutes) co_return fail(minutes.error());
  if (minutes->value_or(0) > 0) report.remarks.push_back(EngineRemark::unloads_when_idle);
  co_return report;
}

net::Task<Result<std::vector<OfferedModel>>> list(SharedSite site, Duration deadline) {
  auto models = co_await Site::models(site, deadline);
  if (!models) co_return fail(models.error());
  std::vector<OfferedModel> offered;
  for (wire::ListedModel& model : *models) {
    if (offered.size() >= kOfferedModelsMax) break;
    offered.push_back({.name = std::move(model.name), .loaded = model.loaded});
  }
  co_return offered;
}

net::Task<Result<Sighting>> look(SharedSite site, std::vector<EngineModel> believed,
                                 Duration deadline) {
  const auto models = co_await Site::models(site, deadline);
  if (!models) co_return fail(models.error());
  Sighting sighting;
  for (const EngineModel& model : believed) {
    const wire::ListedModel* listed = wire::resolve(*models, model.upstream);
    if (listed != nullptr && listed->loaded) sighting.loaded.insert(model.upstream);
  }
  const auto used = co_await Site::card_use(site, deadline);
  if (!used) co_return fail(used.error());
  sighting.card_use = *used;
  co_return sighting;
}

net::Task<Result<bool>> load(SharedSite site, EngineModel model, Duration deadline) {
  const auto models = co_await Site::models(site, deadline);
  if (!models) co_return fail(models.error());
  const wire::ListedModel* listed = wire::resolve(*models, model.upstream);
  if (listed == nullptr) {
    co_return fail(ErrorCode::unknown_model, "the engine does not know the model", model.upstream);
  }
  // A coroutine's captures live in the function object, which the request keeps.
  const Site::Body body = [name = listed->name](std::string_view session) {
    return wire::select_model_body(session, name);
  };
  const auto answer = co_await Site::ask(site, "SelectModel", body, deadline);
  if (!answer) co_return fail(answer.error());
  if (const auto done = wire::parse_done(answer->status, answer->body); !done) {
    co_return fail(done.error());
  }
  co_return listed->loaded;
}

net::Task<Result<void>> unload(SharedSite site, MiB expected, Duration deadline) {
  const auto before = co_await Site::card_use(site, deadline);
  if (!before) co_return fail(before.error());
  const auto answer =
      co_await Site::ask(site, "FreeBackendMemory", wire::free_memory_body, deadline);
  if (!answer) co_return fail(answer.error());
  if (const auto done = wire::parse_done(answer->status, answer->body); !done) co_return done;
  while (*before) {
    const auto now = co_await Site::card_use(site, deadline);
    if (!now) co_return fail(now.error());
    if (!*now || **now <= kNothingLoaded) break;
    const std::int64_t gone = ((**before) - (**now)).count;
    if (gone * 100 >= expected.count * kGonePercent) break;
    co_await site->pause();
  }
  co_return Result<void>();
}

}  // namespace stoker::swarmui
