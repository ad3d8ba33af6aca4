// What the scheduler knows, as plain data: read by the planner's own files, by forecasts and by snapshots.
//
// Ownership: Scheduler is the only writer; everybody else gets it const. Copying it is "what would happen if".
// Whatever is walked to decide something is ordered by id or by (tag, id), so that the same events give the same
// decisions bit for bit; jobs and people are looked up, or sorted by id first.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "domain/cause.h"
#include "domain/ids.h"
#include "domain/job.h"
#include "domain/medium.h"
#include "domain/model.h"
#include "domain/workshop.h"
#include "scheduler/chain.h"
#include "scheduler/estimates.h"
#include "scheduler/habits.h"
#include "scheduler/id_table.h"
#include "scheduler/policy.h"
#include "scheduler/release_queue.h"

namespace stoker::scheduler {

enum class ResidencyState : std::uint8_t { cold, loading, resident, draining, unloading };

// Where a job stands inside the scheduler. between_steps: the person reads, or the next step is being prepared.
enum class Phase : std::uint8_t { waiting, running, stopping, between_steps };

struct JobEntry {
  JobId id;
  PersonId person;
  WorkshopId workshop;
  GroupId group;
  Chain steps;             // known ones, then those that are expected
  StepSize size = 0;       // of all its steps
  std::uint8_t step = 0;   // the current one
  std::uint8_t known = 0;  // so many of `steps` are known
  bool open = false;       // the chain is decided as it goes
  bool parked = false;     // waits, but its workshop pauses
  Phase phase = Phase::waiting;
  std::uint32_t attempts = 0;        // tries of the current step that were started
  std::uint32_t backend_losses = 0;  // tries lost because the backend went away
  std::uint32_t earlier_tries = 0;   // tries of an earlier life of the server
  std::int64_t tag_us = 0;
  std::int64_t arrival = 0;         // order in which steps were released
  Instant begun;                    // of the idea
  Instant released;                 // of the current step
  Instant started;                  // of its run; while between steps: end of the last run
  std::optional<Cause> stop_cause;  // set while stopping

  // Of the current step; of the last one where nothing is known to follow.
  ModelId model() const { return step < steps.size() ? steps[step] : steps.back(); }
};

struct QueueKey {
  std::int64_t tag_us = 0;
  JobId job;
  friend auto operator<=>(const QueueKey&, const QueueKey&) = default;
};

struct ModelEntry {
  ModelId id;
  BackendId backend;
  DeviceId device;
  Medium medium = Medium::text;
  MiB vram;  // planned size: declared, files or measured
  bool pinned = false;
  bool removed = false;
  bool focus = false;  // of a live workshop
  bool home =
      false;  // announced text model: stays beside everything else, only a visit may put it aside
  bool misfit = false;  // does not fit beside pinned and home models

  ResidencyState residency = ResidencyState::cold;
  MiB reserved;   // what it holds of the device while not cold
  Instant since;  // of the residency state
  Cause cause;    // of the last change of residency
  std::uint32_t running = 0;
  std::set<QueueKey> waiting;
  ReleaseQueue releases;
  std::optional<Instant> oldest;            // release of its oldest waiting step
  std::int64_t waiting_release_us_sum = 0;  // over the waiting, for the index in O(1)
  std::uint32_t coming = 0;                 // steps of ideas in progress that will need it later

  std::uint32_t load_failures = 0;  // in a row
  Instant retry_load_at;            // after a failure
  Duration served;                  // work done since it was loaded
  std::int64_t heat_q16 = 0;        // decayed number of requests, 16 fractional bits
  Instant heat_at;
  RunEstimates run;
  DurationEstimate load;

