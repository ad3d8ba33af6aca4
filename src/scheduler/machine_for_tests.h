// A machine without engines for tests: carries out decisions in virtual time and checks the invariants after every event.
//
// Purpose: drives a Scheduler the way the controller does, with exact load and run times, people who read, think and
//   give up, and everything that goes wrong with engines; keeps what happened.
// Order: what is due at the same instant happens in the order in which it was planned.
// Threading: none. Test code only.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>
#include <optional>
#include <queue>
#include <set>
#include <utility>
#include <vector>

#include "scheduler/invariants_for_tests.h"
#include "scheduler/scheduler.h"

namespace stoker::scheduler {

// Bit for bit, cause included.
inline bool same_decision(Decision a, Decision b) {
  if (a.index() != b.index()) return false;
  return std::visit(
      [&](auto& x) { return x.fields() == std::get<std::decay_t<decltype(x)>>(b).fields(); }, a);
}

inline bool same_decisions(const std::vector<Decision>& a, const std::vector<Decision>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same_decision);
}

// One step of an idea as people and engines will have it.
struct StepPlan {
  ModelId model;
  Duration work;  // alone on the device
  Duration read;  // pause after it, before the next step
};

class MachineForTests {
 public:
  struct Ended {
    Instant at;
    JobState state = JobState::done;
    ErrorCode code = ErrorCode::internal;
    CauseKind cause = CauseKind::request;
  };
  struct Started {
    Instant at;
    JobId job;
    std::uint32_t step = 0;
    ModelId model;
    Duration waited;
  };
  // What was told in one go, and what was decided.
  struct Told {
    Instant at;
    std::vector<Event> events;
    std::vector<Decision> decisions;
  };

  MachineForTests() = default;
  explicit MachineForTests(QuoteMode quotes, const Policy& policy = {})
      : scheduler(quotes, policy), quotes_(quotes), policy_(policy) {}

  Scheduler scheduler;
  Instant now;
  std::map<ModelId, Duration> load_time;
  std::map<ModelId, MiB> measured;    // by the end of a load; otherwise nothing is measured
  std::map<JobId, int> run_failures;  // this many tries fail
  std::map<ModelId, int> load_failures;
  std::map<ModelId, int> unload_failures;
  Duration unload_time;
  Duration stop_time = seconds(1);
  Patience leaves_after;  // people give up a step they have waited for so long; zero: never
  bool keeps_history = false;

  std::vector<Decision> decisions;  // everything decided, in order
  std::vector<Load> loads;
  std::vector<Instant> loads_at;
  std::vector<Unload> unloads;
  std::vector<Dispatch> dispatches;
  std::vector<Started> starts;
  std::vector<Revise> revisions;
  std::map<JobId, Ended> ended;
  std::map<JobId, Refuse> refused;
  std::set<JobId> accepted;
  std::map<JobId, std::int64_t> tag_us;  // as accepted
  std::map<JobId, Instant> submitted;
  std::map<JobId, std::uint64_t> person_of;
  std::vector<Told> history;

  // ── the machine ──
  void add_device(std::int64_t vram, std::int64_t reserve = 0, std::uint32_t device = 1) {
    tell(DeviceSet{DeviceId{device}, MiB{vram}, MiB{reserve}});
  }
  void set_speeds(const DeviceSpeeds& speeds) {
    const auto share = [](std::uint32_t ppm) { return static_cast<double>(ppm) / 1e6; };
    work_[speeds.device].contention = {
        share(speeds.text_parallel_penalty_ppm), share(speeds.generation_parallel_penalty_ppm),
        share(speeds.text_beside_generation_ppm), share(speeds.generation_beside_text_ppm)};
    tell(speeds);
  }
  // Steps do not slow each other down, and the scheduler knows.
  void set_independent_speeds(std::uint32_t device = 1) {
    set_speeds(DeviceSpeeds{DeviceId{device}, 1, 0, 0, 1'000'000, 1'000'000});
  }
  void add_backend(std::uint32_t id, std::uint32_t slots = 1,
                   EvictionGranularity granularity = EvictionGranularity::model,
                   std::uint32_t device = 1) {
    device_of_[BackendId{id}] = DeviceId{device};
    tell(BackendSet{BackendId{id}, DeviceId{device}, slots, granularity});
    tell(BackendReachable{BackendId{id}, true});
  }
  void add_model(std::uint32_t id, std::int64_t vram, Duration load, Duration run,
                 std::uint32_t backend = 1, bool pinned = false, Medium medium = Medium::image) {
    load_time[ModelId{id}] = load;
    backend_of_[ModelId{id}] = BackendId{backend};
    tell(ModelSet{ModelId{id}, BackendId{backend}, medium, MiB{vram}, load, run, pinned});
  }
  void add_text_model(std::uint32_t id, std::int64_t vram, Duration load, Duration run,
                      std::uint32_t backend, bool pinned = false) {
    add_model(id, vram, load, run, backend, pinned, Medium::text);
  }
  void make_resident(std::uint32_t id) { tell(ExternalLoad{ModelId{id}, MiB{0}}); }
  void set_foreign(std::int64_t used, std::uint32_t device = 1) {
    tell(ForeignMemory{DeviceId{device}, MiB{used}});
  }
  // The backend is gone with everything it held and ran.
  void lose_backend(std::uint32_t id) {
    for (auto& [model, backend] : backend_of_) {
      if (backend == BackendId{id}) ++transfer_[model];
    }
    tell(BackendReachable{BackendId{id}, false});
    for (const Dispatch& d :
         take_runs([&](const Dispatch& run) { return run.backend.value == id; }))
      tell(StepFailed{d.job, d.step, CauseKind::backend_down});
  }
  void restore_backend(std::uint32_t id) { tell(BackendReachable{BackendId{id}, true}); }
  // Somebody else threw the model out, with what ran on it.
  void evict_externally(std::uint32_t id) {
    if (!invariants.is_there(ModelId{id})) return;
    ++transfer_[ModelId{id}];
    std::vector<Event> events;
    for (const Dispatch& d : take_runs([&](const Dispatch& run) { return run.model.value == id; }))
      events.push_back(StepFailed{d.job, d.step, CauseKind::backend_down});
    events.push_back(ExternalUnload{ModelId{id}});
    tell(std::move(events));
  }

