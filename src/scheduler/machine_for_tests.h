// A machine without engines for tests: carries out decisions in virtual time and checks the invariants after every event.
//
// Purpose: drives a Scheduler the way the controller does, with exact load and run times, and keeps what happened.
// Threading: none. Test code only.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <queue>
#include <set>
#include <vector>

#include "scheduler/constraints.h"
#include "scheduler/scheduler.h"

namespace stoker::scheduler {

class MachineForTests {
 public:
  struct Ended {
    Instant at;
    JobState state = JobState::done;
    ErrorCode code = ErrorCode::internal;
  };

  MachineForTests() = default;
  explicit MachineForTests(QuoteMode quotes) : scheduler(quotes) {}

  Scheduler scheduler;
  Instant now;
  std::map<ModelId, Duration> load_time;
  std::map<JobId, Duration> run_time;
  std::map<JobId, int> run_failures;  // this many tries fail
  std::map<ModelId, int> load_failures;
  Duration unload_time;
  bool checks_focus = false;

  std::vector<Decision> decisions;  // everything decided, in order
  std::vector<Load> loads;
  std::vector<Unload> unloads;
  std::vector<Dispatch> dispatches;
  std::vector<Revise> revisions;
  std::map<JobId, Ended> ended;
  std::map<JobId, Refuse> refused;
  std::set<JobId> accepted;

  // ── a machine with one device ──
  void add_device(std::int64_t vram, std::int64_t reserve = 0) {
    tell(DeviceSet{DeviceId{1}, MiB{vram}, MiB{reserve}});
  }
  void add_backend(std::uint32_t id, std::uint32_t slots = 1,
                   EvictionGranularity granularity = EvictionGranularity::model) {
    tell(BackendSet{BackendId{id}, DeviceId{1}, slots, granularity});
    tell(BackendReachable{BackendId{id}, true});
  }
  void add_model(std::uint32_t id, std::int64_t vram, Duration load, Duration run,
                 std::uint32_t backend = 1, bool pinned = false) {
    load_time[ModelId{id}] = load;
    tell(ModelSet{ModelId{id}, BackendId{backend}, Medium::image, MiB{vram}, load, run, pinned});
  }
  void make_resident(std::uint32_t id) { tell(ExternalLoad{ModelId{id}, MiB{0}}); }
  void run_workshop(std::vector<ModelId> focus, std::uint32_t outstanding_max = 1000) {
    tell(WorkshopSet{.workshop = WorkshopId{1},
                     .state = WorkshopState::running,
                     .head_count = 10,
                     .outstanding_max_per_person = outstanding_max,
                     .queue_max = 100'000,
                     .focus = std::move(focus)});
  }

  // ── work ──
  JobId submit(std::uint64_t person, std::uint32_t model, Duration run,
               WorkshopId workshop = WorkshopId{1}) {
    const JobId job{++last_job_};
    run_time[job] = run;
    submitted[job] = now;
    tell(JobSubmitted{job, PersonId{person}, workshop, GroupId{}, {ModelId{model}}});
    return job;
  }
  void at(Duration when, std::function<void()> what) {
    plans_.push({Instant{when.us}, order_++, std::move(what)});
  }

  void tell(const Event& event) {
    const std::map<JobId, Instant> bounds = shown_bounds();
    const std::vector<Decision> fresh = scheduler.apply(event, now);
    for (const Decision& decision : fresh) {
      decisions.push_back(decision);
      std::visit([&](const auto& d) { carry_out(d); }, decision);
    }
    check_memory();
    check_slots();
    check_bounds(bounds, fresh);
    wake();
  }

