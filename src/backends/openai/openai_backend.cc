#include "backends/openai/openai_backend.h"

#include <utility>

#include "backends/http/bounded_call.h"
#include "backends/http/run_listener.h"
#include "backends/openai/openai_calls.h"

namespace stoker {
namespace {

const Error kLate{ErrorCode::run_timeout, "the deadline passed", {}, {}};
const Error kCancelled{ErrorCode::conflict, "cancelled", {}, {}};

bool unloads_models(OpenAiFlavour flavour, bool can_sleep) {
  switch (flavour) {
    case OpenAiFlavour::llama_cpp_router:
    case OpenAiFlavour::localai:
    case OpenAiFlavour::lm_studio:
      return true;
    case OpenAiFlavour::vllm:
      return can_sleep;
    case OpenAiFlavour::llama_cpp:
    case OpenAiFlavour::sd_cpp:
    case OpenAiFlavour::plain:
      break;
  }
  return false;
}

}  // namespace

OpenAiBackend::OpenAiBackend(Loop& loop, net::Network& network, OpenAiOptions options,
                             std::vector<EngineModel> models)
    : link_(loop, network), site_(std::make_shared<openai::Site>(network, std::move(options))) {
  traits_.slots = site_->options().slots;
  notice_flavour();
  set_models(std::move(models));
}

OpenAiBackend::~OpenAiBackend() = default;

std::optional<OpenAiFlavour> OpenAiBackend::flavour() const {
  return site_->flavour();
}

void OpenAiBackend::set_models(std::vector<EngineModel> models) {
  models_.clear();
  for (EngineModel& model : models) {
    const ModelId id = model.id;
    models_.emplace(id, std::move(model));
  }
}

// As long as nothing is known, nothing is promised.
void OpenAiBackend::notice_flavour() {
  const auto flavour = site_->flavour();
  const bool unloads = flavour && unloads_models(*flavour, site_->can_sleep.load());
  traits_.granularity = unloads ? EvictionGranularity::model : EvictionGranularity::self;
  traits_.can_cancel_one = flavour && *flavour != OpenAiFlavour::sd_cpp;
  traits_.can_list_loaded = flavour && *flavour != OpenAiFlavour::plain;
  traits_.streams = flavour && *flavour != OpenAiFlavour::sd_cpp;
}

template <class T>
Backend::Callback<T> OpenAiBackend::noticing(Callback<T> done) {
  return [this, done = std::move(done)](Result<T> result) mutable {
    notice_flavour();
    done(std::move(result));
  };
}

Result<EngineModel> OpenAiBackend::find(ModelId model) const {
  const auto found = models_.find(model);
  if (found == models_.end()) return fail(ErrorCode::unknown_model, "not in the configuration");
  return found->second;
}

void OpenAiBackend::probe(Duration deadline, Callback<ProbeReport> done) {
  start_within<ProbeReport>(link_, deadline, openai::probe(site_, deadline),
                            noticing<ProbeReport>(std::move(done)));
}

void OpenAiBackend::list(Duration deadline, Callback<std::vector<OfferedModel>> done) {
  start_within<std::vector<OfferedModel>>(link_, deadline, openai::list(site_, deadline),
                                          noticing<std::vector<OfferedModel>>(std::move(done)));
}

void OpenAiBackend::observe(Duration deadline, Callback<std::vector<LoadedModel>> done) {
  std::vector<EngineModel> models;
  for (const auto& [id, model] : models_) models.push_back(model);
  start_within<std::vector<LoadedModel>>(link_, deadline,
                                         openai::observe(site_, std::move(models), deadline),
                                         noticing<std::vector<LoadedModel>>(std::move(done)));
}

void OpenAiBackend::load(ModelId model, Duration deadline, Callback<LoadReport> done) {
  const Result<EngineModel> known = find(model);
  if (!known) return refuse_soon<LoadReport>(link_, known.error(), std::move(done));
  auto timed = [&loop = link_.loop(), began = link_.loop().now(),
                done = std::move(done)](Result<LoadReport> report) mutable {
    if (report) report->took = loop.now() - began;
    done(std::move(report));
  };
  start_within<LoadReport>(link_, deadline, openai::load(site_, *known, deadline),
                           noticing<LoadReport>(std::move(timed)));
}

void OpenAiBackend::unload(ModelId model, Duration deadline, Callback<void> done) {
  const Result<EngineModel> known = find(model);
  if (!known) return refuse_soon<void>(link_, known.error(), std::move(done));
  start_within<void>(link_, deadline, openai::unload(site_, *known, deadline),
                     noticing<void>(std::move(done)));
}

void OpenAiBackend::run(RunCall call, std::function<void(RunProgress)> progress,
                        Callback<RunReport> done) {
  const Result<EngineModel> known = find(call.model);
  if (!known) return refuse_soon<RunReport>(link_, known.error(), std::move(done));
  const AttemptId attempt = call.attempt;
  if (runs_.contains(attempt) || known->medium != call.medium) {
    return refuse_soon<RunReport>(
        link_, {ErrorCode::bad_request, "only new attempts at the model's medium", {}, {}},
        std::move(done));
  }
  if (call.deadline <= Duration{}) {
    return refuse_soon<RunReport>(link_, kLate, std::move(done));
  }
  const auto listener = std::make_shared<RunListener>(link_.post(), std::move(progress));
  auto ended = [this, attempt, listener, done = std::move(done)](Result<RunReport> report) mutable {
    listener->end();
    end_run(attempt, std::move(report), std::move(done));
  };
  const Duration deadline = call.deadline;
  Run& run = runs_[attempt];
  run.model = *known;
  run.call = start_within<RunReport>(link_, deadline,
                                     openai::run(site_, *known, std::move(call), listener),
                                     noticing<RunReport>(std::move(ended)));
  site_->runs.store(static_cast<std::uint32_t>(runs_.size()));
}

void OpenAiBackend::end_run(AttemptId attempt, Result<RunReport> report, Callback<RunReport> done) {
  auto ended = runs_.extract(attempt);
  site_->runs.store(static_cast<std::uint32_t>(runs_.size()));
  auto& cancels = ended.mapped().cancels;
  if (!cancels.empty()) report = fail(kCancelled);
  done(std::move(report));
  for (auto& [id, waiting] : cancels) {
    link_.loop().cancel(waiting.deadline);
    waiting.done({});
  }
}

// The run keeps going, so its slot is not free before it has ended.
void OpenAiBackend::wait_for_end(Run& run, AttemptId attempt, Duration deadline,
                                 Callback<void> done) {
  const std::uint64_t id = ++cancels_made_;
  WaitingCancel& waiting = run.cancels[id];
  waiting.done = std::move(done);
  waiting.deadline = link_.loop().after(deadline, [this, attempt, id] {
    const auto found = runs_.find(attempt);
    if (found == runs_.end()) return;
    auto late = found->second.cancels.extract(id);
    if (!late.empty()) late.mapped().done(fail(kLate));
  });
}

void OpenAiBackend::cancel(AttemptId attempt, Duration deadline, Callback<void> done) {
  if (deadline <= Duration{}) return refuse_soon<void>(link_, kLate, std::move(done));
  const auto found = runs_.find(attempt);
  if (found == runs_.end()) {
    link_.post()([done = std::move(done)]() mutable { done({}); });
    return;
  }
  if (site_->flavour() == OpenAiFlavour::sd_cpp) {
    return wait_for_end(found->second, attempt, deadline, std::move(done));
  }
  const EngineModel model = found->second.model;
  link_.give_up(found->second.call, kCancelled);
  // Behind the end of the run, which waits on the loop already.
  link_.post()([this, model, deadline, done = std::move(done)]() mutable {
    start_within<void>(link_, deadline, openai::confirm_stopped(site_, model, deadline),
                       std::move(done));
  });
}

void OpenAiBackend::find_attempt(AttemptId, Callback<AttemptFate> done) {
  link_.post()([done = std::move(done)]() mutable { done(AttemptFate::unknown); });
}

void OpenAiBackend::join(RunCall, std::function<void(RunProgress)>, Callback<RunReport> done) {
  refuse_soon<RunReport>(link_, {ErrorCode::not_found, "the engine forgets attempts", {}, {}},
                         std::move(done));
}

}  // namespace stoker
