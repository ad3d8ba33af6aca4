// The invariants of the scheduler, checked from outside after every event.
//
// Purpose: keeps books of its own from events and decisions alone, and compares them with what the scheduler believes.
//   I-1 memory at every load start · I-2 who may be evicted · I-3 every job ends once · I-5 bounds grow with a word
//   I-6 causes · I-8 nothing out of focus is fetched ahead · I-9 nobody ended holds a slot · I-10 limits and refusals
// Threading: none. Test code only. It goes silent after kFailuresMax failures: the first ones say what is wrong.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <variant>
#include <vector>

#include "scheduler/consistency_for_tests.h"
#include "scheduler/scheduler.h"

namespace stoker::scheduler {

class Invariants {
 public:
  static constexpr int kFailuresMax = 3;

  // Call before the events are applied.
  void before(const Scheduler& scheduler, std::span<const Event> events, Instant now) {
    now_ = now;
    bounds_.clear();
    for (const auto& [job, quote] : scheduler.quotes().all()) {
      if (quote.known) bounds_[job] = quote.high_at;
    }
    for (const auto& [id, workshop] : scheduler.state().workshops)
      waiting_in_[id] = workshop.waiting;
    revised_.clear();
    for (const Event& event : events) std::visit([&](const auto& e) { told(e); }, event);
  }
  // Call for each decision, in order.
  void decided(const Decision& decision, const State& state) {
    std::visit([&](const auto& d) { decided_one(d, state); }, decision);
  }
  // Call after the decisions.
  void check(const Scheduler& scheduler) {
    const State& state = scheduler.state();
    expect(asked_.empty(), "a job was neither accepted nor refused");
    check_memory(state);
    check_runs(state);
    check_bounds(scheduler);
    Consistency consistency(state);
    if (has_restored_runs_) consistency.with_restored_runs();
    const std::string disagreement = consistency.first_disagreement();
    expect(disagreement.empty(), disagreement.c_str());
  }

  bool is_there(ModelId model) const {
    const auto found = there_.find(model);
    return found != there_.end() && found->second.state != Presence::loading;
  }
  const std::set<JobId>& open() const { return open_; }

 private:
  struct Presence {
    enum State : std::uint8_t { loading, resident, leaving };
    State state = loading;
    MiB held;
  };
  struct Lease {
    ModelId model;
    BackendId backend;
  };
  struct Asked {
    PersonId person;
    WorkshopId workshop;
  };

  void expect(bool holds, const char* what, std::uint64_t subject = 0) {
    if (holds || failures_ >= kFailuresMax) return;
    ++failures_;
    ADD_FAILURE() << "at " << now_.us << " us: " << what << ": " << subject;
  }

  // ── what happened ──
  void told(const DeviceSet& e) { devices_[e.device] = e; }
  void told(const BackendSet& e) { backends_[e.backend] = e; }
  void told(const ModelSet& e) { models_[e.model] = e; }
  void told(const ModelRemoved& e) { models_[e.model].pinned = false; }
  void told(const BackendReachable& e) {
    if (e.reachable) {
      reachable_.insert(e.backend);
      return;
    }
    reachable_.erase(e.backend);
    std::erase_if(there_, [&](const auto& x) { return models_[x.first].backend == e.backend; });
  }
  void told(const ForeignMemory& e) { foreign_[e.device] = e.used; }
  void told(const WorkshopSet& e) { workshops_[e.workshop] = e; }
  void told(const GroupSet& e) { group_focus_[e.workshop][e.group] = e.focus; }
  void told(const WantedSet& e) { wanted_[e.cause] = e.models; }
  void told(const PlanSet& e) { announced_[e.workshop] = e.announced; }
  void told(const JobSubmitted& e) { asked_[e.job] = {e.person, e.workshop}; }
  void told(const IdeaBegun& e) { asked_[e.job] = {e.person, e.workshop}; }
  void told(const JobRestored& e) {
    asked_[e.job] = {e.person, e.workshop};
    restored_.insert(e.job);
    if (!e.running || e.step >= e.steps.size()) return;
    has_restored_runs_ = true;
    leases_[e.job] = {e.steps[e.step], models_[e.steps[e.step]].backend};
  }
  void told(const StepFinished& e) { leases_.erase(e.job); }
  void told(const StepFailed& e) { leases_.erase(e.job); }
  void told(const RunStopped& e) {
    if (stopping_.erase(e.job) > 0) leases_.erase(e.job);
  }
  void told(const LoadFinished& e) {
    const auto found = there_.find(e.model);
    if (found == there_.end() || found->second.state != Presence::loading) return;
    if (e.vram > MiB{0}) models_[e.model].vram = e.vram;
    found->second = {Presence::resident, models_[e.model].vram};
  }
  void told(const LoadFailed& e) {
    const auto found = there_.find(e.model);
    if (found != there_.end() && found->second.state == Presence::loading) there_.erase(found);
  }
  void told(const UnloadFinished& e) {
    const auto found = there_.find(e.model);
    if (found != there_.end() && found->second.state == Presence::leaving) there_.erase(found);
  }
  void told(const UnloadFailed& e) {
    const auto found = there_.find(e.model);
    if (found != there_.end() && found->second.state == Presence::leaving)
      found->second.state = Presence::resident;
  }
  void told(const ExternalLoad& e) {
    const auto model = models_.find(e.model);
    if (model == models_.end() || there_.contains(e.model)) return;
    if (e.vram > MiB{0}) model->second.vram = e.vram;
    there_[e.model] = {Presence::resident, model->second.vram};
  }
  void told(const ExternalUnload& e) {
    const auto found = there_.find(e.model);
    if (found != there_.end() && found->second.state != Presence::loading) there_.erase(found);
  }
  template <class Other>
  void told(const Other&) {}