  bool is_text() const { return medium == Medium::text; }
};

struct BackendEntry {
  BackendId id;
  DeviceId device;
  std::uint32_t slots = 1;
  EvictionGranularity granularity = EvictionGranularity::model;
  std::uint32_t models_max = 0;  // held at the same time, 0: as many as fit
  bool reachable = false;
  std::uint32_t running = 0;
  std::uint64_t starts = 0;
};

// A decided exchange of models: victims drain, unload, then the target loads.
struct Switch {
  ModelId target;
  std::vector<ModelId> victims;
  Cause cause;
};

// How much steps that run side by side slow each other down.
struct Contention {
  double text_parallel_penalty = 0.25;
  double generation_parallel_penalty = 1.0;
  double text_beside_generation = 0.6;
  double generation_beside_text = 0.6;
};

// A step at work; its work is what it would have taken alone.
struct Run {
  JobId job;
  ModelId model;
  bool text = false;
  double done_us = 0;
};

struct DeviceEntry {
  DeviceId id;
  MiB vram;
  MiB reserve;
  MiB foreign;
  MiB held;  // by models that are not cold
  std::uint32_t loads_parallel = 1;
  std::uint32_t loading = 0;  // loads under way
  Contention contention;
  std::vector<Run> runs;                         // steps at work, in order of their start
  Instant settled;                               // until here `done_us` is counted
  std::vector<ModelId> present;                  // not cold, by id
  std::vector<ModelId> demanded;                 // with waiting steps, by id
  std::vector<ModelId> homes;                    // pinned and home models, by id
  MiB kept;                                      // memory of pinned and home models
  MiB stays_for_focus;                           // memory of what never leaves for a focus model
  MiB stays_for_others;                          // and for any other model
  std::set<std::pair<Instant, ModelId>> by_age;  // models by their oldest waiting step
  bool text_open = false;                        // the text batch is being served
  std::optional<Instant> text_hold_ends;         // while texts are held: until then at most
  std::optional<Switch> switching;
  Instant visit_since;  // of the last visit to a model that does not fit beside the home models
};

// One planned stretch of work.
struct PlannedPhase {
  Instant start;
  Instant end;
};

struct WorkshopEntry {
  WorkshopId id;
  WorkshopState state = WorkshopState::planned;
  bool intake_open = true;
  MisfitRule misfit = MisfitRule::refuse;
  std::uint32_t outstanding_max_per_person = 3;
  std::uint32_t queue_max = 500;
  std::vector<ModelId> focus;
  std::map<GroupId, std::vector<ModelId>> group_focus;
  std::vector<PlannedPhase> phases;
  std::vector<ModelId> announced;  // meant to be used, without being enforced
  std::uint32_t waiting = 0;
};

struct PersonEntry {
  std::int64_t finish_tag_us = 0;
  std::uint32_t outstanding = 0;
  PersonHabits habits;
};

// How long people wait before they give up; zero: nobody does, and no deadline is planned for.
struct Patience {
  Duration text;
  Duration generation;
};

struct State {
  Policy policy;
  IdTable<DeviceId, DeviceEntry> devices;
  IdTable<BackendId, BackendEntry> backends;
  IdTable<ModelId, ModelEntry> models;
  std::map<WorkshopId, WorkshopEntry> workshops;
  std::unordered_map<PersonId, PersonEntry> people;
  std::unordered_map<JobId, JobEntry> jobs;  // accepted and not ended
  std::map<CauseKind, std::vector<ModelId>> wanted;
  Habits habits;
  Patience patience;
  std::uint32_t reading = 0;                  // jobs between two steps
  std::pair<JobId, StepSize> announced_size;  // of the job that comes next
  std::int64_t arrivals = 0;
  bool look_for_stranded =
      false;  // something changed that may leave accepted work without any room

  const ModelEntry& model(ModelId id) const { return models.at(id); }
  ModelEntry& model(ModelId id) { return models.at(id); }
  DeviceId device_of(ModelId id) const { return models.at(id).device; }
  Duration patience_for(const ModelEntry& model) const {
    return model.is_text() ? patience.text : patience.generation;
  }
};

}  // namespace stoker::scheduler
