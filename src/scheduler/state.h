// What the scheduler knows, as plain data: read by the planner's own files, by forecasts and by snapshots.
//
// Ownership: Scheduler is the only writer; everybody else gets it const. Copying it is "what would happen if".
// Containers are ordered by id or by (tag, id), so that the same events give the same decisions bit for bit.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
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
#include "scheduler/estimates.h"

namespace stoker::scheduler {

enum class ResidencyState : std::uint8_t { cold, loading, resident, draining, unloading };

// Where a job stands inside the scheduler.
enum class Phase : std::uint8_t { waiting, running, stopping, between_steps };

struct JobEntry {
  JobId id;
  PersonId person;
  WorkshopId workshop;
  GroupId group;
  std::vector<ModelId> steps;
  std::uint32_t step = 0;
  std::uint32_t attempts = 0;        // tries of the current step that were started
  std::uint32_t backend_losses = 0;  // tries lost because the backend went away
  std::uint32_t earlier_tries = 0;   // tries of an earlier life of the server
  std::int64_t tag_us = 0;
  std::int64_t arrival = 0;  // order in which steps were released
  Phase phase = Phase::waiting;
  Instant released;
  Instant started;
  std::optional<Cause> stop_cause;  // set while stopping

  ModelId model() const { return steps[step]; }
};

struct QueueKey {
  std::int64_t tag_us = 0;
  JobId job;
  friend auto operator<=>(const QueueKey&, const QueueKey&) = default;
};

struct ModelEntry {
  ModelId id;
  BackendId backend;
  Medium medium = Medium::text;
  MiB vram;  // planned size: declared, files or measured
  bool pinned = false;
  bool removed = false;

  ResidencyState residency = ResidencyState::cold;
  MiB reserved;   // what it holds of the device while not cold
  Instant since;  // of the residency state
  Cause cause;    // of the last change of residency
  std::uint32_t running = 0;
  std::set<QueueKey> waiting;
  std::int64_t waiting_release_us_sum =
      0;  // sum of release instants of the waiting, for the index in O(1)

  std::uint32_t skips = 0;          // times another blocked model was chosen first
  std::uint32_t load_failures = 0;  // in a row
  Instant retry_load_at;            // after a failure
  Duration served;                  // run time since the gate opened
  std::int64_t heat_q16 = 0;        // decayed number of requests, 16 fractional bits
  Instant heat_at;
  DurationEstimate run;
  DurationEstimate load;
};

struct BackendEntry {
  BackendId id;
  DeviceId device;
  std::uint32_t slots = 1;
  EvictionGranularity granularity = EvictionGranularity::model;
  bool reachable = false;
  std::uint32_t running = 0;
};

// A decided exchange of models: victims drain, unload, then the target loads.
struct Switch {
  ModelId target;
  std::vector<ModelId> victims;
  Cause cause;
};

// While a gate is open the victims finish the jobs that were there, and new ones only up to the quantum.
struct Gate {
  ModelId target;
  std::vector<ModelId> victims;
  std::int64_t arrivals_before = 0;  // steps released before the gate opened are admitted
  Duration quantum;
  Duration served;
};

struct DeviceEntry {
  DeviceId id;
  MiB vram;
  MiB reserve;
  MiB foreign;
  std::optional<Gate> gate;
  std::optional<Switch> switching;
};

struct WorkshopEntry {
  WorkshopId id;
  WorkshopState state = WorkshopState::planned;
  bool intake_open = true;
  MisfitRule misfit = MisfitRule::refuse;
  std::uint32_t head_count = 0;
  std::uint32_t outstanding_max_per_person = 3;
  std::uint32_t queue_max = 500;
  std::vector<ModelId> focus;
  std::map<GroupId, std::vector<ModelId>> group_focus;
  std::uint32_t waiting = 0;
};

struct PersonEntry {
  std::int64_t finish_tag_us = 0;
  std::uint32_t outstanding = 0;
};

struct State {
  std::map<DeviceId, DeviceEntry> devices;
  std::map<BackendId, BackendEntry> backends;
  std::map<ModelId, ModelEntry> models;
  std::map<WorkshopId, WorkshopEntry> workshops;
  std::map<PersonId, PersonEntry> people;
  std::map<JobId, JobEntry> jobs;  // accepted and not ended
  std::map<CauseKind, std::vector<ModelId>> wanted;
  std::int64_t virtual_now_us = 0;  // largest tag that was started
  std::int64_t arrivals = 0;

  const ModelEntry& model(ModelId id) const { return models.at(id); }
  ModelEntry& model(ModelId id) { return models.at(id); }
  DeviceId device_of(ModelId id) const { return backends.at(models.at(id).backend).device; }
};

}  // namespace stoker::scheduler
