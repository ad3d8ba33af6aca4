#include "backends/ollama/ollama_backend.h"

#include <algorithm>
#include <utility>

#include "backends/http/bounded_call.h"
#include "backends/http/run_listener.h"
#include "backends/ollama/ollama_calls.h"
#include "protocol/ollama/names.h"

namespace stoker {

OllamaBackend::OllamaBackend(Loop& loop, net::Network& network, OllamaOptions options,
                             std::vector<EngineModel> models)
    : link_(loop, network), site_(std::make_shared<ollama::Site>(network, std::move(options))) {
  traits_.slots = site_->options().slots;
  traits_.granularity = EvictionGranularity::model;
  traits_.can_cancel_one = true;
  traits_.can_list_loaded = true;
  traits_.streams = true;
  set_models(std::move(models));
}

OllamaBackend::~OllamaBackend() = default;

void OllamaBackend::set_models(std::vector<EngineModel> models) {
  models_.clear();
  refused_.clear();
  for (EngineModel& model : models) {
    const ModelId id = model.id;
    if (protocol::ollama::is_cloud_name(model.upstream)) {
      refused_.insert(id);
      continue;
    }
    models_.emplace(id, std::move(model));
  }
}

Result<EngineModel> OllamaBackend::find(ModelId model) const {
  if (refused_.contains(model)) {
    return fail(ErrorCode::provider_blocked, "the model runs on another machine", "remote");
  }
  const auto found = models_.find(model);
  if (found == models_.end()) return fail(ErrorCode::unknown_model, "not in the configuration");
  return found->second;
}

void OllamaBackend::probe(Duration deadline, Callback<ProbeReport> done) {
  auto told = [any_refused = !refused_.empty(),
               done = std::move(done)](Result<ProbeReport> report) mutable {
    if (report && any_refused &&
        std::ranges::find(report->remarks, EngineRemark::remote_models) == report->remarks.end()) {
      report->remarks.push_back(EngineRemark::remote_models);
    }
    done(std::move(report));
  };
  start_within<ProbeReport>(link_, deadline, ollama::probe(site_, deadline), std::move(told));
}

void OllamaBackend::list(Duration deadline, Callback<std::vector<OfferedModel>> done) {
  start_within<std::vector<OfferedModel>>(link_, deadline, ollama::list(site_, deadline),
                                          std::move(done));
}

void OllamaBackend::observe(Duration deadline, Callback<std::vector<LoadedModel>> done) {
  std::vector<EngineModel> models;
  for (const auto& [id, model] : models_) models.push_back(model);
  start_within<std::vector<LoadedModel>>(
      link_, deadline, ollama::observe(site_, std::move(models), deadline), std::move(done));
}

void OllamaBackend::load(ModelId model, Duration deadline, Callback<LoadReport> done) {
  const Result<EngineModel> known = find(model);
  if (!known) return refuse_soon<LoadReport>(link_, known.error(), std::move(done));
  auto timed = [&loop = link_.loop(), began = link_.loop().now(),
                done = std::move(done)](Result<LoadReport> report) mutable {
    if (report) report->took = loop.now() - began;
    done(std::move(report));
  };
  start_within<LoadReport>(link_, deadline, ollama::load(site_, *known, deadline),
                           std::move(timed));
}

void OllamaBackend::unload(ModelId model, Duration deadline, Callback<void> done) {
  const Result<EngineModel> known = find(model);
  if (!known) return refuse_soon<void>(link_, known.error(), std::move(done));
  start_within<void>(link_, deadline, ollama::unload(site_, *known, deadline), std::move(done));
}

void OllamaBackend::run(RunCall call, std::function<void(RunProgress)> progress,
                        Callback<RunReport> done) {
  const Result<EngineModel> known = find(call.model);
  if (!known) return refuse_soon<RunReport>(link_, known.error(), std::move(done));
  const AttemptId attempt = call.attempt;
  if (call.medium != Medium::text || runs_.contains(attempt)) {
    return refuse_soon<RunReport>(
        link_, {ErrorCode::bad_request, "only new attempts at texts", {}, {}}, std::move(done));
  }
  const auto listener = std::make_shared<RunListener>(link_.post(), std::move(progress));
  auto ended = [this, attempt, listener, done = std::move(done)](Result<RunReport> report) mutable {
    listener->end();
    runs_.erase(attempt);
    done(std::move(report));
  };
  const Duration deadline = call.deadline;
  const EngineLink::CallId id = start_within<RunReport>(
      link_, deadline, ollama::run(site_, *known, std::move(call), listener), std::move(ended));
  if (id) runs_[attempt] = id;
}

void OllamaBackend::cancel(AttemptId attempt, Duration deadline, Callback<void> done) {
  const auto found = runs_.find(attempt);
  if (deadline <= Duration{}) {
    return refuse_soon<void>(link_, {ErrorCode::run_timeout, "the deadline passed", {}, {}},
                             std::move(done));
  }
  if (found != runs_.end()) {
    link_.give_up(found->second, {ErrorCode::conflict, "cancelled", {}, {}});
  }
  // Behind the end of the run, which waits on the loop already.
  link_.post()([done = std::move(done)]() mutable { done({}); });
}

void OllamaBackend::find_attempt(AttemptId, Callback<AttemptFate> done) {
  link_.post()([done = std::move(done)]() mutable { done(AttemptFate::unknown); });
}

void OllamaBackend::join(RunCall, std::function<void(RunProgress)>, Callback<RunReport> done) {
  refuse_soon<RunReport>(link_, {ErrorCode::not_found, "the engine forgets attempts", {}, {}},
                         std::move(done));
}

}  // namespace stoker
