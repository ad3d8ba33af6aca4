#include "backends/comfyui/comfyui_backend.h"

#include <utility>

#include <algorithm>

#include "backends/comfyui/comfyui_calls.h"
#include "backends/http/bounded_call.h"
#include "base/random.h"
#include "protocol/comfyui/prompt_id.h"

namespace stoker {
namespace {

namespace wire = protocol::comfyui;

// The engine dropped everything: it does so when memory runs out, and of course when it is started anew.
bool lost_everything(const Error& error) {
  return error.param == "oom" || error.param == "restarted";
}

std::string prompt_of(const ComfyUiOptions& options, AttemptId attempt) {
  return wire::prompt_uuid(options.salt, attempt.value);
}

}  // namespace

ComfyUiBackend::ComfyUiBackend(Loop& loop, net::Network& network, ComfyUiOptions options,
                               std::vector<EngineModel> models)
    : link_(loop, network), site_(std::make_shared<comfyui::Site>(network, std::move(options))) {
  traits_.slots = site_->options().slots;
  traits_.granularity = site_->options().granularity;
  traits_.can_cancel_one = true;
  traits_.can_list_loaded = true;
  set_models(std::move(models));
}

ComfyUiBackend::~ComfyUiBackend() = default;

void ComfyUiBackend::set_models(std::vector<EngineModel> models) {
  models_.clear();
  fleet_ = {};
  for (EngineModel& model : models) {
    const ModelId id = model.id;
    residency_.planned(id, model.planned);
    auto workflow = comfyui::read_workflow(std::move(model));
    if (workflow) {
      fleet_.nodes_max = std::max(fleet_.nodes_max, workflow->nodes);
      models_.emplace(id, std::make_shared<const comfyui::Workflow>(*std::move(workflow)));
    } else {
      models_.emplace(id, std::unexpected(workflow.error()));
    }
  }
  fleet_.models = models_.size();
  residency_.set_nodes(fleet_.nodes_max);
}

Result<ComfyUiBackend::SharedWorkflow> ComfyUiBackend::find(ModelId model) const {
  const auto found = models_.find(model);
  if (found == models_.end()) return fail(ErrorCode::unknown_model, "not in the configuration");
  return found->second;
}

// Different in every life, and for every use in one.
std::uint64_t ComfyUiBackend::next_nonce() {
  return mix64(static_cast<std::uint64_t>(link_.loop().wall_now().ms)) ^ mix64(++nonces_);
}

void ComfyUiBackend::probe(Duration deadline, Callback<ProbeReport> done) {
  start_within<ProbeReport>(link_, deadline, comfyui::probe(site_, fleet_, deadline),
                            std::move(done));
}

void ComfyUiBackend::list(Duration deadline, Callback<std::vector<OfferedModel>> done) {
  start_within<std::vector<OfferedModel>>(link_, deadline, comfyui::list(site_, deadline),
                                          std::move(done));
}

void ComfyUiBackend::observe(Duration deadline, Callback<std::vector<LoadedModel>> done) {
  auto seen = [this, done = std::move(done)](Result<comfyui::Sighting> sighting) mutable {
    if (!sighting) return done(fail(sighting.error()));
    residency_.saw(*sighting, site_->on_card());
    if (sighting->forgot) marker_.clear();
    done(residency_.all());
  };
  start_within<comfyui::Sighting>(link_, deadline, comfyui::look(site_, marker_, deadline),
                                  std::move(seen));
}

void ComfyUiBackend::load(ModelId model, Duration deadline, Callback<LoadReport> done) {
  const auto workflow = find(model);
  if (!workflow) return refuse_soon<LoadReport>(link_, workflow.error(), std::move(done));
  const std::uint64_t nonce = next_nonce();
  const std::string& salt = site_->options().salt;
  const std::string prompt_id = wire::prompt_uuid(salt + "/load", nonce);
  auto ended = [this, model, workflow = *workflow, prompt_id, began = link_.loop().now(),
                done = std::move(done)](Result<comfyui::Loaded> loaded) mutable {
    if (!loaded) {
      if (loaded.error().code == ErrorCode::run_timeout) withdraw_load(prompt_id);
      if (lost_everything(loaded.error())) residency_.forget_all();
      return done(fail(loaded.error()));
    }
    marker_ = prompt_id;
    if (loaded->report.told) residency_.told(model, *loaded->report.told);
    residency_.prompt_ended(model, workflow->loaders, loaded->stats);
    loaded->report.took = link_.loop().now() - began;
    done(loaded->report);
  };
  residency_.prompt_begins(model, (*workflow)->loaders);
  start_within<comfyui::Loaded>(
      link_, deadline,
      comfyui::load(site_, {.workflow = *workflow,
                            .nonce = nonce,
                            .prompt_id = prompt_id,
                            .client_id = wire::prompt_uuid(salt + "/client", nonce),
                            .old_marker = marker_,
                            .deadline = deadline}),
      std::move(ended));
}

// Nobody waits for it any more; left alone it would load later, when nothing expects it.
void ComfyUiBackend::withdraw_load(std::string prompt_id) {
  start_within<void>(link_, kWithdrawMax,
                     comfyui::withdraw(site_, std::move(prompt_id), nullptr, kWithdrawMax),
                     [](const Result<void>&) {});
}

void ComfyUiBackend::unload(ModelId model, Duration deadline, Callback<void> done) {
  const auto workflow = find(model);
  if (!workflow) return refuse_soon<void>(link_, workflow.error(), std::move(done));
  auto ended = [this, done = std::move(done)](Result<void> gone) mutable {
    if (gone) residency_.forget_all();
    done(std::move(gone));
  };
  start_within<void>(link_, deadline, comfyui::unload(site_, residency_.held(), deadline),
                     std::move(ended));
}

void ComfyUiBackend::begin_run(RunCall call, std::function<void(RunProgress)> progress,
                               Callback<RunReport> done, Begin begin) {
  const AttemptId attempt = call.attempt;
  const auto workflow = find(call.model);
  if (!workflow) return refuse_soon<RunReport>(link_, workflow.error(), std::move(done));
  if (runs_.contains(attempt)) {
    return refuse_soon<RunReport>(
        link_, {ErrorCode::bad_request, "this attempt is under way already", {}, {}},
        std::move(done));
  }
  wire::TemplateValues values = (*workflow)->values;
  values.prompt = std::move(call.prompt);
  values.seed = call.seed;
  auto graph = begin == Begin::anew ? wire::instantiate((*workflow)->shape, values) : std::string();
  if (!graph) return refuse_soon<RunReport>(link_, graph.error(), std::move(done));
  const auto listener = std::make_shared<RunListener>(link_.post(), std::move(progress));
  const auto state = std::make_shared<comfyui::RunState>();
  auto ended = [this, attempt, listener, model = call.model, workflow = *workflow,
                done = std::move(done)](Result<comfyui::Played> played) mutable {
    listener->end();
    runs_.erase(attempt);
    if (!played) {
      if (lost_everything(played.error())) residency_.forget_all();
      return done(fail(played.error()));
    }
    residency_.prompt_ended(model, workflow->loaders, played->stats);
    done(std::move(played->report));
  };
  comfyui::Work work{
      .workflow = *workflow,
      .call = call,
      .play = {.prompt_id = prompt_of(site_->options(), attempt),
               .graph = *std::move(graph),
               .output = (*workflow)->shape.output,
               .client_id = wire::prompt_uuid(site_->options().salt + "/client", next_nonce()),
               .deadline = call.deadline,
               .state = state,
               .listener = listener}};
  residency_.prompt_begins(call.model, (*workflow)->loaders);
  const EngineLink::CallId id = start_within<comfyui::Played>(
      link_, call.deadline, comfyui::run(site_, std::move(work)), std::move(ended));
  if (id) runs_[attempt] = {.call = id, .state = state};
}

void ComfyUiBackend::run(RunCall call, std::function<void(RunProgress)> progress,
                         Callback<RunReport> done) {
  begin_run(std::move(call), std::move(progress), std::move(done), Begin::anew);
}

void ComfyUiBackend::join(RunCall call, std::function<void(RunProgress)> progress,
                          Callback<RunReport> done) {
  begin_run(std::move(call), std::move(progress), std::move(done), Begin::joined);
}

void ComfyUiBackend::cancel(AttemptId attempt, Duration deadline, Callback<void> done) {
  const auto found = runs_.find(attempt);
  auto stopped = [this, attempt, done = std::move(done)](Result<void> gone) mutable {
    const auto run = runs_.find(attempt);
    if (!gone || run == runs_.end()) return done(std::move(gone));
    // It is gone from the engine and nobody has told its run yet.
    link_.give_up(run->second.call, {ErrorCode::conflict, "cancelled", {}, {}});
    link_.post()([done = std::move(done)]() mutable { done({}); });
  };
  start_within<void>(
      link_, deadline,
      comfyui::withdraw(site_, prompt_of(site_->options(), attempt),
                        found == runs_.end() ? nullptr : found->second.state, deadline),
      std::move(stopped));
}

void ComfyUiBackend::find_attempt(AttemptId attempt, Callback<AttemptFate> done) {
  start_within<AttemptFate>(link_, kFindMax,
                            comfyui::find(site_, prompt_of(site_->options(), attempt), kFindMax),
                            std::move(done));
}

}  // namespace stoker
