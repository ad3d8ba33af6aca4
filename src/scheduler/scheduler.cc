#include "scheduler/scheduler.h"

#include <algorithm>

#include "scheduler/admission.h"
#include "scheduler/bookkeeping.h"
#include "scheduler/constraints.h"
#include "scheduler/loader.h"
#include "scheduler/order.h"
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

Duration expected_work(const State& state, std::span<const ModelId> steps, StepSize size) {
  Duration sum;
  for (const ModelId id : steps) {
    const auto model = state.models.find(id);
    if (model != state.models.end()) sum += model->second.run.mean(size);
  }
  return sum;
}

void warm(ModelEntry& model, Instant now) {
  model.heat_q16 = heat_q16(model, now) + (1 << 16);
  model.heat_at = now;
}

}  // namespace

std::vector<Decision> Scheduler::apply(std::span<const Event> events, Instant now) {
  out_.clear();
  for (const Event& event : events) std::visit([&](const auto& e) { on(e, now); }, event);
  end_stranded(now);
  plan_residency(state_, now, out_);
  serve(now);
  if (mode_ == QuoteMode::kept) quotes_.update(state_, events.back(), now, out_);
  return std::move(out_);
}

std::optional<Instant> Scheduler::next_wakeup(Instant now) const {
  std::optional<Instant> next = next_load_retry(state_, now);
  const auto consider = [&](std::optional<Instant> at) {
    if (at && (!next || *at < *next)) next = at;
  };
  consider(quotes_.next_overdue(now));
  consider(next_planned_moment(state_, now));
  for (const auto& [id, device] : state_.devices) consider(device.text_hold_ends);
  return next;
}

JobEntry* Scheduler::find_job(JobId id) {
  const auto it = state_.jobs.find(id);
  return it == state_.jobs.end() ? nullptr : &it->second;
}

ModelEntry* Scheduler::find_model(ModelId id) {
  const auto it = state_.models.find(id);
  return it == state_.models.end() ? nullptr : &it->second;
}

void Scheduler::finish(JobId id, JobState state, ErrorCode code, const Cause& cause, Instant now) {
  const auto entry = state_.jobs.find(id);
  JobEntry& job = entry->second;
  count_coming(state_, job, -1);
  if (job.phase == Phase::between_steps) --state_.reading;
  PersonEntry& person = state_.people[job.person];
  if (person.outstanding > 0) --person.outstanding;
  job.steps.truncate(job.known);
  state_.habits.idea_ended(person.habits, job.steps, state == JobState::done, now);
  out_.emplace_back(Finish{id, state, code, cause});
  state_.jobs.erase(entry);
}

void Scheduler::cancel(JobEntry& job, const Cause& cause, Instant now) {
  switch (job.phase) {
    case Phase::waiting:
      dequeue(state_, job);
      [[fallthrough]];
    case Phase::between_steps:
      return finish(job.id, JobState::cancelled, ErrorCode::internal, cause, now);
    case Phase::running:
      job.phase = Phase::stopping;
      job.stop_cause = cause;
      out_.emplace_back(StopRun{job.id, job.step, cause});
      return;
    case Phase::stopping:
      return;
  }
}

// ── serving ──────────────────────────────────────────────────────────────────────────────────────

// Generation first: whether texts are held depends on what it does.
void Scheduler::serve(Instant now) {
  for (auto& [id, backend] : state_.backends) {
    while (backend.reachable && backend.running < backend.slots) {
      const JobEntry* next = next_generation(state_, backend, now);
      if (next == nullptr) break;
      dispatch(state_.jobs.at(next->id), now);
    }
  }
  for (auto& [id, device] : state_.devices) {
    update_text_batch(state_, device, now);
    if (device.text_open) serve_texts(device, now);
  }
}