  // ── what was decided ──
  void decided_one(const Accept& d, const State&) {
    const auto asked = asked_.find(d.job);
    expect(asked != asked_.end(), "accepted twice, or without being asked", d.job.value);
    if (asked == asked_.end()) return;
    const Asked& who = asked->second;
    const auto workshop = workshops_.find(who.workshop);
    if (workshop != workshops_.end() && !restored_.contains(d.job)) {
      expect(outstanding_[who.person] < workshop->second.outstanding_max_per_person,
             "accepted beyond the limit of a person", d.job.value);
      expect(workshop->second.state == WorkshopState::running, "accepted while not running",
             d.job.value);
    }
    ++outstanding_[who.person];
    person_of_[d.job] = who.person;
    open_.insert(d.job);
    asked_.erase(asked);
  }
  void decided_one(const Refuse& d, const State&) {
    const auto asked = asked_.find(d.job);
    expect(asked != asked_.end(), "refused twice, or without being asked", d.job.value);
    if (asked == asked_.end()) return;
    const Asked who = asked->second;
    asked_.erase(asked);
    const auto rules = workshops_.find(who.workshop);
    const WorkshopSet everyday;
    const WorkshopSet& limits = rules == workshops_.end() ? everyday : rules->second;
    switch (d.code) {
      case ErrorCode::limit_reached:
        expect(d.limit == limits.outstanding_max_per_person, "a refusal names another limit",
               d.job.value);
        expect(outstanding_[who.person] >= d.limit, "refused below the limit of a person",
               d.job.value);
        return;
      case ErrorCode::queue_full:
        expect(d.limit == limits.queue_max, "a refusal names another limit", d.job.value);
        expect(waiting_in_[who.workshop] >= d.limit, "refused below the limit of the queue",
               d.job.value);
        return;
      case ErrorCode::misfit:
      case ErrorCode::out_of_focus:
      case ErrorCode::unknown_model:
      case ErrorCode::backend_down:
      case ErrorCode::not_started:
      case ErrorCode::paused:
      case ErrorCode::ended:
      case ErrorCode::bad_request:
        return;
      default:
        expect(false, "a refusal without a reason for people", d.job.value);
    }
  }
  void decided_one(const Load& d, const State& state) {
    const ModelSet& model = models_[d.model];
    const DeviceId device = backends_[model.backend].device;
    expect(!there_.contains(d.model), "I-1: loaded though it is there", d.model.value);
    expect(reachable_.contains(model.backend), "loaded at a backend that is away", d.model.value);
    MiB used = d.reserved + foreign_[device];
    for (const auto& [id, presence] : there_) {
      if (backends_[models_[id].backend].device == device) used += presence.held;
    }
    expect(used <= devices_[device].vram - devices_[device].reserve,
           "I-1: a load was started without room for it", d.model.value);
    expect(d.reserved == model.vram, "I-1: a load reserves another amount than planned",
           d.model.value);
    there_[d.model] = {Presence::loading, d.reserved};
    check_cause(d, state);
  }
  void check_cause(const Load& d, const State& state) {
    const ModelEntry& model = state.model(d.model);
    switch (d.cause.kind) {
      case CauseKind::request:
      case CauseKind::overdue:
      case CauseKind::visit:
      case CauseKind::expected_soon:
        expect(!model.waiting.empty() || model.coming > 0 || model.home || model.pinned ||
                   is_listed(d.model),
               "I-6: a load that nobody needs", d.model.value);
        break;
      case CauseKind::warm_up:
      case CauseKind::preload:
      case CauseKind::focus_change:
        expect(is_listed(d.model) || is_announced(d.model) || is_focus_model(d.model),
               "I-6: a load of no list", d.model.value);
        break;
      default:
        expect(false, "I-6: a load without a cause of its own", d.model.value);
    }
    const bool ahead_of_people = model.waiting.empty() && !model.home && !model.pinned;
    if (ahead_of_people && !is_listed(d.model) && !is_announced(d.model)) {
      expect(may_be_asked_for(d.model, state), "I-8: fetched ahead though out of focus",
             d.model.value);
    }
  }
  void decided_one(const Unload& d, const State& state) {
    const auto found = there_.find(d.model);
    expect(found != there_.end() && found->second.state == Presence::resident,
           "unloaded though it is not there", d.model.value);
    if (found != there_.end()) found->second.state = Presence::leaving;
    for (const auto& [job, lease] : leases_)
      expect(lease.model != d.model, "I-2: a model in use was evicted", d.model.value);
    if (d.cause.kind == CauseKind::operator_action) {
      expect(static_cast<bool>(d.cause.person), "I-6: an order of nobody", d.model.value);
      return;
    }
    if (d.cause.kind == CauseKind::foreign_memory) {
      const DeviceEntry& device = state.devices.at(state.device_of(d.model));
      expect(device.held > capacity(device), "I-6: gave way though there is room", d.model.value);
      expect(!models_[d.model].pinned && !is_focus_model(d.model),
             "I-2: a pinned or focus model gave way", d.model.value);
      return;
    }
    expect(d.cause.kind == CauseKind::make_room || d.cause.kind == CauseKind::focus_change,
           "I-6: an eviction without a cause", d.model.value);
    expect(!models_[d.model].pinned, "I-2: a pinned model was evicted", d.model.value);
    expect(!is_focus_model(d.model) || is_focus_model(d.cause.model),
           "I-2: a focus model went for one out of focus", d.model.value);
    const auto& exchange = state.devices.at(state.device_of(d.model)).switching;
    expect(exchange && exchange->target == d.cause.model && d.cause.model != d.model,
           "I-6: an eviction without a beneficiary", d.model.value);
  }
  void decided_one(const Dispatch& d, const State& state) {
    expect(open_.contains(d.job), "started though it is not open", d.job.value);
    expect(is_there(d.model), "started on a model that is not there", d.job.value);
    expect(there_.contains(d.model) && there_[d.model].state == Presence::resident,
           "started on a model that is being unloaded", d.job.value);
    expect(reachable_.contains(d.backend), "started at a backend that is away", d.job.value);
    expect(models_[d.model].backend == d.backend, "started at another backend", d.job.value);
    expect(leases_.try_emplace(d.job, Lease{d.model, d.backend}).second, "started twice",
           d.job.value);
    expect(state.model(d.model).residency != ResidencyState::loading, "started while loading",
           d.job.value);
  }
  void decided_one(const StopRun& d, const State&) {
    expect(leases_.contains(d.job), "stops a job that does not run", d.job.value);
    stopping_.insert(d.job);
  }
  void decided_one(const Requeue& d, const State&) {
    expect(open_.contains(d.job), "requeued though it is not open", d.job.value);
  }
  void decided_one(const Finish& d, const State&) {
    if (asked_.erase(d.job) > 0) return;  // restored, but impossible now
    expect(open_.erase(d.job) == 1, "I-3: ended twice, or without having been accepted",
           d.job.value);
    expect(!leases_.contains(d.job), "I-9: ended though its run holds a slot", d.job.value);
    expect(job_state_is_final(d.state), "I-3: an end that is none", d.job.value);
    stopping_.erase(d.job);
    --outstanding_[person_of_[d.job]];
    person_of_.erase(d.job);
  }
  void decided_one(const Revise& d, const State&) {
    revised_.insert(d.job);
    expect(d.cause.kind != CauseKind::request && d.cause.kind != CauseKind::make_room,
           "I-5: a bound grew without a reason", d.job.value);
  }

