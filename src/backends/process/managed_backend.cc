#include "backends/process/managed_backend.h"

#include <algorithm>
#include <utility>

namespace stoker {
namespace {

// What remains of an unload's deadline after the grace, for the processes that SIGKILL ends.
constexpr std::int64_t kGraceShareOfFour = 3;

Error not_running(std::string_view why) {
  std::string detail = "the engine does not run";
  if (!why.empty()) detail.append(": ").append(why);
  return {ErrorCode::backend_down, std::move(detail), {}, {}};
}

Error not_configured() {
  return {ErrorCode::unknown_model, "not in the configuration", {}, {}};
}

// Whether another process would be started for it.
bool starts_alike(const EngineModel& a, const EngineModel& b) {
  return a.upstream == b.upstream && a.files == b.files;
}

bool is_at_rest(const EngineProcess& process) {
  return process.state() == EngineState::stopped || process.state() == EngineState::failed;
}

// With a process for each model, no model drops another, and every one can be unloaded.
void adjust_to_own_processes(ProbeReport& report) {
  report.granularity = EvictionGranularity::model;
  report.holds_max = 0;
  std::erase_if(report.remarks, [](EngineRemark remark) {
    return remark == EngineRemark::keeps_one_workflow || remark == EngineRemark::keeps_n_results ||
           remark == EngineRemark::keeps_by_ram_pressure || remark == EngineRemark::cannot_unload;
  });
}

}  // namespace

struct ManagedBackend::Load {
  ModelId model;
  Instant began;
  Duration deadline;
  bool was_ready = false;
  Callback<LoadReport> done;
};

struct ManagedBackend::Observation {
  std::size_t missing = 0;
  std::vector<LoadedModel> models;
  std::optional<Error> error;
  Callback<std::vector<LoadedModel>> done;