void Scheduler::serve_texts(DeviceEntry& device, Instant now) {
  for (auto& [id, backend] : state_.backends) {
    if (backend.device != device.id) continue;
    while (backend.reachable && backend.running < backend.slots) {
      const JobEntry* next = next_text(state_, backend);
      if (next == nullptr) break;
      dispatch(state_.jobs.at(next->id), now);
    }
  }
}

void Scheduler::dispatch(JobEntry& job, Instant now) {
  dequeue(state_, job);
  job.phase = Phase::running;
  job.started = now;
  ++job.attempts;
  begin_run(state_, job, now);
  const CauseKind kind = job.attempts > 1 ? CauseKind::retry : CauseKind::fair_order;
  const std::uint32_t tries = job.attempts + job.backend_losses + job.earlier_tries;
  const ModelEntry& model = state_.model(job.model());
  out_.emplace_back(
      Dispatch{job.id, job.step, tries, model.id, model.backend, cause_for(kind, job)});
}

// ── events of work ───────────────────────────────────────────────────────────────────────────────

void Scheduler::on(const JobSized& e, Instant) {
  state_.announced_size = {e.job, e.size};
}

StepSize Scheduler::size_of(JobId job) const {
  return state_.announced_size.first == job ? state_.announced_size.second : 0;
}

// The place of new work of a person: now, or behind what the person has already asked for.
std::int64_t Scheduler::take_tag(PersonEntry& person, Duration work, Instant now) {
  const std::int64_t tag_us = std::max(now.us, person.finish_tag_us);
  person.finish_tag_us = tag_us + work.us;
  return tag_us;
}

// Whose job it is, as a member of its group.
PersonEntry& Scheduler::person_of(const JobEntry& job) {
  PersonEntry& person = state_.people[job.person];
  person.habits.group = job.group;
  person.habits.workshop = job.workshop;
  return person;
}

void Scheduler::admit(const JobEntry& entry, Instant now) {
  PersonEntry& person = person_of(entry);
  ++person.outstanding;
  state_.habits.idea_begun(person.habits, now);
  JobEntry& job = state_.jobs[entry.id];
  job = entry;
  job.begun = now;
  warm(state_.model(job.model()), now);
  enqueue(state_, job, Arrival::fresh, now);
  count_coming(state_, job, +1);
  out_.emplace_back(Accept{job.id, job.tag_us, cause_for(CauseKind::request, job)});
}

void Scheduler::on(const JobSubmitted& e, Instant now) {
  if (find_job(e.job) != nullptr) return;
  if (const auto refusal = refusal_of(state_, e)) {
    const Cause cause{CauseKind::request, e.job, e.steps.empty() ? ModelId{} : e.steps[0],
                      e.person};
    out_.emplace_back(Refuse{e.job, refusal->code, refusal->limit, cause});
    return;
  }
  JobEntry job{.id = e.job, .person = e.person, .workshop = e.workshop, .group = e.group};
  for (const ModelId id : e.steps) job.steps.push_back(id);
  job.known = static_cast<std::uint8_t>(job.steps.size());
  job.size = size_of(e.job);
  job.tag_us = take_tag(state_.people[e.person], expected_work(state_, e.steps, job.size), now);
  admit(job, now);
}

void Scheduler::on(const IdeaBegun& e, Instant now) {
  if (find_job(e.job) != nullptr) return;
  const JobSubmitted as_job{e.job, e.person, e.workshop, e.group, {e.model}};
  if (const auto refusal = refusal_of(state_, as_job)) {
    out_.emplace_back(Refuse{
        e.job, refusal->code, refusal->limit, {CauseKind::request, e.job, e.model, e.person}});
    return;
  }
  JobEntry job{.id = e.job, .person = e.person, .workshop = e.workshop, .group = e.group};
  job.open = true;
  job.size = size_of(e.job);
  job.steps.push_back(e.model);
  job.known = 1;
  job.tag_us = take_tag(person_of(job), expected_work(state_, as_job.steps, job.size), now);
  expect_rest(job);
  admit(job, now);
}

