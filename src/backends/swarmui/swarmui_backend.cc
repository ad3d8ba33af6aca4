#include "backends/swarmui/swarmui_backend.h"

#include <algorithm>

#include "backends/http/bounded_call.h"
#include "backends/swarmui/swarmui_calls.h"
#include "backends/swarmui/swarmui_run.h"

namespace stoker {

SwarmUiBackend::SwarmUiBackend(Loop& loop, net::Network& network, SwarmUiOptions options,
                               std::vector<EngineModel> models)
    : link_(loop, network), site_(std::make_shared<swarmui::Site>(network, std::move(options))) {
  traits_.slots = site_->options().slots;
  traits_.granularity = site_->options().granularity;
  traits_.can_cancel_one = true;
  traits_.can_list_loaded = true;
  set_models(std::move(models));
}

SwarmUiBackend::~SwarmUiBackend() = default;

void SwarmUiBackend::set_models(std::vector<EngineModel> models) {
  models_.clear();
  for (EngineModel& model : models) {
    const ModelId id = model.id;
    models_.emplace(id, std::move(model));
  }
  std::erase_if(residents_, [this](ModelId id) { return !models_.contains(id); });
}

Result<EngineModel> SwarmUiBackend::find(ModelId model) const {
  const auto found = models_.find(model);
  if (found == models_.end()) return fail(ErrorCode::unknown_model, "not in the configuration");
  return found->second;
}

void SwarmUiBackend::note_use(ModelId model) {
  std::erase(residents_, model);
  residents_.push_back(model);
  while (residents_.size() > holds_max_) residents_.erase(residents_.begin());
}

void SwarmUiBackend::note(const swarmui::Sighting& sighting) {
  if (sighting.card_use && *sighting.card_use <= swarmui::kNothingLoaded) residents_.clear();
  std::erase_if(residents_,
                [&](ModelId id) { return !sighting.loaded.contains(models_.at(id).upstream); });
}

std::vector<LoadedModel> SwarmUiBackend::residents() const {
  std::vector<LoadedModel> loaded;
  for (const ModelId id : residents_) {
    loaded.push_back({.model = id, .vram = models_.at(id).planned});
  }
  return loaded;
}

MiB SwarmUiBackend::held() const {
  MiB sum;
  for (const LoadedModel& model : residents()) sum += model.vram;
  return sum;
}

void SwarmUiBackend::probe(Duration deadline, Callback<ProbeReport> done) {
  auto told = [this, done = std::move(done)](Result<ProbeReport> report) mutable {
    if (report) holds_max_ = std::max(report->holds_max, 1U);
    done(std::move(report));
  };
  start_within<ProbeReport>(link_, deadline, swarmui::probe(site_, models_.size(), deadline),
                            std::move(told));
}

void SwarmUiBackend::list(Duration deadline, Callback<std::vector<OfferedModel>> done) {
  start_within<std::vector<OfferedModel>>(link_, deadline, swarmui::list(site_, deadline),
                                          std::move(done));
}

void SwarmUiBackend::observe(Duration deadline, Callback<std::vector<LoadedModel>> done) {
  std::vector<EngineModel> believed;
  for (const ModelId id : residents_) believed.push_back(models_.at(id));
  auto seen = [this, done = std::move(done)](Result<swarmui::Sighting> sighting) mutable {
    if (!sighting) return done(fail(sighting.error()));
    note(*sighting);
    done(residents());
  };
  start_within<swarmui::Sighting>(
      link_, deadline, swarmui::look(site_, std::move(believed), deadline), std::move(seen));
}

void SwarmUiBackend::load(ModelId model, Duration deadline, Callback<LoadReport> done) {
  const auto known = find(model);
  if (!known) return refuse_soon<LoadReport>(link_, known.error(), std::move(done));
  const bool was_ours = std::ranges::find(residents_, model) != residents_.end();
  auto ended = [this, model, was_ours, began = link_.loop().now(),
                done = std::move(done)](Result<bool> believed) mutable {
    if (!believed) {
      if (believed.error().code == ErrorCode::load_failed) residents_.clear();
      return done(fail(believed.error()));
    }
    // SelectModel loads on every backend.
    residents_.clear();
    if (models_.contains(model)) note_use(model);
    done(LoadReport{.took = link_.loop().now() - began, .was_there = was_ours && *believed});
  };
  start_within<bool>(link_, deadline, swarmui::load(site_, *known, deadline), std::move(ended));
}

void SwarmUiBackend::unload(ModelId model, Duration deadline, Callback<void> done) {
  const auto known = find(model);
  if (!known) return refuse_soon<void>(link_, known.error(), std::move(done));
  auto ended = [this, done = std::move(done)](Result<void> gone) mutable {
    if (gone) residents_.clear();
    done(std::move(gone));
  };
  start_within<void>(link_, deadline, swarmui::unload(site_, held(), deadline), std::move(ended));
}

void SwarmUiBackend::run(RunCall call, std::function<void(RunProgress)> progress,
                         Callback<RunReport> done) {
  const auto known = find(call.model);
  if (!known) return refuse_soon<RunReport>(link_, known.error(), std::move(done));
  const AttemptId attempt = call.attempt;
  if (runs_.contains(attempt)) {
    return refuse_soon<RunReport>(
        link_, {ErrorCode::bad_request, "this attempt is under way already", {}, {}},
        std::move(done));
  }
  const auto listener = std::make_shared<RunListener>(link_.post(), std::move(progress));
  const auto state = std::make_shared<swarmui::RunState>();
  auto ended = [this, attempt, listener, state, model = call.model,
                done = std::move(done)](Result<RunReport> report) mutable {
    listener->end();
    runs_.erase(attempt);
    if (report && models_.contains(model)) note_use(model);
    if (!report && report.error().param == "oom") residents_.clear();
    if (!report && report.error().code == ErrorCode::run_timeout) keep_late(attempt, state);
    done(std::move(report));
  };
  const Duration deadline = call.deadline;
  swarmui::Work work{
      .model = *known, .call = std::move(call), .state = state, .listener = listener};
  const EngineLink::CallId id = start_within<RunReport>(
      link_, deadline, swarmui::run(site_, std::move(work)), std::move(ended));
  if (id) runs_[attempt] = {.call = id, .state = state};
}

void SwarmUiBackend::keep_late(AttemptId attempt, std::shared_ptr<swarmui::RunState> state) {
  late_.emplace_back(attempt, std::move(state));
  if (late_.size() > kLateRunsMax) late_.pop_front();
}

std::shared_ptr<swarmui::RunState> SwarmUiBackend::state_of(AttemptId attempt) const {
  if (const auto run = runs_.find(attempt); run != runs_.end()) return run->second.state;
  const auto late = std::ranges::find(late_, attempt, [](const auto& each) { return each.first; });
  return late == late_.end() ? nullptr : late->second;
}

void SwarmUiBackend::cancel(AttemptId attempt, Duration deadline, Callback<void> done) {
  const auto state = state_of(attempt);
  if (state == nullptr) {
    link_.post()([done = std::move(done)]() mutable { done({}); });
    return;
  }
  auto stopped = [this, attempt, done = std::move(done)](Result<void> gone) mutable {
    if (!gone) return done(std::move(gone));
    std::erase_if(late_, [&](const auto& late) { return late.first == attempt; });
    const auto run = runs_.find(attempt);
    if (run == runs_.end()) return done({});
    link_.give_up(run->second.call, {ErrorCode::conflict, "cancelled", {}, {}});
    link_.post()([done = std::move(done)]() mutable { done({}); });
  };
  start_within<void>(link_, deadline, swarmui::withdraw(site_, state, deadline),
                     std::move(stopped));
}

void SwarmUiBackend::find_attempt(AttemptId, Callback<AttemptFate> done) {
  link_.post()([done = std::move(done)]() mutable { done(AttemptFate::unknown); });
}

void SwarmUiBackend::join(RunCall, std::function<void(RunProgress)>, Callback<RunReport> done) {
  refuse_soon<RunReport>(link_, {ErrorCode::not_found, "the engine forgets attempts", {}, {}},
                         std::move(done));
}

}  // namespace stoker