  // ── the workshop ──
  void run_workshop(std::vector<ModelId> focus, std::uint32_t outstanding_max = 1000) {
    tell(WorkshopSet{.workshop = WorkshopId{1},
                     .state = WorkshopState::running,
                     .head_count = 10,
                     .outstanding_max_per_person = outstanding_max,
                     .queue_max = 100'000,
                     .focus = std::move(focus)});
  }
  // People leave when their patience ends, and the scheduler knows when that is.
  void set_patience(Duration text, Duration generation) {
    leaves_after = {text, generation};
    tell(PatienceSet{text, generation});
  }

  // ── work ──
  // One step.
  JobId submit(std::uint64_t person, std::uint32_t model, Duration run,
               WorkshopId workshop = WorkshopId{1}, GroupId group = GroupId{}) {
    return submit_chain(person, {{ModelId{model}, run, Duration{}}}, workshop, group);
  }
  // A chain whose steps are all known from the start.
  JobId submit_chain(std::uint64_t person, std::vector<StepPlan> steps,
                     WorkshopId workshop = WorkshopId{1}, GroupId group = GroupId{}) {
    std::vector<ModelId> models;
    for (const StepPlan& step : steps) models.push_back(step.model);
    const JobId job = plan_idea(person, std::move(steps), false);
    tell(JobSubmitted{job, PersonId{person}, workshop, group, std::move(models)});
    return job;
  }
  // A chain that is decided as it goes.
  JobId begin_idea(std::uint64_t person, std::vector<StepPlan> steps,
                   WorkshopId workshop = WorkshopId{1}, GroupId group = GroupId{}) {
    const ModelId first = steps.front().model;
    const JobId job = plan_idea(person, std::move(steps), true);
    tell(IdeaBegun{job, PersonId{person}, workshop, group, first});
    return job;
  }
  void at(Duration when, std::function<void()> what) {
    plans_.push({Instant{when.us}, order_++, std::move(what)});
  }
  void in(Duration delay, std::function<void()> what) {
    plans_.push({now + delay, order_++, std::move(what)});
  }
  // Called with every job that has ended or was refused.
  std::function<void(JobId)> when_ended;

  void tell(const Event& event) { tell(std::vector<Event>{event}); }
  void tell(std::vector<Event> events) {
    invariants.before(scheduler, events, now);
    const std::vector<Decision> fresh = scheduler.apply(events, now);
    compare_with_copy(events, fresh);
    for (const Decision& decision : fresh) {
      invariants.decided(decision, scheduler.state());
      decisions.push_back(decision);
      std::visit([&](const auto& d) { carry_out(d); }, decision);
    }
    invariants.check(scheduler);
    if (keeps_history) history.push_back({now, std::move(events), fresh});
    wake();
  }

