// What the scheduler learns about machine, workshop and residency.
#include <algorithm>

#include "scheduler/bookkeeping.h"
#include "scheduler/constraints.h"
#include "scheduler/loader.h"
#include "scheduler/residency.h"
#include "scheduler/scheduler.h"
#include "scheduler/standing.h"

namespace stoker::scheduler {
namespace {

// At once after the first failure, then 5, 10, 20, 40 s and so on every 40 s.
Duration retry_pause(std::uint32_t failures) {
  if (failures < 2) return Duration{};
  return seconds(5) * (std::int64_t{1} << std::min<std::uint32_t>(failures - 2, 3));
}

}  // namespace

// ── events of the machine ────────────────────────────────────────────────────────────────────────

void Scheduler::on(const DeviceSet& e, Instant) {
  if (e.device.value > kTableIdMax) return;
  DeviceEntry& device = state_.devices[e.device];
  device.id = e.device;
  device.vram = e.vram;
  device.reserve = e.reserve;
  refresh_standing(state_);
}

void Scheduler::on(const BackendSet& e, Instant) {
  if (!state_.devices.contains(e.device) || e.backend.value > kTableIdMax) return;
  const auto known = state_.backends.find(e.backend);
  if (known != state_.backends.end() && known->second.device != e.device) {
    for (const auto& [id, model] : state_.models) {
      if (model.backend == e.backend) return;  // its models are on the other device
    }
  }
  BackendEntry& backend = state_.backends[e.backend];
  backend.id = e.backend;
  backend.device = e.device;
  backend.slots = e.slots;
  backend.granularity = e.granularity;
  refresh_standing(state_);
}

void Scheduler::on(const BackendHolds& e, Instant) {
  const auto backend = state_.backends.find(e.backend);
  if (backend == state_.backends.end()) return;
  backend->second.models_max = e.models_max;
  refresh_standing(state_);
}

void Scheduler::on(const ModelSet& e, Instant now) {
  const auto backend = state_.backends.find(e.backend);
  if (backend == state_.backends.end() || e.model.value > kTableIdMax) return;
  const auto [it, is_new] = state_.models.try_emplace(e.model);
  ModelEntry& model = it->second;
  const bool moves = !is_new && model.backend != e.backend;
  if (moves && (model.residency != ResidencyState::cold || !model.waiting.empty())) return;
  model.id = e.model;
  model.backend = e.backend;
  model.device = backend->second.device;
  model.medium = e.medium;
  model.vram = e.vram;
  model.pinned = e.pinned;
  model.removed = false;
  model.run.set_hint(e.run_hint);
  model.load.set_hint(e.load_hint);
  if (is_new) model.since = now;
  refresh_standing(state_);
}

void Scheduler::on(const ModelRemoved& e, Instant now) {
  ModelEntry* model = find_model(e.model);
  if (model == nullptr) return;
  model->removed = true;
  model->pinned = false;
  forget_plans_with(state_, e.model, now);
  fail_waiting(e.model, ErrorCode::unknown_model,
               {CauseKind::operator_action, JobId{}, e.model, PersonId{}}, now);
  refresh_standing(state_);
}

void Scheduler::on(const BackendReachable& e, Instant now) {
  const auto backend = state_.backends.find(e.backend);
  if (backend == state_.backends.end() || backend->second.reachable == e.reachable) return;
  backend->second.reachable = e.reachable;
  if (e.reachable) return;
  for (auto& [id, model] : state_.models) {
    if (model.backend != e.backend || model.residency == ResidencyState::cold) continue;
    set_residency(state_, model, ResidencyState::cold,
                  {CauseKind::backend_down, JobId{}, id, PersonId{}}, now);
    forget_plans_with(state_, id, now);
  }
}

void Scheduler::on(const ForeignMemory& e, Instant) {
  const auto device = state_.devices.find(e.device);
  if (device != state_.devices.end()) device->second.foreign = e.used;
}

void Scheduler::on(const DeviceSpeeds& e, Instant now) {
  const auto device = state_.devices.find(e.device);
  if (device == state_.devices.end()) return;
  settle(device->second, now);
  const auto share = [](std::uint32_t ppm) { return static_cast<double>(ppm) / 1e6; };
  device->second.loads_parallel = std::max<std::uint32_t>(e.loads_parallel, 1);
  device->second.contention = {
      share(e.text_parallel_penalty_ppm), share(e.generation_parallel_penalty_ppm),
      share(e.text_beside_generation_ppm), share(e.generation_beside_text_ppm)};
}

void Scheduler::on(const PatienceSet& e, Instant) {
  state_.patience = {e.text, e.generation};
}

// ── events of the workshop ───────────────────────────────────────────────────────────────────────

void Scheduler::on(const WorkshopSet& e, Instant now) {
  WorkshopEntry& workshop = state_.workshops[e.workshop];
  const bool was_served = workshop.state != WorkshopState::paused;
  workshop.id = e.workshop;
  workshop.state = e.state;
  workshop.intake_open = e.intake_open;
  workshop.misfit = e.misfit;
  workshop.outstanding_max_per_person = e.outstanding_max_per_person;
  workshop.queue_max = e.queue_max;
  workshop.focus = e.focus;
  refresh_standing(state_);
  expect_again(e.workshop);
  if (e.state == WorkshopState::ended) return end_workshop(e.workshop, now);
  if (was_served != (e.state != WorkshopState::paused)) repark(e.workshop);
}

std::vector<JobId> Scheduler::jobs_of(WorkshopId workshop) const {
  std::vector<JobId> open;
  for (const auto& [id, job] : state_.jobs) {
    if (job.workshop == workshop) open.push_back(id);
  }
  std::sort(open.begin(), open.end());
  return open;
}

void Scheduler::end_workshop(WorkshopId workshop, Instant now) {
  for (const JobId id : jobs_of(workshop)) {
    JobEntry& job = state_.jobs.at(id);
    cancel(job, {CauseKind::workshop_ended, id, job.model(), job.person}, now);
  }
  std::erase_if(state_.people, [&](const auto& entry) {
    return entry.second.habits.workshop == workshop && entry.second.outstanding == 0;
  });
}

// Accepted work whose model can never be loaded any more beside what stays now: the focus, a pin or a size has changed.
void Scheduler::end_stranded(Instant now) {
  if (!state_.look_for_stranded) return;
  state_.look_for_stranded = false;
  for (const auto& [device_id, device] : state_.devices) {
    const std::vector<ModelId> demanded = device.demanded;  // changes with every queue that ends
    for (const ModelId id : demanded) {
      const ModelEntry& model = state_.model(id);
      if (model.residency != ResidencyState::cold || can_fit_without_others(state_, id)) continue;
      fail_waiting(id, ErrorCode::misfit, {CauseKind::focus_change, JobId{}, id, PersonId{}}, now);
    }
  }
}

// A pause takes waiting steps out of the queues and gives them back with their age and place.
void Scheduler::repark(WorkshopId workshop) {
  for (const JobId id : jobs_of(workshop)) {
    JobEntry& job = state_.jobs.at(id);
    if (job.phase == Phase::waiting) set_parked(state_, job, !is_served(state_, workshop));
  }
}

void Scheduler::on(const GroupSet& e, Instant) {
  const auto workshop = state_.workshops.find(e.workshop);
  if (workshop == state_.workshops.end()) return;
  workshop->second.group_focus[e.group] = e.focus;
  refresh_standing(state_);
  expect_again(e.workshop);
}

void Scheduler::on(const PlanSet& e, Instant) {
  const auto workshop = state_.workshops.find(e.workshop);
  if (workshop == state_.workshops.end()) return;
  workshop->second.announced = e.announced;
  workshop->second.phases.clear();
  for (std::size_t i = 0; i + 1 < e.phase_edges.size(); i += 2)
    workshop->second.phases.push_back({e.phase_edges[i], e.phase_edges[i + 1]});
  refresh_standing(state_);
}

void Scheduler::on(const WantedSet& e, Instant) {
  state_.wanted[e.cause] = e.models;
}

// ── events of residency ──────────────────────────────────────────────────────────────────────────

void Scheduler::on(const LoadFinished& e, Instant now) {
  ModelEntry* model = find_model(e.model);
  if (model == nullptr || model->residency != ResidencyState::loading) return;
  set_residency(state_, *model, ResidencyState::resident, model->cause, now);
  model->load_failures = 0;
  model->served = Duration{};
  model->load.observe(e.took);
  resize(*model, e.vram);
}

// What was measured replaces what was planned.
void Scheduler::resize(ModelEntry& model, MiB measured) {
  if (measured > MiB{0} && measured != model.vram) {
    model.vram = measured;
    refresh_standing(state_);
  }
  set_reserved(state_, model, model.vram);
}

void Scheduler::on(const LoadFailed& e, Instant now) {
  ModelEntry* model = find_model(e.model);
  if (model == nullptr || model->residency != ResidencyState::loading) return;
  const Cause cause{e.cause, model->cause.job, e.model, PersonId{}};
  set_residency(state_, *model, ResidencyState::cold, cause, now);
  ++model->load_failures;
  model->retry_load_at = now + retry_pause(model->load_failures);
  if (model->load_failures % kLoadFailuresMax == 0)
    fail_waiting(e.model, ErrorCode::load_failed, cause, now);
}

void Scheduler::fail_waiting(ModelId id, ErrorCode code, const Cause& cause, Instant now) {
  const std::set<QueueKey> waiting = state_.model(id).waiting;
  for (const QueueKey& key : waiting) {
    JobEntry& job = state_.jobs.at(key.job);
    dequeue(state_, job);
    finish(job.id, JobState::failed, code, {cause.kind, job.id, id, job.person}, now);
  }
}

void Scheduler::on(const UnloadFinished& e, Instant now) {
  ModelEntry* model = find_model(e.model);
  if (model == nullptr || model->residency != ResidencyState::unloading) return;
  set_residency(state_, *model, ResidencyState::cold, model->cause, now);
}

void Scheduler::on(const UnloadFailed& e, Instant now) {
  ModelEntry* model = find_model(e.model);
  if (model == nullptr || model->residency != ResidencyState::unloading) return;
  set_residency(state_, *model, ResidencyState::resident, model->cause, now);
  give_up_switch_over(state_, e.model, now);
}

void Scheduler::on(const ExternalLoad& e, Instant now) {
  ModelEntry* model = find_model(e.model);
  if (model == nullptr || model->residency != ResidencyState::cold) return;
  set_residency(state_, *model, ResidencyState::resident,
                {CauseKind::external, JobId{}, e.model, PersonId{}}, now);
  model->served = Duration{};
  resize(*model, e.vram);
}

void Scheduler::on(const ExternalUnload& e, Instant now) {
  ModelEntry* model = find_model(e.model);
  if (model == nullptr || model->residency == ResidencyState::cold) return;
  if (model->residency == ResidencyState::loading) return;
  set_residency(state_, *model, ResidencyState::cold,
                {CauseKind::external, JobId{}, e.model, PersonId{}}, now);
}

void Scheduler::on(const UnloadOrdered& e, Instant now) {
  ModelEntry* model = find_model(e.model);
  if (model == nullptr || model->residency != ResidencyState::resident || is_leased(*model)) return;
  set_residency(state_, *model, ResidencyState::unloading,
                {CauseKind::operator_action, JobId{}, e.model, e.by}, now);
  for (auto& [kind, models] : state_.wanted) std::erase(models, e.model);
  out_.emplace_back(Unload{e.model, model->cause});
}

}  // namespace stoker::scheduler