  // ── rules about focus and lists, from what was told ──
  static bool contains(const std::vector<ModelId>& models, ModelId id) {
    return std::find(models.begin(), models.end(), id) != models.end();
  }
  bool is_focus_model(ModelId id) const {
    for (const auto& [workshop_id, workshop] : workshops_) {
      if (workshop.state == WorkshopState::planned || workshop.state == WorkshopState::ended)
        continue;
      if (contains(workshop.focus, id)) return true;
      const auto groups = group_focus_.find(workshop_id);
      if (groups == group_focus_.end()) continue;
      for (const auto& [group, focus] : groups->second)
        if (contains(focus, id)) return true;
    }
    return false;
  }
  bool is_listed(ModelId id) const {
    return std::any_of(wanted_.begin(), wanted_.end(),
                       [&](const auto& list) { return contains(list.second, id); });
  }
  bool is_announced(ModelId id) const {
    return std::any_of(announced_.begin(), announced_.end(),
                       [&](const auto& list) { return contains(list.second, id); });
  }
  bool is_in_focus_of(const JobEntry& job, ModelId id) const {
    const auto workshop = workshops_.find(job.workshop);
    if (workshop == workshops_.end()) return true;
    if (const auto groups = group_focus_.find(job.workshop); groups != group_focus_.end()) {
      const auto own = groups->second.find(job.group);
      if (own != groups->second.end() && !own->second.empty()) return contains(own->second, id);
    }
    return workshop->second.focus.empty() || contains(workshop->second.focus, id);
  }
  // A step that was accepted needs it later, or an idea in progress is expected to, and may.
  bool may_be_asked_for(ModelId id, const State& state) const {
    return std::any_of(state.jobs.begin(), state.jobs.end(), [&](const auto& entry) {
      const JobEntry& job = entry.second;
      for (std::size_t i = job.step; i < job.steps.size(); ++i) {
        if (job.steps[i] == id && (i < job.known || is_in_focus_of(job, id))) return true;
      }
      return false;
    });
  }

