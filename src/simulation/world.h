// The virtual workshop: one device, its participants, and what a policy may see and do.
//
// Purpose: physics and people on a virtual clock. The rules are those of docs/reference/simulation-format.md.
// Threading: one thread; no clock, chance, file or socket of the outside.
// Ownership: scenario, policy and log are lent and must outlive it. References and spans that it gives out hold until
//   the next action or the next event.
// Determinism: the same scenario and the same decisions give the same run, microsecond by microsecond.
// Errors: none. What physics forbids is a broken invariant; the conditions stand beside each action.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "simulation/job.h"
#include "simulation/run_record.h"
#include "simulation/scenario.h"
#include "simulation/timers.h"
#include "simulation/world_parts.h"

namespace stoker::simulation {

class Policy;
class RunLog;

class World {
 public:
  World(const Scenario& scenario, Policy& policy, RunLog* log = nullptr);

  // Plays to the end, once.
  RunRecord run();

  // What a policy may look at.

  const Setting& setting() const { return scenario_.setting; }
  Instant now() const { return now_; }
  const Job& job(JobIndex job) const { return jobs_[job]; }
  std::span<const JobIndex> waiting() const { return waiting_; }  // in order of release
  std::span<const JobIndex> running() const { return running_; }  // in order of start
  // Models in memory, in the order in which they got there.
  std::span<const ModelIndex> resident() const { return resident_; }
  std::span<const LoadInProgress> loading() const { return loading_; }  // in order of start
  bool is_resident(ModelIndex model) const { return model_[model].resident; }
  bool is_loading(ModelIndex model) const { return model_[model].loading; }
  bool in_use(ModelIndex model) const { return model_[model].running > 0; }
  // End of its last run, or the last start, load or cancel; the beginning for a model never used.
  Instant last_used(ModelIndex model) const { return model_[model].last_used; }
  MiB foreign() const { return foreign_; }
  MiB capacity() const { return scenario_.setting.device.capacity() - foreign_; }
  // May be negative while others hold what models already use.
  MiB free_memory() const { return capacity() - used_; }
  std::uint32_t slots_free(BackendIndex backend) const;
  bool loader_free() const { return loading_.size() < scenario_.setting.loads_max; }
  bool can_load(ModelIndex model) const;  // absent, loader free, enough memory
  bool can_start(JobIndex job) const;     // waiting, model resident, slot free

  // What a policy may do in decide().

  void start(JobIndex job);     // needs can_start
  void load(ModelIndex model);  // needs can_load
  void evict(ModelIndex model,
             std::string_view cause);  // resident, not in use; cause: not "external"
  void refuse(JobIndex job);  // waiting, never started; its abandoned() comes before this returns

  // What a policy may do at any time.

  void abort_load(ModelIndex model);  // is_loading
  // Remaining time until the step finishes, 0 <= low <= mid <= high; the first one at the release. Open jobs only.
  void eta(JobIndex job, Duration low, Duration mid, Duration high);
  // A decide() at `at`, even if nothing else happens. The past and the present are ignored.
  void wake_at(Instant at);
  // A line of its own in the log: `event` begins with "x_", `members` are JSON members without braces, may be empty.
  void note(std::string_view event, std::string_view members);
  // Whether notes go anywhere.
  bool keeps_notes() const { return log_ != nullptr; }

 private:
  // world_run.cc: the clock and what it brings.
  void decide();
  std::optional<Instant> next_run_end() const;
  void advance_to(Instant at);
  void follow_foreign();
  void end_runs();
  void run_timers();
  void on_timer(const Timer& timer);
  void plan_idea(ParticipantIndex who, std::uint32_t idea, Instant begin);
  void release(ParticipantIndex who, std::uint32_t idea, std::uint32_t step);
  void finish(JobIndex index);
  void give_up(JobIndex index);
  void end_idea(JobIndex index, IdeaOutcome outcome);
  std::optional<Instant> next_begin(const Person& person, Duration think) const;
  void requeue(JobIndex index, CancelCause cause);
  void evict_externally(ModelIndex model);
  void end_load(const Timer& timer);
  // world.cc: what several of them share.
  RunLog* event();  // counts it; null: nobody writes it down
  void add_timer(Instant at, TimerKind kind, std::uint32_t subject = 0, std::uint32_t detail = 0,
                 std::uint32_t step = 0);
  LoadDraw load_draw(ModelIndex model, Instant started) const;
  void stop_running(JobIndex index);
  void end_step(JobIndex index, StepOutcome outcome);
  void drop_from_memory(ModelIndex model);
  void forget_load(ModelIndex model);

  const Scenario& scenario_;
  Policy& policy_;
  RunLog* log_;
  Instant now_;
  MiB used_;
  MiB foreign_;
  MiB told_foreign_;
  bool deciding_ = false;
  std::size_t open_ideas_ = 0;  // in flight or with a known begin
  std::size_t next_edge_ = 0;
  Timers timers_;
  std::vector<ForeignEdge> edges_;
  std::vector<ModelState> model_;
  std::vector<std::uint32_t> slots_used_;
  std::array<std::size_t, 2> running_of_kind_{};
  std::vector<Job> jobs_;
  std::vector<Progress> progress_;
  std::vector<JobIndex> waiting_;
  std::vector<JobIndex> running_;
  std::vector<ModelIndex> resident_;
  std::vector<LoadInProgress> loading_;
  std::vector<Instant> idea_begun_;  // of the idea in flight, for each participant
  std::vector<JobIndex> ended_now_;
  std::vector<JobIndex> crashed_now_;
  RunRecord record_;
};

}  // namespace stoker::simulation