  // Plays until nothing is left to happen, or to `until`.
  void play(Duration until = minutes(100'000)) {
    while (!plans_.empty() && plans_.top().at <= Instant{until.us}) {
      const Plan next = plans_.top();
      plans_.pop();
      at_this_instant_ = next.at == now ? at_this_instant_ + 1 : 0;
      ASSERT_LT(at_this_instant_, 10'000) << "time stands still";
      now = next.at;
      next.what();
    }
  }

  // The longest wait of a step for the model, of those that still wait too.
  Duration longest_wait(ModelId model) const {
    Duration longest;
    for (const Started& start : starts) {
      if (start.model == model) longest = std::max(longest, start.waited);
    }
    for (const auto& [id, job] : scheduler.state().jobs) {
      if (job.model() == model && job.phase == Phase::waiting)
        longest = std::max(longest, now - job.released);
    }
    return longest;
  }
  Duration flow(JobId job) const { return ended.at(job).at - submitted.at(job); }
  Instant makespan() const {
    Instant last;
    for (const auto& [job, end] : ended) last = std::max(last, end.at);
    return last;
  }

  // From now on a copy of the state is told the same, and must decide the same.
  void follow_with_a_copy() { copy_.emplace(scheduler.state()); }
  // The history again, told to a new scheduler.
  void expect_same_decisions_again() const {
    Scheduler again(quotes_, policy_);
    for (const Told& told : history) {
      const std::vector<Decision> fresh = again.apply(told.events, told.at);
      ASSERT_TRUE(same_decisions(fresh, told.decisions)) << "I-7: at " << told.at.us << " us";
    }
  }

  Invariants invariants;

 private:
  struct Plan {
    Instant at;
    std::uint64_t order = 0;
    std::function<void()> what;
    bool operator<(const Plan& other) const {
      return at != other.at ? at > other.at : order > other.order;
    }
  };
  struct Idea {
    std::vector<StepPlan> steps;
    std::uint32_t step = 0;
    bool open = false;
  };
  struct AtWork {
    Dispatch run;
    Instant since;
    bool text = false;
    double left_us = 0;
  };
  struct DeviceWork {
    Contention contention{0, 0, 1, 1};
    std::vector<AtWork> runs;  // in order of start
    Instant settled;
    std::uint64_t change = 0;
  };

  JobId plan_idea(std::uint64_t person, std::vector<StepPlan> steps, bool open) {
    const JobId job{++last_job_};
    person_of[job] = person;
    ideas_[job] = {std::move(steps), 0, open};
    submitted[job] = now;
    return job;
  }

  void carry_out(const Accept& d) {
    accepted.insert(d.job);
    tag_us[d.job] = d.tag_us;
    plan_to_leave(d.job);
  }
  void carry_out(const Refuse& d) {
    refused.emplace(d.job, d);
    if (when_ended) in(Duration{}, [this, job = d.job] { when_ended(job); });
  }
  void carry_out(const Load& d) {
    loads.push_back(d);
    loads_at.push_back(now);
    in(load_time.at(d.model), [this, model = d.model, transfer = ++transfer_[d.model]] {
      if (transfer_[model] != transfer) return;
      if (load_failures[model]-- > 0) return tell(LoadFailed{model, CauseKind::load_failed});
      const auto size = measured.find(model);
      tell(
          LoadFinished{model, size == measured.end() ? MiB{0} : size->second, load_time.at(model)});
    });
  }
  void carry_out(const Unload& d) {
    unloads.push_back(d);
    in(unload_time, [this, model = d.model, transfer = ++transfer_[d.model]] {
      if (transfer_[model] != transfer) return;
      if (unload_failures[model]-- > 0) return tell(UnloadFailed{model});
      tell(UnloadFinished{model});
    });
  }
  void carry_out(const Dispatch& d) {
    dispatches.push_back(d);
    const Instant released = scheduler.state().jobs.at(d.job).released;
    starts.push_back({now, d.job, d.step, d.model, now - released});
    DeviceWork& work = work_[device_of_.at(d.backend)];
    settle_work(work);
    const bool text = scheduler.state().model(d.model).is_text();
    const Idea& idea = ideas_.at(d.job);
    work.runs.push_back({d, now, text, static_cast<double>(idea.steps.at(d.step).work.us)});
    plan_next_end(work);
  }
  void carry_out(const StopRun& d) {
    in(stop_time, [this, d] {
      const auto stopped =
          take_runs([&](const Dispatch& run) { return run.job == d.job && run.step == d.step; });
      if (!stopped.empty()) tell(RunStopped{d.job, d.step});
    });
  }
  void carry_out(const Requeue&) {}
  void carry_out(const Finish& d) {
    ended.emplace(d.job, Ended{now, d.state, d.code, d.cause.kind});
    if (when_ended) in(Duration{}, [this, job = d.job] { when_ended(job); });
  }
  void carry_out(const Revise& d) { revisions.push_back(d); }

  // ── work at the devices ──
  static Rates rates_at(const DeviceWork& work) {
    std::size_t texts = 0;
    for (const AtWork& run : work.runs) texts += run.text ? 1U : 0U;
    return rates_of(work.contention, texts, work.runs.size() - texts);
  }
  void settle_work(DeviceWork& work) {
    const auto elapsed = static_cast<double>((now - work.settled).us);
    work.settled = now;
    const Rates rates = rates_at(work);
    for (AtWork& run : work.runs)
      run.left_us -= elapsed * (run.text ? rates.text : rates.generation);
  }
  void plan_next_end(DeviceWork& work) {
    ++work.change;
    if (work.runs.empty()) return;
    const Rates rates = rates_at(work);
    double soonest_us = 1e18;
    for (const AtWork& run : work.runs)
      soonest_us = std::min(soonest_us, run.left_us / (run.text ? rates.text : rates.generation));
    const Duration left{static_cast<std::int64_t>(std::ceil(std::max(soonest_us, 0.0)))};
    in(left, [this, &work, change = work.change] {
      if (work.change == change) end_finished_runs(work);
    });
  }
  void end_finished_runs(DeviceWork& work) {
    settle_work(work);
    const auto done = std::find_if(work.runs.begin(), work.runs.end(),
                                   [](const AtWork& run) { return run.left_us < 0.5; });
    if (done == work.runs.end()) return plan_next_end(work);
    const AtWork run = *done;
    work.runs.erase(done);
    plan_next_end(work);
    end_run(run.run, now - run.since);
  }
  template <class Which>
  std::vector<Dispatch> take_runs(Which which) {
    std::vector<Dispatch> taken;
    for (auto& [device, work] : work_) {
      settle_work(work);
      for (const AtWork& run : work.runs)
        if (which(run.run)) taken.push_back(run.run);
      if (std::erase_if(work.runs, [&](const AtWork& run) { return which(run.run); }) > 0)
        plan_next_end(work);
    }
    return taken;
  }

  void end_run(const Dispatch& d, Duration took) {
    if (run_failures[d.job]-- > 0) return tell(StepFailed{d.job, d.step, CauseKind::run_failed});
    Idea& idea = ideas_.at(d.job);
    const Duration read = idea.steps[d.step].read;
    const bool last = d.step + 1U == idea.steps.size();
    idea.step = d.step + 1;
    std::vector<Event> events{StepFinished{d.job, d.step, took}};
    if (last && idea.open) events.push_back(IdeaEnded{d.job});
    tell(std::move(events));
    if (last || ended.contains(d.job)) return;
    in(read, [this, job = d.job] { release_next(job); });
  }
  void release_next(JobId job) {
    if (ended.contains(job)) return;
    const Idea& idea = ideas_.at(job);
    if (idea.open) {
      tell(StepAdded{job, idea.steps[idea.step].model});
    } else {
      tell(StepReleased{job, idea.step});
    }
    plan_to_leave(job);
  }
  void plan_to_leave(JobId job) {
    const Idea& idea = ideas_.at(job);
    const auto model = scheduler.state().models.find(idea.steps[idea.step].model);
    if (model == scheduler.state().models.end()) return;
    const Duration patience = model->second.is_text() ? leaves_after.text : leaves_after.generation;
    if (patience <= Duration{}) return;
    in(patience, [this, job, step = idea.step] {
      if (ended.contains(job) || ideas_.at(job).step != step) return;
      tell(JobCancelled{job, CauseKind::cancelled_by_person});
    });
  }

  // As the controller does it: a tick when the scheduler asks for one.
  void wake() {
    const auto next = scheduler.next_wakeup(now);
    if (!next) return;
    EXPECT_GT(*next, now) << "asks to be woken in the past";
    if (*next <= now || !wakeups_.insert(*next).second) return;
    in(*next - now, [this] { tell(Tick{}); });
  }

  void compare_with_copy(const std::vector<Event>& events, std::vector<Decision> fresh) {
    if (!copy_) return;
    std::erase_if(fresh, [](const Decision& d) { return std::holds_alternative<Revise>(d); });
    if (same_decisions(copy_->apply(events, now), fresh)) return;
    ADD_FAILURE() << "I-7: a copy of the state decides otherwise at " << now.us << " us";
    copy_.reset();
  }

  QuoteMode quotes_ = QuoteMode::kept;
  Policy policy_;
  std::optional<Scheduler> copy_;
  std::priority_queue<Plan> plans_;
  std::uint64_t order_ = 0;
  std::uint64_t at_this_instant_ = 0;
  std::uint64_t last_job_ = 0;
  std::map<JobId, Idea> ideas_;
  std::map<DeviceId, DeviceWork> work_;
  std::map<BackendId, DeviceId> device_of_;
  std::map<ModelId, BackendId> backend_of_;
  std::map<ModelId, std::uint64_t> transfer_;  // a load or unload of an earlier life is stale
  std::set<Instant> wakeups_;
};

}  // namespace stoker::scheduler
