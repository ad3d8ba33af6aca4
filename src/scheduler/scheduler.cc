#include "scheduler/scheduler.h"

#include <algorithm>

#include "scheduler/admission.h"
#include "scheduler/constraints.h"
#include "scheduler/residency.h"
#include "scheduler/victims.h"

namespace stoker::scheduler {
namespace {

Cause cause_for(CauseKind kind, const JobEntry& job) {
  return {kind, job.id, job.model(), job.person};
}

ErrorCode code_of(CauseKind cause) {
  switch (cause) {
    case CauseKind::load_failed:
      return ErrorCode::load_failed;
    case CauseKind::run_timeout:
      return ErrorCode::run_timeout;
    case CauseKind::backend_down:
      return ErrorCode::backend_down;
    default:
      return ErrorCode::internal;
  }
}

Duration expected_work(const State& state, const std::vector<ModelId>& steps) {
  Duration sum;
  for (const ModelId id : steps) {
    const auto model = state.models.find(id);
    if (model != state.models.end()) sum += model->second.run.mean();
  }
  return sum;
}

}  // namespace

std::vector<Decision> Scheduler::apply(const Event& event, Instant now) {
  out_.clear();
  std::visit([&](const auto& e) { on(e, now); }, event);
  serve(now);
  plan_residency(state_, now, out_);
  serve(now);
  if (mode_ == QuoteMode::kept) quotes_.update(state_, event, now, out_);
  return std::move(out_);
}

std::optional<Instant> Scheduler::next_wakeup(Instant now) const {
  const std::optional<Instant> retry = next_load_retry(state_, now);
  const std::optional<Instant> overdue = quotes_.next_overdue(now);
  if (!retry) return overdue;
  if (!overdue) return retry;
  return std::min(*retry, *overdue);
}

JobEntry* Scheduler::find_job(JobId id) {
  const auto it = state_.jobs.find(id);
  return it == state_.jobs.end() ? nullptr : &it->second;
}

ModelEntry* Scheduler::find_model(ModelId id) {
  const auto it = state_.models.find(id);
  return it == state_.models.end() ? nullptr : &it->second;
}

void Scheduler::enqueue(JobEntry& job, Instant now) {
  ModelEntry& model = state_.model(job.model());
  job.phase = Phase::waiting;
  job.released = now;
  job.arrival = state_.arrivals++;
  model.waiting.insert({job.tag_us, job.id});
  model.waiting_release_us_sum += now.us;
  const auto workshop = state_.workshops.find(job.workshop);
  if (workshop != state_.workshops.end()) ++workshop->second.waiting;
}

void Scheduler::dequeue(JobEntry& job) {
  ModelEntry& model = state_.model(job.model());
  model.waiting.erase({job.tag_us, job.id});
  model.waiting_release_us_sum -= job.released.us;
  const auto workshop = state_.workshops.find(job.workshop);
  if (workshop != state_.workshops.end()) --workshop->second.waiting;
}

void Scheduler::finish(JobId id, JobState state, ErrorCode code, const Cause& cause) {
  const auto job = state_.jobs.find(id);
  PersonEntry& person = state_.people[job->second.person];
  if (person.outstanding > 0) --person.outstanding;
  out_.emplace_back(Finish{id, state, code, cause});
  state_.jobs.erase(job);
}

void Scheduler::cancel(JobEntry& job, const Cause& cause) {
  switch (job.phase) {
    case Phase::waiting:
      dequeue(job);
      [[fallthrough]];
    case Phase::between_steps:
      return finish(job.id, JobState::cancelled, ErrorCode::internal, cause);
    case Phase::running:
      job.phase = Phase::stopping;
      job.stop_cause = cause;
      out_.emplace_back(StopRun{job.id, job.step, cause});
      return;
    case Phase::stopping:
      return;
  }
}

void Scheduler::release_slot(JobEntry& job, Duration took) {
  ModelEntry& model = state_.model(job.model());
  --model.running;
  --state_.backends.at(model.backend).running;
  std::optional<Gate>& gate = state_.devices.at(state_.device_of(model.id)).gate;
  if (gate &&
      std::find(gate->victims.begin(), gate->victims.end(), model.id) != gate->victims.end()) {
    gate->served += took;
  }
}

// ── serving ──────────────────────────────────────────────────────────────────────────────────────

void Scheduler::serve(Instant now) {
  for (auto& [id, backend] : state_.backends) {
    while (dispatch_next(backend, now)) {
    }
  }
}

bool Scheduler::dispatch_next(BackendEntry& backend, Instant now) {
  if (!backend.reachable || backend.running >= backend.slots) return false;
  const JobEntry* best = nullptr;
  for (const auto& [id, model] : state_.models) {
    if (model.backend != backend.id || model.residency != ResidencyState::resident) continue;
    const JobEntry* job = first_admitted(state_, model);
    if (job == nullptr) continue;
    if (best == nullptr || QueueKey{job->tag_us, job->id} < QueueKey{best->tag_us, best->id})
      best = job;
  }
  if (best == nullptr) return false;
  JobEntry& job = state_.jobs.at(best->id);
  dispatch(job, state_.model(job.model()), backend, now);
  return true;
}

void Scheduler::dispatch(JobEntry& job, ModelEntry& model, BackendEntry& backend, Instant now) {
  dequeue(job);
  job.phase = Phase::running;
  job.started = now;
  ++job.attempts;
  ++model.running;
  ++backend.running;
  state_.virtual_now_us = std::max(state_.virtual_now_us, job.tag_us);
  const CauseKind kind = job.attempts > 1 ? CauseKind::retry : CauseKind::fair_order;
  const std::uint32_t tries = job.attempts + job.backend_losses + job.earlier_tries;
  out_.emplace_back(Dispatch{job.id, job.step, tries, model.id, backend.id, cause_for(kind, job)});
}

// ── events of the machine ────────────────────────────────────────────────────────────────────────

void Scheduler::on(const DeviceSet& e, Instant) {
  DeviceEntry& device = state_.devices[e.device];
  device.id = e.device;
  device.vram = e.vram;
  device.reserve = e.reserve;
}

void Scheduler::on(const BackendSet& e, Instant) {
  if (!state_.devices.contains(e.device)) return;
  BackendEntry& backend = state_.backends[e.backend];
  backend.id = e.backend;
  backend.device = e.device;
  backend.slots = e.slots;
  backend.granularity = e.granularity;
}

void Scheduler::on(const ModelSet& e, Instant now) {
  if (!state_.backends.contains(e.backend)) return;
  const auto [it, is_new] = state_.models.try_emplace(e.model);
  ModelEntry& model = it->second;
  model.id = e.model;
  model.backend = e.backend;
  model.medium = e.medium;
  model.vram = e.vram;
  model.pinned = e.pinned;
  model.removed = false;
  model.run.set_hint(e.run_hint);
  model.load.set_hint(e.load_hint);
  if (is_new) model.since = now;
}

void Scheduler::on(const ModelRemoved& e, Instant) {
  ModelEntry* model = find_model(e.model);
  if (model == nullptr) return;
  model->removed = true;
  model->pinned = false;
  forget_plans_with(state_, e.model);
  fail_waiting(e.model, ErrorCode::unknown_model,
               {CauseKind::operator_action, JobId{}, e.model, PersonId{}});
}

void Scheduler::on(const BackendReachable& e, Instant now) {
  const auto backend = state_.backends.find(e.backend);
  if (backend == state_.backends.end() || backend->second.reachable == e.reachable) return;
  backend->second.reachable = e.reachable;
  if (e.reachable) return;
  for (auto& [id, model] : state_.models) {
    if (model.backend != e.backend || model.residency == ResidencyState::cold) continue;
    become_cold(model, {CauseKind::backend_down, JobId{}, id, PersonId{}}, now);
    forget_plans_with(state_, id);
  }
}

void Scheduler::on(const ForeignMemory& e, Instant) {
  const auto device = state_.devices.find(e.device);
  if (device != state_.devices.end()) device->second.foreign = e.used;
}

void Scheduler::become_cold(ModelEntry& model, const Cause& cause, Instant now) {
  model.residency = ResidencyState::cold;
  model.reserved = MiB{0};
  model.since = now;
  model.cause = cause;
}

// ── events of the workshop ───────────────────────────────────────────────────────────────────────

void Scheduler::on(const WorkshopSet& e, Instant) {
  WorkshopEntry& workshop = state_.workshops[e.workshop];
  workshop.id = e.workshop;
  workshop.state = e.state;
  workshop.intake_open = e.intake_open;
  workshop.misfit = e.misfit;
  workshop.head_count = e.head_count;
  workshop.outstanding_max_per_person = e.outstanding_max_per_person;
  workshop.queue_max = e.queue_max;
  workshop.focus = e.focus;
  if (e.state != WorkshopState::ended) return;
  std::vector<JobId> open;
  for (const auto& [id, job] : state_.jobs) {
    if (job.workshop == e.workshop) open.push_back(id);
  }
  for (const JobId id : open) {
    JobEntry& job = state_.jobs.at(id);
    cancel(job, cause_for(CauseKind::workshop_ended, job));
  }
}

void Scheduler::on(const GroupSet& e, Instant) {
  const auto workshop = state_.workshops.find(e.workshop);
  if (workshop != state_.workshops.end()) workshop->second.group_focus[e.group] = e.focus;
}

void Scheduler::on(const WantedSet& e, Instant) {
  state_.wanted[e.cause] = e.models;
}

// ── events of work ───────────────────────────────────────────────────────────────────────────────

void Scheduler::on(const JobSubmitted& e, Instant now) {
  if (const auto refusal = refusal_of(state_, e)) {
    const Cause cause{CauseKind::request, e.job, e.steps.empty() ? ModelId{} : e.steps[0],
                      e.person};
    out_.emplace_back(Refuse{e.job, refusal->code, refusal->limit, cause});
    return;
  }
  PersonEntry& person = state_.people[e.person];
  JobEntry& job = state_.jobs[e.job];
  job = {
      .id = e.job, .person = e.person, .workshop = e.workshop, .group = e.group, .steps = e.steps};
  job.tag_us = std::max(state_.virtual_now_us, person.finish_tag_us);
  person.finish_tag_us = job.tag_us + expected_work(state_, e.steps).us;
  ++person.outstanding;
  for (const ModelId id : e.steps) {
    ModelEntry& model = state_.model(id);
    model.heat_q16 = heat_q16(model, now) + (1 << 16);
    model.heat_at = now;
  }
  enqueue(job, now);
  out_.emplace_back(Accept{job.id, job.tag_us, cause_for(CauseKind::request, job)});
}

void Scheduler::on(const JobRestored& e, Instant now) {
  PersonEntry& person = state_.people[e.person];
  JobEntry& job = state_.jobs[e.job];
  job = {
      .id = e.job, .person = e.person, .workshop = e.workshop, .group = e.group, .steps = e.steps};
  job.step = e.step;
  job.attempts = e.attempts;
  job.earlier_tries = e.earlier_tries;
  job.tag_us = e.tag_us;
  ++person.outstanding;
  person.finish_tag_us =
      std::max(person.finish_tag_us, job.tag_us + expected_work(state_, e.steps).us);
  const Cause cause{CauseKind::recovery, e.job, ModelId{}, e.person};
  if (e.step >= e.steps.size() || find_model(e.steps[e.step]) == nullptr) {
    return finish(e.job, JobState::failed, ErrorCode::unknown_model, cause);
  }
  out_.emplace_back(Accept{job.id, job.tag_us, cause});
  if (!e.running) return enqueue(job, now);
  ModelEntry& model = state_.model(job.model());
  job.phase = Phase::running;
  job.started = now;
  ++model.running;
  ++state_.backends.at(model.backend).running;
}

void Scheduler::on(const StepReleased& e, Instant now) {
  JobEntry* job = find_job(e.job);
  if (job == nullptr || job->phase != Phase::between_steps || job->step != e.step) return;
  enqueue(*job, now);
}

void Scheduler::on(const StepFinished& e, Instant) {
  JobEntry* job = find_job(e.job);
  if (job == nullptr || job->step != e.step) return;
  if (job->phase != Phase::running && job->phase != Phase::stopping) return;
  release_slot(*job, e.took);
  if (job->phase == Phase::stopping) {
    return finish(job->id, JobState::cancelled, ErrorCode::internal, *job->stop_cause);
  }
  state_.model(job->model()).run.observe(e.took);
  if (job->step + 1 < job->steps.size()) {
    ++job->step;
    job->attempts = 0;
    job->phase = Phase::between_steps;
    return;
  }
  finish(job->id, JobState::done, ErrorCode::internal, cause_for(CauseKind::request, *job));
}

void Scheduler::on(const StepFailed& e, Instant now) {
  JobEntry* job = find_job(e.job);
  if (job == nullptr || job->step != e.step) return;
  if (job->phase != Phase::running && job->phase != Phase::stopping) return;
  release_slot(*job, Duration{});
  if (job->phase == Phase::stopping) {
    return finish(job->id, JobState::cancelled, ErrorCode::internal, *job->stop_cause);
  }
  const bool lost = e.cause == CauseKind::backend_down;
  if (lost) {
    ++job->backend_losses;
    if (job->attempts > 0) --job->attempts;
  }
  if (job->attempts >= kAttemptsMax || job->backend_losses >= kBackendLossesMax) {
    return finish(job->id, JobState::failed, code_of(e.cause), cause_for(e.cause, *job));
  }
  enqueue(*job, now);
  out_.emplace_back(Requeue{job->id, job->step, job->tag_us, cause_for(e.cause, *job)});
}

void Scheduler::on(const JobCancelled& e, Instant) {
  JobEntry* job = find_job(e.job);
  if (job != nullptr) cancel(*job, cause_for(e.cause, *job));
}

void Scheduler::on(const RunStopped& e, Instant) {
  JobEntry* job = find_job(e.job);
  if (job == nullptr || job->phase != Phase::stopping || job->step != e.step) return;
  release_slot(*job, Duration{});
  finish(job->id, JobState::cancelled, ErrorCode::internal, *job->stop_cause);
}

void Scheduler::on(const JobMovedToFront& e, Instant) {
  JobEntry* job = find_job(e.job);
  if (job == nullptr || job->phase != Phase::waiting) return;
  std::int64_t first = job->tag_us;
  for (const auto& [id, model] : state_.models) {
    if (!model.waiting.empty()) first = std::min(first, model.waiting.begin()->tag_us);
  }
  ModelEntry& model = state_.model(job->model());
  model.waiting.erase({job->tag_us, job->id});
  job->tag_us = first - 1;
  job->arrival = 0;  // before every gate
  model.waiting.insert({job->tag_us, job->id});
  const Cause cause{CauseKind::operator_action, job->id, model.id, e.by};
  out_.emplace_back(Requeue{job->id, job->step, job->tag_us, cause});
}

// ── events of residency ──────────────────────────────────────────────────────────────────────────

void Scheduler::on(const LoadFinished& e, Instant now) {
  ModelEntry* model = find_model(e.model);
  if (model == nullptr || model->residency != ResidencyState::loading) return;
  model->residency = ResidencyState::resident;
  model->since = now;
  model->load_failures = 0;
  if (e.vram > MiB{0}) model->vram = e.vram;
  model->reserved = model->vram;
  model->load.observe(e.took);
}

void Scheduler::on(const LoadFailed& e, Instant now) {
  ModelEntry* model = find_model(e.model);
  if (model == nullptr || model->residency != ResidencyState::loading) return;
  const Cause cause{e.cause, model->cause.job, e.model, PersonId{}};
  become_cold(*model, cause, now);
  ++model->load_failures;
  const std::uint32_t doublings = std::min<std::uint32_t>(model->load_failures - 1, 4);
  model->retry_load_at = now + seconds(5) * (std::int64_t{1} << doublings);
  if (model->load_failures % kLoadFailuresMax == 0)
    fail_waiting(e.model, ErrorCode::load_failed, cause);
}

void Scheduler::fail_waiting(ModelId id, ErrorCode code, const Cause& cause) {
  const std::set<QueueKey> waiting = state_.model(id).waiting;
  for (const QueueKey& key : waiting) {
    JobEntry& job = state_.jobs.at(key.job);
    dequeue(job);
    finish(job.id, JobState::failed, code, {cause.kind, job.id, id, job.person});
  }
}

void Scheduler::on(const UnloadFinished& e, Instant now) {
  ModelEntry* model = find_model(e.model);
  if (model == nullptr || model->residency != ResidencyState::unloading) return;
  become_cold(*model, model->cause, now);
}

void Scheduler::on(const UnloadFailed& e, Instant now) {
  ModelEntry* model = find_model(e.model);
  if (model == nullptr || model->residency != ResidencyState::unloading) return;
  model->residency = ResidencyState::resident;
  model->since = now;
  give_up_switch_over(state_, e.model, now);
}

void Scheduler::on(const ExternalLoad& e, Instant now) {
  ModelEntry* model = find_model(e.model);
  if (model == nullptr || model->residency != ResidencyState::cold) return;
  model->residency = ResidencyState::resident;
  if (e.vram > MiB{0}) model->vram = e.vram;
  model->reserved = model->vram;
  model->since = now;
  model->cause = {CauseKind::external, JobId{}, e.model, PersonId{}};
}

void Scheduler::on(const ExternalUnload& e, Instant now) {
  ModelEntry* model = find_model(e.model);
  if (model == nullptr || model->residency == ResidencyState::cold) return;
  if (model->residency == ResidencyState::loading) return;
  become_cold(*model, {CauseKind::external, JobId{}, e.model, PersonId{}}, now);
}

void Scheduler::on(const UnloadOrdered& e, Instant now) {
  ModelEntry* model = find_model(e.model);
  if (model == nullptr || model->residency != ResidencyState::resident || is_leased(*model)) return;
  model->residency = ResidencyState::unloading;
  model->since = now;
  model->cause = {CauseKind::operator_action, JobId{}, e.model, e.by};
  for (auto& [kind, models] : state_.wanted) std::erase(models, e.model);
  out_.emplace_back(Unload{e.model, model->cause});
}

void Scheduler::on(const Tick&, Instant) {}

}  // namespace stoker::scheduler
