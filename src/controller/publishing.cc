// Snapshots: from the world, the scheduler and the engines to what readers see.
#include <algorithm>
#include <utility>

#include "controller/live_controller.h"
#include "scheduler/constraints.h"

namespace stoker::controller {
namespace {

// Keeps the old view when nothing changed, so that equal pointers mean equal views.
template <class View>
std::shared_ptr<const View> reuse(const std::shared_ptr<const View>& before, View fresh) {
  if (before != nullptr && *before == fresh) return before;
  return std::make_shared<const View>(std::move(fresh));
}

template <class Map, class Id>
typename Map::mapped_type find_or_null(const Map& map, Id id) {
  const auto it = map.find(id);
  return it == map.end() ? nullptr : it->second;
}

ModelState state_of(const scheduler::ModelEntry& entry, bool load_failed) {
  switch (entry.residency) {
    case scheduler::ResidencyState::cold:
      return load_failed ? ModelState::failed : ModelState::cold;
    case scheduler::ResidencyState::loading:
      return ModelState::loading;
    case scheduler::ResidencyState::resident:
      return ModelState::hot;
    case scheduler::ResidencyState::draining:
    case scheduler::ResidencyState::unloading:
      return ModelState::draining;
  }
  return ModelState::cold;
}

}  // namespace

bool operator==(const ModelView& a, const ModelView& b) {
  return a.model == b.model && a.state == b.state && a.backend_reachable == b.backend_reachable &&
         a.focus_of == b.focus_of && a.can_fit == b.can_fit && a.waiting == b.waiting &&
         a.running == b.running && a.run_low == b.run_low && a.run_high == b.run_high &&
         a.load == b.load && a.last_change == b.last_change && a.footprint == b.footprint;
}

// The first change after a quiet moment is shown at once, further ones in steps of publish_interval.
void LiveController::touch() {
  if (publish_is_due_) return;
  publish_is_due_ = true;
  const Duration since = ports_.loop->now() - published_at_;
  ports_.loop->after(settings_.publish_interval - since, [this] {
    publish_is_due_ = false;
    publish();
  });
}

std::shared_ptr<const Snapshot> LiveController::snapshot() const {
  const std::lock_guard lock(snapshot_mutex_);
  return snapshot_;
}

void LiveController::on_publish(std::function<void(std::shared_ptr<const Snapshot>)> subscriber) {
  subscribers_.push_back(std::move(subscriber));
}

std::optional<LoadView> LiveController::load_view(ModelId id) const {
  const scheduler::ModelEntry& entry = scheduler_.state().model(id);
  if (entry.residency != scheduler::ResidencyState::loading) return std::nullopt;
  LoadView view{.model = id, .total = entry.reserved, .since = entry.since};
  const double spread = static_cast<double>(entry.load.mean().us) * entry.load.relative_spread();
  const scheduler::DurationRange range = scheduler::range_of(entry.load.mean(), spread * spread);
  view.eta = EtaView{entry.since + range.low, entry.since + range.high};
  const std::optional<DatedCause>* change = world_.last_change(id);
  if (change != nullptr && *change) view.cause = **change;
  return view;
}

// While the texts of a device are collected: when they begin at the latest.
std::optional<Instant> LiveController::texts_begin_by(const scheduler::ModelEntry& model) const {
  if (!model.is_text() || model.residency != scheduler::ResidencyState::resident)
    return std::nullopt;
  const scheduler::DeviceEntry& device = scheduler_.state().devices.at(model.device);
  return device.text_open ? std::nullopt : device.text_hold_ends;
}

JobView LiveController::job_view(const JobRecord& record) const {
  JobView view = record.view;
  const auto entry = scheduler_.state().jobs.find(view.id);
  if (entry == scheduler_.state().jobs.end()) return view;
  if (const scheduler::Quote* quote = scheduler_.quotes().find(view.id)) {
    view.ahead = quote->ahead;
    view.order = quote->order;
    view.eta_load = quote->loading;
    if (quote->known) view.eta = EtaView{quote->low_at, quote->high_at};
  }
  if (entry->second.phase == scheduler::Phase::running ||
      entry->second.phase == scheduler::Phase::stopping) {
    view.ahead.reset();
    if (const auto progress = engines_.progress(view.id); progress && progress->steps > 0) {
      view.progress = ProgressView{progress->step, progress->steps};
    }
    return view;
  }
  const scheduler::ModelEntry& model = scheduler_.state().model(entry->second.model());
  if (!scheduler::is_served(scheduler_.state(), view.workshop)) {
    view.waiting_for = WaitingFor::pause;
  } else if (!scheduler_.state().backends.at(model.backend).reachable) {
    view.waiting_for = WaitingFor::backend;
  } else if (model.residency == scheduler::ResidencyState::loading) {
    view.waiting_for = WaitingFor::model_load;
    view.state = JobState::loading;
    view.load = load_view(model.id);
  } else if (const std::optional<Instant> begin_by = texts_begin_by(model)) {
    view.waiting_for = WaitingFor::text_batch;
    view.texts_begin_by = begin_by;
  } else {
    view.waiting_for = WaitingFor::queue;
  }
  return view;
}

ModelView LiveController::model_view(const Model& model) const {
  const scheduler::State& state = scheduler_.state();
  const scheduler::ModelEntry& entry = state.model(model.id);
  ModelView view{.model = model};
  if (entry.vram != model.vram) {
    view.model.vram = entry.vram;
    view.model.vram_source = SizeSource::measured;
  }
  view.state = state_of(entry, world_.load_has_failed(model.id));
  view.backend_reachable = state.backends.at(entry.backend).reachable;
  for (const auto& [id, workshop] : state.workshops) {
    if (scheduler::is_live(workshop.state) &&
        scheduler::in_focus_of(state, id, GroupId{}, model.id)) {
      view.focus_of.push_back(id);
    }
  }
  view.can_fit = scheduler::can_ever_fit(state, model.id);
  view.waiting = static_cast<std::uint32_t>(entry.waiting.size());
  view.running = entry.running;
  const double spread = static_cast<double>(entry.run.mean().us) * entry.run.relative_spread();
  const scheduler::DurationRange run = scheduler::range_of(entry.run.mean(), spread * spread);
  view.run_low = run.low;
  view.run_high = run.high;
  view.load = load_view(model.id);
  if (const std::optional<DatedCause>* change = world_.last_change(model.id))
    view.last_change = *change;
  view.footprint = world_.footprint(model.id, model.settings);
  return view;
}

WorkshopView LiveController::workshop_view(const WorkshopRecord& record,
                                           const Snapshot& next) const {
  const Workshop& workshop = record.workshop;
  WorkshopView view{.id = workshop.id,
                    .title = workshop.title,
                    .state = workshop.state,
                    .join_code = workshop.join_code,
                    .focus = workshop.focus,
                    .head_count = workshop.head_count,
                    .outstanding_max = workshop.outstanding_max_per_person,
                    .queue_max = workshop.queue_max,
                    .intake_open = workshop.intake_open,
                    .misfit = workshop.misfit,
                    .board_message = workshop.board_message,
                    .starts = workshop.starts,
                    .ends = workshop.ends,
                    .retention_days = workshop.retention_days,
                    .people = record.people,
                    .done = record.done,
                    .failed = record.failed};
  // Warm-up is over once all of the focus is there.
  if (view.state == WorkshopState::warming) {
    const bool all_hot = std::all_of(view.focus.begin(), view.focus.end(), [&](ModelId model) {
      const auto shown = next.models.find(model);
      return shown != next.models.end() && shown->second->state == ModelState::hot;
    });
    if (all_hot) view.state = WorkshopState::ready;
  }
  for (const Group& group : workshop.groups)
    view.groups.push_back({group.id, group.title, group.focus, 0, 0});
  const auto group_of = [&](GroupId id) -> GroupView* {
    for (GroupView& group : view.groups) {
      if (group.id == id) return &group;
    }
    return nullptr;
  };
  for (const auto& [id, person] : world_.people()) {
    if (person.workshop != workshop.id || !person.here) continue;
    if (GroupView* group = group_of(person.group)) ++group->people;
  }
  for (const JobId id : world_.open_jobs()) {
    const JobView& job = *next.jobs.at(id);
    if (job.workshop != workshop.id) continue;
    const bool is_running = job.state == JobState::running;
    (is_running ? view.running : view.waiting) += 1;
    if (is_running) continue;
    if (GroupView* group = group_of(job.group)) ++group->waiting;
    if (job.eta && (!view.longest_wait_until || *view.longest_wait_until < job.eta->high_at)) {
      view.longest_wait_until = job.eta->high_at;
    }
  }
  return view;
}

void LiveController::publish() {
  const std::shared_ptr<const Snapshot> before = snapshot();
  auto next = std::make_shared<Snapshot>();
  next->version = ++version_;
  next->seq = last_seq_;
  next->now = published_at_ = ports_.loop->now();
  next->wall = ports_.loop->wall_now();
  next->ready = ready_ && !draining_;
  next->store_ok = outbox_.store_ok();
  next->free_bytes = free_bytes_;
  next->tokens = tokens_;

  std::set<JobId> changed = world_.take_changed_jobs();
  changed.insert(world_.open_jobs().begin(), world_.open_jobs().end());
  next->jobs = before->jobs;
  std::erase_if(next->jobs,
                [&](const auto& entry) { return world_.find_job(entry.first) == nullptr; });
  for (const JobId id : changed) {
    const JobRecord* record = world_.find_job(id);
    if (record == nullptr) continue;
    next->jobs[id] = reuse(find_or_null(before->jobs, id), job_view(*record));
  }
  for (const auto& [id, model] : models_) {
    next->models[id] = reuse(find_or_null(before->models, id), model_view(model));
  }
  for (const auto& [id, record] : world_.workshops()) {
    next->workshops[id] = reuse(find_or_null(before->workshops, id), workshop_view(record, *next));
  }
  std::map<PersonId, std::pair<std::uint32_t, std::uint32_t>> work;  // waiting, running
  for (const JobId id : world_.open_jobs()) {
    const JobView& job = *next->jobs.at(id);
    auto& [waiting, running] = work[job.person];
    (job.state == JobState::running ? running : waiting) += 1;
  }
  for (const auto& [id, person] : world_.people()) {
    const auto& [waiting, running] = work[id];
    next->people[id] = reuse(find_or_null(before->people, id),
                             PersonView{id, person.workshop, person.symbol, person.group, waiting,
                                        running, person.done, person.here});
  }
  for (const BackendInfo& info : topology_.backends) {
    BackendView view{.info = info};
    const auto status = engines_.status().find(info.id);
    if (status != engines_.status().end()) {
      view.reachable = status->second.reachable;
      view.version = status->second.version;
      view.loaded = status->second.loaded;
      view.remarks = status->second.remarks;
      view.trouble = status->second.trouble;
      view.since = status->second.since;
    }
    const auto entry = scheduler_.state().backends.find(info.id);
    if (entry != scheduler_.state().backends.end()) {
      view.running = entry->second.running;
      view.info.granularity = entry->second.granularity;
      view.models_max = entry->second.models_max;
    }
    next->backends.push_back(std::move(view));
  }
  for (const Device& device : topology_.devices) {
    DeviceView view{.device = device, .reserved = scheduler::held(scheduler_.state(), device.id)};
    view.foreign = scheduler_.state().devices.at(device.id).foreign;
    const auto sample = meter_.latest().find(device.id);
    view.probe_ok = meter_.ok(device.id);
    view.trouble = meter_.trouble(device.id);
    if (sample != meter_.latest().end()) {
      view.used = sample->second.used;
      const auto& processes = sample->second.processes;
      const auto shown = std::min(processes.size(), kProcessesShownMax);
      view.processes.assign(processes.begin(),
                            processes.begin() + static_cast<std::ptrdiff_t>(shown));
    }
    next->devices.push_back(std::move(view));
  }
  const auto& ledger = world_.ledger().entries();
  next->ledger = std::make_shared<const std::vector<LedgerEntry>>(ledger.begin(), ledger.end());
  const auto& revisions = world_.revisions().entries();
  next->revisions =
      std::make_shared<const std::vector<Revision>>(revisions.begin(), revisions.end());
  {
    const std::lock_guard lock(snapshot_mutex_);
    snapshot_ = next;
  }
  for (const auto& subscriber : subscribers_) subscriber(next);
}

}  // namespace stoker::controller