// After the known steps come, as far as we know, the same positions of the idea before.
void Scheduler::expect_rest(JobEntry& job) {
  job.steps.truncate(job.known);
  const Chain& usual = state_.habits.expected(state_.people[job.person].habits);
  for (const ModelId id : usual.from(job.known)) {
    if (!in_focus_of(state_, job.workshop, job.group, id)) return;
    job.steps.push_back(id);
  }
}

// What was expected of ideas in progress may be out of focus now.
void Scheduler::expect_again(WorkshopId workshop) {
  for (const JobId id : jobs_of(workshop)) {
    JobEntry& job = state_.jobs.at(id);
    if (!job.open) continue;
    count_coming(state_, job, -1);
    expect_rest(job);
    count_coming(state_, job, +1);
  }
}

void Scheduler::on(const StepAdded& e, Instant now) {
  JobEntry* job = find_job(e.job);
  ModelEntry* model = find_model(e.model);
  if (job == nullptr || !job->open || job->phase != Phase::between_steps) return;
  if (model == nullptr || model->removed || job->known >= kChainMax) {
    const Cause cause{CauseKind::request, e.job, e.model, job->person};
    const bool too_long = model != nullptr && !model->removed;
    return finish(e.job, JobState::failed,
                  too_long ? ErrorCode::bad_request : ErrorCode::unknown_model, cause, now);
  }
  count_coming(state_, *job, -1);
  state_.habits.has_read(now - job->started);
  job->steps.truncate(job->step);
  job->steps.push_back(e.model);
  job->known = static_cast<std::uint8_t>(job->steps.size());
  expect_rest(*job);
  // Ideas that were begun earlier go first, also against the person's own later work.
  const std::int64_t tag_us = take_tag(state_.people[job->person], model->run.mean(job->size), now);
  job->tag_us = std::max(job->begun.us, tag_us - (now - job->begun).us);
  warm(*model, now);
  enqueue(state_, *job, Arrival::fresh, now);
  count_coming(state_, *job, +1);
  if (const auto refusal = refusal_of_step(state_, *job)) {
    dequeue(state_, *job);
    finish(e.job, JobState::refused, refusal->code, cause_for(CauseKind::request, *job), now);
  }
}

void Scheduler::on(const IdeaEnded& e, Instant now) {
  JobEntry* job = find_job(e.job);
  if (job == nullptr || !job->open || job->phase != Phase::between_steps) return;
  finish(e.job, JobState::done, ErrorCode::internal,
         {CauseKind::request, e.job, job->steps[job->known - 1U], job->person}, now);
}

void Scheduler::on(const JobRestored& e, Instant now) {
  if (find_job(e.job) != nullptr) return;
  JobEntry& job = state_.jobs[e.job];
  job = {.id = e.job, .person = e.person, .workshop = e.workshop, .group = e.group};
  for (const ModelId id : e.steps) job.steps.push_back(id);
  job.known = static_cast<std::uint8_t>(job.steps.size());
  job.step = static_cast<std::uint8_t>(std::min<std::size_t>(e.step, kChainMax));
  job.attempts = e.attempts;
  job.earlier_tries = e.earlier_tries;
  job.tag_us = e.tag_us;
  job.size = size_of(e.job);
  job.begun = now;
  PersonEntry& person = person_of(job);
  ++person.outstanding;
  person.finish_tag_us =
      std::max(person.finish_tag_us, job.tag_us + expected_work(state_, e.steps, job.size).us);
  const Cause cause{CauseKind::recovery, e.job, ModelId{}, e.person};
  count_coming(state_, job, +1);
  const ModelEntry* model = job.step < job.steps.size() ? find_model(job.model()) : nullptr;
  if (model == nullptr || model->removed) {
    return finish(e.job, JobState::failed, ErrorCode::unknown_model, cause, now);
  }
  out_.emplace_back(Accept{job.id, job.tag_us, cause});
  if (!e.running) return enqueue(state_, job, Arrival::fresh, now);
  job.phase = Phase::running;
  job.started = now;
  begin_run(state_, job, now);
}