  // ── the books against the state ──
  void check_memory(const State& state) {
    for (const auto& [id, model] : state.models) {
      const auto found = there_.find(id);
      const bool cold = model.residency == ResidencyState::cold;
      expect(cold == (found == there_.end()), "believes in another residency than the machine has",
             id.value);
      if (!cold && found != there_.end())
        expect(model.reserved == found->second.held, "I-1: books of memory disagree", id.value);
    }
  }
  void check_runs(const State& state) {
    std::size_t running = 0;
    for (const auto& [id, job] : state.jobs) {
      const bool runs = job.phase == Phase::running || job.phase == Phase::stopping;
      if (!runs) continue;
      ++running;
      expect(leases_.contains(id), "believes in a run that is over", id.value);
    }
    expect(running == leases_.size(), "I-9: a run that the scheduler has forgotten");
    expect(state.jobs.size() == open_.size(), "I-3: a job was forgotten or kept too long");
  }
  void check_bounds(const Scheduler& scheduler) {
    for (const auto& [job, was] : bounds_) {
      const Quote* quote = scheduler.quotes().find(job);
      if (quote == nullptr || revised_.contains(job)) continue;
      expect(quote->known, "I-5: a bound was taken back without a word", job.value);
      expect(quote->high_at <= was, "I-5: a bound grew without a word", job.value);
    }
  }

  Instant now_;
  int failures_ = 0;
  bool has_restored_runs_ = false;
  std::map<DeviceId, DeviceSet> devices_;
  std::map<BackendId, BackendSet> backends_;
  std::map<ModelId, ModelSet> models_;
  std::set<BackendId> reachable_;
  std::map<DeviceId, MiB> foreign_;
  std::map<ModelId, Presence> there_;
  std::map<WorkshopId, WorkshopSet> workshops_;
  std::map<WorkshopId, std::map<GroupId, std::vector<ModelId>>> group_focus_;
  std::map<WorkshopId, std::vector<ModelId>> announced_;
  std::map<CauseKind, std::vector<ModelId>> wanted_;
  std::map<WorkshopId, std::int64_t> waiting_in_;  // before the events
  std::map<JobId, Asked> asked_;
  std::set<JobId> restored_;
  std::set<JobId> open_;
  std::map<JobId, PersonId> person_of_;
  std::map<PersonId, std::int64_t> outstanding_;
  std::map<JobId, Lease> leases_;
  std::set<JobId> stopping_;
  std::map<JobId, Instant> bounds_;
  std::set<JobId> revised_;
};

}  // namespace stoker::scheduler