  // Plays until nothing is left to happen.
  void play(Duration until = minutes(100'000)) {
    while (!plans_.empty() && plans_.top().at <= Instant{until.us}) {
      const Plan next = plans_.top();
      plans_.pop();
      now = next.at;
      next.what();
    }
  }

  Duration flow(JobId job) const { return ended.at(job).at - submitted.at(job); }
  Instant makespan() const {
    Instant last;
    for (const auto& [job, end] : ended) last = std::max(last, end.at);
    return last;
  }

  std::map<JobId, Instant> submitted;

 private:
  struct Plan {
    Instant at;
    std::uint64_t order = 0;
    std::function<void()> what;
    bool operator<(const Plan& other) const {
      return at != other.at ? at > other.at : order > other.order;
    }
  };

  void in(Duration delay, std::function<void()> what) {
    plans_.push({now + delay, order_++, std::move(what)});
  }

  void carry_out(const Accept& d) {
    EXPECT_TRUE(accepted.insert(d.job).second) << "accepted twice";
  }
  void carry_out(const Refuse& d) {
    EXPECT_FALSE(accepted.contains(d.job));
    refused.emplace(d.job, d);
  }
  void carry_out(const Load& d) {
    loads.push_back(d);
    EXPECT_NE(d.cause.kind, CauseKind::make_room) << "a load needs a reason of its own";
    if (checks_focus)
      EXPECT_TRUE(in_focus_of(scheduler.state(), WorkshopId{1}, GroupId{}, d.model));
    in(load_time.at(d.model), [this, model = d.model] {
      if (scheduler.state().model(model).residency != ResidencyState::loading) return;
      if (load_failures[model]-- > 0) return tell(LoadFailed{model, CauseKind::load_failed});
      tell(LoadFinished{model, MiB{0}, load_time.at(model)});
    });
  }
  void carry_out(const Unload& d) {
    unloads.push_back(d);
    const ModelEntry& model = scheduler.state().model(d.model);
    EXPECT_EQ(model.running, 0U) << "evicted while leased";
    if (d.cause.kind != CauseKind::operator_action) {
      EXPECT_FALSE(model.pinned) << "evicted a pinned model";
      EXPECT_TRUE(d.cause.model) << "an eviction without a beneficiary";
      EXPECT_TRUE(!is_focus(scheduler.state(), d.model) ||
                  is_focus(scheduler.state(), d.cause.model));
    }
    in(unload_time, [this, id = d.model] { tell(UnloadFinished{id}); });
  }
  void carry_out(const Dispatch& d) {
    dispatches.push_back(d);
    const ModelEntry& model = scheduler.state().model(d.model);
    // Draining: the exchange was decided right after the start.
    const bool is_there =
        model.residency == ResidencyState::resident || model.residency == ResidencyState::draining;
    EXPECT_TRUE(is_there) << "started on a model that is not there";
    in(run_time.at(d.job), [this, d] { end_run(d); });
  }
  void end_run(const Dispatch& d) {
    const auto job = scheduler.state().jobs.find(d.job);
    if (job == scheduler.state().jobs.end() || stopped_.contains(d.job)) return;
    if (run_failures[d.job]-- > 0) return tell(StepFailed{d.job, d.step, CauseKind::run_failed});
    tell(StepFinished{d.job, d.step, run_time.at(d.job)});
  }
  void carry_out(const StopRun& d) {
    stopped_.insert(d.job);
    in(seconds(1), [this, d] { tell(RunStopped{d.job, d.step}); });
  }
  void carry_out(const Requeue&) {}
  void carry_out(const Finish& d) {
    EXPECT_TRUE(accepted.contains(d.job));
    EXPECT_TRUE(ended.emplace(d.job, Ended{now, d.state, d.code}).second) << "ended twice";
  }
  void carry_out(const Revise& d) { revisions.push_back(d); }

  // As the controller does it: a tick when the scheduler asks for one.
  void wake() {
    const auto next = scheduler.next_wakeup(now);
    if (!next || !wakeups_.insert(*next).second) return;
    in(std::max(*next - now, Duration{0}), [this] { tell(Tick{}); });
  }

  void check_memory() {
    for (const auto& [id, device] : scheduler.state().devices) {
      EXPECT_LE(held(scheduler.state(), id), capacity(device))
          << "more memory promised than there is";
    }
  }
  void check_slots() {
    for (const auto& [id, backend] : scheduler.state().backends) {
      std::uint32_t running = 0;
      for (const auto& [job_id, job] : scheduler.state().jobs) {
        const bool holds = job.phase == Phase::running || job.phase == Phase::stopping;
        if (holds && scheduler.state().model(job.model()).backend == id) ++running;
      }
      EXPECT_EQ(running, backend.running);
      EXPECT_LE(running, backend.slots);
    }
  }
  std::map<JobId, Instant> shown_bounds() const {
    std::map<JobId, Instant> bounds;
    for (const auto& [job, quote] : scheduler.quotes().all()) {
      if (quote.known) bounds[job] = quote.high_at;
    }
    return bounds;
  }
  void check_bounds(const std::map<JobId, Instant>& before, const std::vector<Decision>& fresh) {
    std::set<JobId> explained;
    for (const Decision& decision : fresh) {
      if (const auto* revise = std::get_if<Revise>(&decision)) explained.insert(revise->job);
    }
    for (const auto& [job, quote] : scheduler.quotes().all()) {
      const auto was = before.find(job);
      if (was == before.end() || !quote.known || explained.contains(job)) continue;
      EXPECT_LE(quote.high_at, was->second) << "a bound grew without a word";
    }
  }

  std::priority_queue<Plan> plans_;
  std::uint64_t order_ = 0;
  std::uint64_t last_job_ = 0;
  std::set<JobId> stopped_;
  std::set<Instant> wakeups_;
};

}  // namespace stoker::scheduler