void Scheduler::fail_for_removed(const JobEntry& job, Instant now) {
  finish(job.id, JobState::failed, ErrorCode::unknown_model,
         cause_for(CauseKind::operator_action, job), now);
}

void Scheduler::on(const StepReleased& e, Instant now) {
  JobEntry* job = find_job(e.job);
  if (job == nullptr || job->phase != Phase::between_steps || job->step != e.step) return;
  if (job->step >= job->known) return;
  if (state_.model(job->model()).removed) return fail_for_removed(*job, now);
  count_coming(state_, *job, -1);
  warm(state_.model(job->model()), now);
  enqueue(state_, *job, Arrival::fresh, now);
  count_coming(state_, *job, +1);
}

void Scheduler::on(const StepFinished& e, Instant now) {
  JobEntry* job = find_job(e.job);
  if (job == nullptr || job->step != e.step) return;
  if (job->phase != Phase::running && job->phase != Phase::stopping) return;
  const Duration work = end_run(state_, *job, now);
  if (job->phase == Phase::stopping) {
    return finish(job->id, JobState::cancelled, ErrorCode::internal, *job->stop_cause, now);
  }
  ModelEntry& model = state_.model(job->model());
  model.run.observe(work > Duration{} ? work : e.took, job->size);
  model.served += work;
  const bool more = job->step + 1U < job->known || job->open;
  if (!more) {
    return finish(job->id, JobState::done, ErrorCode::internal, cause_for(CauseKind::request, *job),
                  now);
  }
  ++job->step;
  job->attempts = 0;
  job->phase = Phase::between_steps;
  job->started = now;
  ++state_.reading;
}

void Scheduler::on(const StepFailed& e, Instant now) {
  JobEntry* job = find_job(e.job);
  if (job == nullptr || job->step != e.step) return;
  if (job->phase != Phase::running && job->phase != Phase::stopping) return;
  end_run(state_, *job, now);
  if (job->phase == Phase::stopping) {
    return finish(job->id, JobState::cancelled, ErrorCode::internal, *job->stop_cause, now);
  }
  const bool lost = e.cause == CauseKind::backend_down;
  if (lost) {
    ++job->backend_losses;
    if (job->attempts > 0) --job->attempts;
  }
  if (job->attempts >= kAttemptsMax || job->backend_losses >= kBackendLossesMax) {
    return finish(job->id, JobState::failed, code_of(e.cause), cause_for(e.cause, *job), now);
  }
  if (state_.model(job->model()).removed) return fail_for_removed(*job, now);
  enqueue(state_, *job, Arrival::again, now);
  out_.emplace_back(Requeue{job->id, job->step, job->tag_us, cause_for(e.cause, *job)});
}

void Scheduler::on(const JobCancelled& e, Instant now) {
  JobEntry* job = find_job(e.job);
  if (job != nullptr) cancel(*job, cause_for(e.cause, *job), now);
}

void Scheduler::on(const RunStopped& e, Instant now) {
  JobEntry* job = find_job(e.job);
  if (job == nullptr || job->phase != Phase::stopping || job->step != e.step) return;
  end_run(state_, *job, now);
  finish(job->id, JobState::cancelled, ErrorCode::internal, *job->stop_cause, now);
}

void Scheduler::on(const JobMovedToFront& e, Instant) {
  JobEntry* job = find_job(e.job);
  if (job == nullptr || job->phase != Phase::waiting) return;
  std::int64_t first = job->tag_us;
  for (const auto& [id, model] : state_.models) {
    if (!model.waiting.empty()) first = std::min(first, model.waiting.begin()->tag_us);
  }
  requeue_at(state_, *job, first - 1);
  const Cause cause{CauseKind::operator_action, job->id, job->model(), e.by};
  out_.emplace_back(Requeue{job->id, job->step, job->tag_us, cause});
}

void Scheduler::on(const Tick&, Instant) {}

}  // namespace stoker::scheduler