  void end_one() {
    if (--missing > 0) return;
    if (error) return done(fail(*error));
    done(std::move(models));
  }
};

struct ManagedBackend::Search {
  AttemptId attempt;
  std::vector<ModelId> keys;  // of the processes still to be asked
  Callback<AttemptFate> done;
};

ManagedBackend::ManagedBackend(Loop& loop, EngineHosts hosts, ManagedOptions options,
                               EngineAdapters adapters, const std::vector<EngineModel>& models)
    : loop_(loop),
      hosts_(std::move(hosts)),
      options_(std::move(options)),
      adapters_(std::move(adapters)),
      calls_(loop) {
  // An adapter that nobody calls, for what it says about itself.
  traits_ = adapters_.make({.tls = false, .host = kEngineHost, .port = 1, .base_path = {}}, models)
                ->traits();
  if (!shared()) {
    traits_.granularity = EvictionGranularity::model;
    traits_.can_list_loaded = true;
    traits_.engine_per_model = true;
  } else {
    add_slot({}, models);
  }
  set_models(models);
  if (shared() && options_.start == EngineStart::at_once) {
    loop_.post([this] { keep_running(); });
  }
}

ManagedBackend::~ManagedBackend() = default;

template <class T>
void ManagedBackend::answer(Callback<T> done, Result<T> result) {
  loop_.post(
      [done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
}

void ManagedBackend::set_models(const std::vector<EngineModel>& models) {
  models_.clear();
  for (const EngineModel& model : models) models_.emplace(model.id, model);
  std::vector<ModelId> keys;
  for (auto& [key, slot] : slots_) {
    keys.push_back(key);
    const auto configured = models_.find(key);
    const bool alike = shared() || (configured != models_.end() &&
                                    starts_alike(configured->second, slot.models.front()));
    if (!alike) continue;
    slot.models = shared() ? models : std::vector{configured->second};
    if (slot.adapter) adapters_.set_models(calls_.at(slot.adapter), slot.models);
  }
  for (const ModelId key : keys) drop_unused(key);
}

void ManagedBackend::on_groups(std::function<void(BackendId, std::vector<int>)> changed) {
  groups_changed_ = std::move(changed);
}

void ManagedBackend::tell_groups() const {
  if (!groups_changed_) return;
  std::vector<int> groups;
  for (const auto& [key, slot] : slots_) {
    if (slot.process->facts().process_group != 0) {
      groups.push_back(slot.process->facts().process_group);
    }
  }
  groups_changed_(options_.id, std::move(groups));
}

std::vector<ManagedBackend::Engine> ManagedBackend::engines() const {
  std::vector<Engine> engines;
  for (const auto& [key, slot] : slots_) engines.push_back({slot.name, key, slot.process->facts()});
  return engines;
}

std::vector<std::string> ManagedBackend::last_lines(std::string_view engine) const {
  for (const auto& [key, slot] : slots_) {
    if (slot.name == engine) return slot.process->last_lines();
  }
  return {};
}

ManagedBackend::Slot* ManagedBackend::find(ModelId model) {
  const auto found = slots_.find(key_of(model));
  return found == slots_.end() ? nullptr : &found->second;
}

Result<ManagedBackend::Slot*> ManagedBackend::slot_for(ModelId model) {
  const auto configured = models_.find(model);
  if (configured == models_.end()) return fail(not_configured());
  if (Slot* const slot = find(model)) return slot;
  if (configured->second.files.empty() && uses_placeholder(options_.command, "{file}")) {
    return fail(ErrorCode::bad_request, "the command has {file}, but the model names no file");
  }
  return &add_slot(model, {configured->second});
}

ManagedBackend::Slot& ManagedBackend::add_slot(ModelId key, std::vector<EngineModel> models) {
  EnginePlaces places;
  std::string name = options_.name;
  if (key) {
    const EngineModel& model = models.front();
    places.model = model.upstream;
    if (!model.files.empty()) places.file = model.files.front();
    name.append(" ").append(model.upstream).append(" ").append(std::to_string(key.value));
  }
  Slot& slot = slots_[key];
  slot.name = name;
  slot.models = std::move(models);
  slot.process = std::make_unique<EngineProcess>(
      loop_, hosts_(name), options_.command, std::move(places),
      shared() ? EngineLife::kept : EngineLife::on_demand,
      EngineProcess::Listener{.group_changed = [this] { tell_groups(); },
                              .lost = [this, key](const Error& why) { on_lost(key, why); }});
  return slot;
}

EngineCalls::AdapterId ManagedBackend::connect(Slot& slot) {
  if (slot.process->state() != EngineState::ready) return {};
  if (!slot.adapter) {
    const net::Url url{.tls = false,
                       .host = kEngineHost,
                       .port = slot.process->facts().port,
                       .base_path = options_.command.base_path};
    slot.adapter = calls_.add(adapters_.make(url, slot.models));
  }
  return slot.adapter;
}

void ManagedBackend::keep_running() {
  const auto slot = slots_.find(ModelId{});
  if (closing_ || slot == slots_.end()) return;
  if (!is_at_rest(*slot->second.process)) return;
  slot->second.process->start(options_.command.ready.max, [](const Result<void>&) {});
}

void ManagedBackend::on_lost(ModelId key, const Error& why) {
  const auto found = slots_.find(key);
  if (found == slots_.end()) return;
  found->second.loaded = false;
  const auto adapter = std::exchange(found->second.adapter, {});
  if (adapter) calls_.give_up(adapter, {ErrorCode::backend_down, why.detail, {}, {}});
}

void ManagedBackend::probe(Duration deadline, Callback<ProbeReport> done) {
  for (auto& [key, slot] : slots_) {
    const auto adapter = connect(slot);
    if (!adapter) continue;
    auto told = [own = !shared(), done = std::move(done)](Result<ProbeReport> report) mutable {
      // One engine that does not answer says nothing about those of the other models.
      if (own && !report) return done(ProbeReport{});
      if (own) adjust_to_own_processes(*report);
      done(std::move(report));
    };
    return calls_.at(adapter).probe(deadline, calls_.track<ProbeReport>(adapter, std::move(told)));
  }
  if (shared()) {
    const EngineProcess& process = *slots_.at({}).process;
    const bool down = process.state() == EngineState::backing_off ||
                      process.state() == EngineState::failed || closing_;
    const std::string why = process.facts().last_error;
    keep_running();
    if (down) return answer<ProbeReport>(std::move(done), fail(not_running(why)));
  }
  answer<ProbeReport>(std::move(done), ProbeReport{});
}

std::vector<OfferedModel> ManagedBackend::configured() const {
  std::vector<OfferedModel> models;
  for (const auto& [id, model] : models_) {
    const auto slot = slots_.find(id);
    const bool loaded = slot != slots_.end() && slot->second.loaded;
    if (models.size() < kOfferedModelsMax) models.push_back({model.upstream, 0, loaded});
  }
  return models;
}

void ManagedBackend::list(Duration deadline, Callback<std::vector<OfferedModel>> done) {
  using Models = std::vector<OfferedModel>;
  const auto adapter = shared() ? connect(slots_.at({})) : EngineCalls::AdapterId{};
  if (!adapter) return answer<Models>(std::move(done), configured());
  calls_.at(adapter).list(deadline, calls_.track<Models>(adapter, std::move(done)));
}

void ManagedBackend::observe(Duration deadline, Callback<std::vector<LoadedModel>> done) {
  auto observation = std::make_shared<Observation>();
  observation->done = std::move(done);
  observation->missing = slots_.size() + 1;
  for (auto& [key, slot] : slots_) observe_slot(key, slot, deadline, observation);
  loop_.post([observation] { observation->end_one(); });
}

void ManagedBackend::observe_slot(ModelId key, Slot& slot, Duration deadline,
                                  const std::shared_ptr<Observation>& observation) {
  const auto adapter = connect(slot);
  const bool asks = adapter && calls_.at(adapter).traits().can_list_loaded;
  if (!asks) {
    if (adapter && slot.loaded) observation->models.push_back({key, {}});
    --observation->missing;  // the caller's own share is still there
    return;
  }
  auto seen = [this, key, adapter, observation](Result<std::vector<LoadedModel>> models) {
    const auto now = slots_.find(key);
    const bool still = now != slots_.end() && now->second.adapter == adapter;
    if (models) {
      observation->models.insert(observation->models.end(), models->begin(), models->end());
    } else if (still && shared()) {
      observation->error = models.error();  // it runs and does not say: nobody knows
    } else if (still && now->second.loaded) {
      observation->models.push_back({key, {}});  // its process is there, and so is its memory
    }
    observation->end_one();
  };
  calls_.at(adapter).observe(deadline,
                             calls_.track<std::vector<LoadedModel>>(adapter, std::move(seen)));
}

void ManagedBackend::load(ModelId model, Duration deadline, Callback<LoadReport> done) {
  if (closing_) return answer<LoadReport>(std::move(done), fail(not_running("shutting down")));
  const auto slot = slot_for(model);
  if (!slot) return answer<LoadReport>(std::move(done), fail(slot.error()));
  if (!loading_.insert(model).second) {
    return answer<LoadReport>(std::move(done),
                              fail(ErrorCode::conflict, "the model is being loaded"));
  }
  auto load = std::make_shared<Load>();
  *load = {.model = model,
           .began = loop_.now(),
           .deadline = deadline,
           .was_ready = (*slot)->process->state() == EngineState::ready,
           .done = std::move(done)};
  (*slot)->process->start(deadline,
                          [this, load](const Result<void>& ready) { on_started(load, ready); });
}

void ManagedBackend::on_started(const std::shared_ptr<Load>& load, const Result<void>& ready) {
  if (!ready) return end_load(load, fail(ready.error()));
  Slot* const slot = find(load->model);
  const auto adapter = slot != nullptr ? connect(*slot) : EngineCalls::AdapterId{};
  if (!adapter) {
    return end_load(load, fail(ErrorCode::load_failed, "the engine ended when it was ready"));
  }
  const Duration left = load->deadline - (loop_.now() - load->began);
  auto loaded = [this, load](Result<LoadReport> report) { on_loaded(load, std::move(report)); };
  calls_.at(adapter).load(load->model, left, calls_.track<LoadReport>(adapter, std::move(loaded)));
}

void ManagedBackend::on_loaded(const std::shared_ptr<Load>& load, Result<LoadReport> report) {
  Slot* const slot = find(load->model);
  if (report) {
    if (slot != nullptr) slot->loaded = slot->adapter && !shared();
    report->took = loop_.now() - load->began;
    report->was_there = report->was_there && load->was_ready;
    return end_load(load, std::move(report));
  }
  Error why = report.error();
  const bool lost = slot == nullptr || slot->process->state() != EngineState::ready;
  if (lost && why.code == ErrorCode::backend_down) {
    const bool stopped = slot == nullptr || slot->process->state() == EngineState::stopping ||
                         slot->process->state() == EngineState::stopped;
    why.code = stopped ? ErrorCode::conflict : ErrorCode::load_failed;
  }
  if (shared() || slot == nullptr) return end_load(load, fail(std::move(why)));
  // Nothing of a failed load stays in memory.
  slot->process->stop(options_.command.grace, [this, load, why](const Result<void>& gone) mutable {
    if (!gone) why.detail.append("; ").append(gone.error().detail);
    end_load(load, fail(std::move(why)));
  });
}

void ManagedBackend::end_load(const std::shared_ptr<Load>& load, Result<LoadReport> report) {
  loading_.erase(load->model);
  if (!report) drop_unused(key_of(load->model));
  load->done(std::move(report));
}

void ManagedBackend::unload(ModelId model, Duration deadline, Callback<void> done) {
  Slot* const slot = find(model);
  if (!models_.contains(model) && (shared() || slot == nullptr)) {
    return answer<void>(std::move(done), fail(not_configured()));
  }
  if (slot == nullptr) return answer<void>(std::move(done), {});
  if (!shared()) return stop_slot(*slot, deadline, std::move(done));
  const auto adapter = connect(*slot);
  if (!adapter) return answer<void>(std::move(done), {});  // without a process nothing is loaded
  calls_.at(adapter).unload(model, deadline, calls_.track<void>(adapter, std::move(done)));
}

void ManagedBackend::stop_slot(Slot& slot, Duration deadline, Callback<void> done) {
  const auto once = std::make_shared<Callback<void>>(std::move(done));
  const TimerId timer = loop_.after(deadline, [once] {
    std::exchange(*once, nullptr)(fail(ErrorCode::run_timeout, "the engine is still stopping"));
  });
  const ModelId key = slot.models.front().id;
  slot.process->stop(deadline * kGraceShareOfFour / 4, [this, key, timer, once](Result<void> gone) {
    loop_.cancel(timer);
    if (gone) drop_unused(key);
    if (*once) std::exchange(*once, nullptr)(std::move(gone));
  });
}

// A process that is not there any more, of a model that is gone or would start another one.
void ManagedBackend::drop_unused(ModelId key) {
  const auto slot = slots_.find(key);
  if (shared() || slot == slots_.end()) return;
  const auto configured = models_.find(key);
  const bool alike =
      configured != models_.end() && starts_alike(configured->second, slot->second.models.front());
  if (alike || loading_.contains(key) || !is_at_rest(*slot->second.process)) return;
  if (slot->second.process->facts().process_group != 0) return;  // some of it may be left
  slots_.erase(slot);
}

Backend* ManagedBackend::running_backend(ModelId model, EngineCalls::AdapterId& adapter) {
  Slot* const slot = find(model);
  if (slot != nullptr) adapter = connect(*slot);
  return adapter ? &calls_.at(adapter) : nullptr;
}

void ManagedBackend::run(RunCall call, std::function<void(RunProgress)> progress,
                         Callback<RunReport> done) {
  EngineCalls::AdapterId adapter;
  Backend* const backend = running_backend(call.model, adapter);
  if (backend == nullptr) {
    const bool known = models_.contains(call.model);
    return answer<RunReport>(std::move(done), fail(known ? not_running({}) : not_configured()));
  }
  auto tracked = calls_.track_run(adapter, call.attempt, std::move(progress), std::move(done));
  backend->run(std::move(call), std::move(tracked.progress), std::move(tracked.done));
}

void ManagedBackend::cancel(AttemptId attempt, Duration deadline, Callback<void> done) {
  const auto adapter = calls_.running_at(attempt);
  if (!adapter) return answer<void>(std::move(done), {});  // what does not run has stopped
  calls_.at(adapter).cancel(attempt, deadline, calls_.track<void>(adapter, std::move(done)));
}

void ManagedBackend::find_attempt(AttemptId attempt, Callback<AttemptFate> done) {
  auto search = std::make_shared<Search>();
  *search = {.attempt = attempt, .keys = {}, .done = std::move(done)};
  for (const auto& [key, slot] : slots_) search->keys.push_back(key);
  loop_.post([this, search] { look_further(search); });
}

void ManagedBackend::look_further(const std::shared_ptr<Search>& search) {
  while (!search->keys.empty()) {
    const auto slot = slots_.find(search->keys.back());
    search->keys.pop_back();
    const auto adapter = slot != slots_.end() ? connect(slot->second) : EngineCalls::AdapterId{};
    if (!adapter) continue;
    auto told = [this, search](Result<AttemptFate> fate) {
      if (fate && *fate == AttemptFate::unknown) return look_further(search);
      search->done(std::move(fate));
    };
    return calls_.at(adapter).find_attempt(search->attempt,
                                           calls_.track<AttemptFate>(adapter, std::move(told)));
  }
  search->done(AttemptFate::unknown);
}

void ManagedBackend::join(RunCall call, std::function<void(RunProgress)> progress,
                          Callback<RunReport> done) {
  EngineCalls::AdapterId adapter;
  Backend* const backend = running_backend(call.model, adapter);
  if (backend == nullptr) return answer<RunReport>(std::move(done), fail(not_running({})));
  auto tracked = calls_.track_run(adapter, call.attempt, std::move(progress), std::move(done));
  backend->join(std::move(call), std::move(tracked.progress), std::move(tracked.done));
}

void ManagedBackend::shutdown(Duration wait_max, Callback<void> done) {
  closing_ = true;
  struct Ending {
    std::size_t missing = 0;
    std::optional<Error> error;
    TimerId timer;
    Callback<void> done;
  };
  auto ending = std::make_shared<Ending>();
  ending->missing = slots_.size() + 1;
  ending->done = std::move(done);
  const auto end_one = [this, ending](const Result<void>& gone) {
    if (!gone) ending->error = gone.error();
    if (--ending->missing > 0 || !ending->done) return;
    loop_.cancel(ending->timer);
    auto tell = std::exchange(ending->done, nullptr);
    if (ending->error) return tell(fail(*ending->error));
    tell({});
  };
  ending->timer = loop_.after(wait_max, [ending] {
    if (!ending->done) return;
    std::exchange(ending->done, nullptr)(fail(ErrorCode::run_timeout, "engines still stop"));
  });
  const Duration grace = wait_max * kGraceShareOfFour / 4;
  for (auto& [key, slot] : slots_) slot.process->stop(grace, end_one);
  loop_.post([end_one] { end_one({}); });
}

}  // namespace stoker
