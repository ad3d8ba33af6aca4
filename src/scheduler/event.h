// Everything the scheduler can be told. One event at a time, with the instant it happened, is its only input.
//
// Purpose: a complete vocabulary of numbers, so that a journal of events replays to the same decisions.
// Threading, ownership: values.
// Limits: lists are bounded by kModelsMax.
// Each struct lists its fields once, in `fields()`; the journal is written and read from that list.
#pragma once

#include <cstdint>
#include <tuple>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/time.h"
#include "domain/cause.h"
#include "domain/ids.h"
#include "domain/medium.h"
#include "domain/model.h"
#include "domain/workshop.h"

namespace stoker::scheduler {

// ── the machine ──────────────────────────────────────────────────────────────────────────────────

struct DeviceSet {
  DeviceId device;
  MiB vram;
  MiB reserve;
  auto fields() { return std::tie(device, vram, reserve); }
};

struct BackendSet {
  BackendId backend;
  DeviceId device;
  std::uint32_t slots = 1;
  EvictionGranularity granularity = EvictionGranularity::model;
  auto fields() { return std::tie(backend, device, slots, granularity); }
};

struct ModelSet {
  ModelId model;
  BackendId backend;
  Medium medium = Medium::text;
  MiB vram;
  Duration load_hint;
  Duration run_hint;
  bool pinned = false;
  auto fields() { return std::tie(model, backend, medium, vram, load_hint, run_hint, pinned); }
};

struct ModelRemoved {
  ModelId model;
  auto fields() { return std::tie(model); }
};

struct BackendReachable {
  BackendId backend;
  bool reachable = false;
  auto fields() { return std::tie(backend, reachable); }
};

// Memory that nobody of ours holds.
struct ForeignMemory {
  DeviceId device;
  MiB used;
  auto fields() { return std::tie(device, used); }
};

// ── the workshop ─────────────────────────────────────────────────────────────────────────────────

struct WorkshopSet {
  WorkshopId workshop;
  WorkshopState state = WorkshopState::planned;
  bool intake_open = true;
  MisfitRule misfit = MisfitRule::refuse;
  std::uint32_t head_count = 0;
  std::uint32_t outstanding_max_per_person = 3;
  std::uint32_t queue_max = 500;
  std::vector<ModelId> focus;  // empty: every model
  auto fields() {
    return std::tie(workshop, state, intake_open, misfit, head_count, outstanding_max_per_person,
                    queue_max, focus);
  }
};

struct GroupSet {
  WorkshopId workshop;
  GroupId group;
  std::vector<ModelId> focus;  // empty: the workshop's focus
  auto fields() { return std::tie(workshop, group, focus); }
};

// Models to load while nothing else needs the loader; replaces the earlier list of the same kind of cause.
struct WantedSet {
  CauseKind cause = CauseKind::warm_up;  // warm_up, preload or focus_change
  std::vector<ModelId> models;
  auto fields() { return std::tie(cause, models); }
};

// ── work ─────────────────────────────────────────────────────────────────────────────────────────

struct JobSubmitted {
  JobId job;
  PersonId person;
  WorkshopId workshop;
  GroupId group;
  std::vector<ModelId> steps;  // the model of each step of the chain
  auto fields() { return std::tie(job, person, workshop, group, steps); }
};

// A job of an earlier life: keeps its place, is not checked against limits again.
struct JobRestored {
  JobId job;
  PersonId person;
  WorkshopId workshop;
  GroupId group;
  std::uint32_t step = 0;
  std::uint32_t attempts = 0;       // of this step that count
  std::uint32_t earlier_tries = 0;  // that a restart cut off; their numbers are used up
  std::int64_t tag_us = 0;
  bool running = false;  // still at work at its backend
  std::vector<ModelId> steps;
  auto fields() {
    return std::tie(job, person, workshop, group, step, attempts, earlier_tries, tag_us, running,
                    steps);
  }
};

// The next step of a chain may run (its input is there, the person has read on).
struct StepReleased {
  JobId job;
  std::uint32_t step = 0;
  auto fields() { return std::tie(job, step); }
};

struct StepFinished {
  JobId job;
  std::uint32_t step = 0;
  Duration took;
  auto fields() { return std::tie(job, step, took); }
};

struct StepFailed {
  JobId job;
  std::uint32_t step = 0;
  CauseKind cause = CauseKind::run_failed;  // run_failed, load_failed, run_timeout, backend_down
  auto fields() { return std::tie(job, step, cause); }
};

struct JobCancelled {
  JobId job;
  CauseKind cause = CauseKind::cancelled_by_person;
  auto fields() { return std::tie(job, cause); }
};

// The backend confirmed that the run of a cancelled job has stopped.
struct RunStopped {
  JobId job;
  std::uint32_t step = 0;
  auto fields() { return std::tie(job, step); }
};

struct JobMovedToFront {
  JobId job;
  PersonId by;
  auto fields() { return std::tie(job, by); }
};

// ── residency ────────────────────────────────────────────────────────────────────────────────────

struct LoadFinished {
  ModelId model;
  MiB vram;  // measured; 0: not measured
  Duration took;
  auto fields() { return std::tie(model, vram, took); }
};

struct LoadFailed {
  ModelId model;
  CauseKind cause = CauseKind::load_failed;
  auto fields() { return std::tie(model, cause); }
};

struct UnloadFinished {
  ModelId model;
  auto fields() { return std::tie(model); }
};

// The model may still be there: its reservation stays.
struct UnloadFailed {
  ModelId model;
  auto fields() { return std::tie(model); }
};

struct ExternalLoad {
  ModelId model;
  MiB vram;
  auto fields() { return std::tie(model, vram); }
};

struct ExternalUnload {
  ModelId model;
  auto fields() { return std::tie(model); }
};

// A named person orders an unload; the only way to evict a pinned model.
struct UnloadOrdered {
  ModelId model;
  PersonId by;
  auto fields() { return std::tie(model, by); }
};

// Nothing happened but time (next_wakeup).
struct Tick {
  auto fields() { return std::tuple<>(); }
};

// ── plans, patience and speeds ───────────────────────────────────────────────────────────────────

// When a workshop means to work, and with what: models are loaded ahead, text models are kept. Enforces nothing.
struct PlanSet {
  WorkshopId workshop;
  std::vector<Instant> phase_edges;  // start, end, start, end, …; ordered
  std::vector<ModelId> announced;
  auto fields() { return std::tie(workshop, phase_edges, announced); }
};

// How long people wait for one step before they give up; zero: nobody does.
struct PatienceSet {
  Duration text;
  Duration generation;
  auto fields() { return std::tie(text, generation); }
};

// How many loads run side by side, and how steps slow each other down, in millionths.
struct DeviceSpeeds {
  DeviceId device;
  std::uint32_t loads_parallel = 1;
  std::uint32_t text_parallel_penalty_ppm = 250'000;
  std::uint32_t generation_parallel_penalty_ppm = 1'000'000;
  std::uint32_t text_beside_generation_ppm = 600'000;
  std::uint32_t generation_beside_text_ppm = 600'000;
  auto fields() {
    return std::tie(device, loads_parallel, text_parallel_penalty_ppm,
                    generation_parallel_penalty_ppm, text_beside_generation_ppm,
                    generation_beside_text_ppm);
  }
};

// How large the steps of a job are; comes before the job. Run times are learned for each model and size.
struct JobSized {
  JobId job;
  std::uint32_t size = 0;
  auto fields() { return std::tie(job, size); }
};

// ── ideas whose steps are decided as they go ─────────────────────────────────────────────────────

// A job of which only the first step is known; StepAdded brings the others, IdeaEnded says that none will come.
struct IdeaBegun {
  JobId job;
  PersonId person;
  WorkshopId workshop;
  GroupId group;
  ModelId model;
  auto fields() { return std::tie(job, person, workshop, group, model); }
};

struct StepAdded {
  JobId job;
  ModelId model;
  auto fields() { return std::tie(job, model); }
};

struct IdeaEnded {
  JobId job;
  auto fields() { return std::tie(job); }
};

// How many models the backend can hold at the same time, whatever their sizes; 0: as many as fit. An engine that drops
// the models of the workflow before holds one.
struct BackendHolds {
  BackendId backend;
  std::uint32_t models_max = 0;
  auto fields() { return std::tie(backend, models_max); }
};

// The order is part of the journal format: add at the end, never remove.
using Event =
    std::variant<DeviceSet, BackendSet, ModelSet, ModelRemoved, BackendReachable, ForeignMemory,
                 WorkshopSet, GroupSet, WantedSet, JobSubmitted, JobRestored, StepReleased,
                 StepFinished, StepFailed, JobCancelled, RunStopped, JobMovedToFront, LoadFinished,
                 LoadFailed, UnloadFinished, UnloadFailed, ExternalLoad, ExternalUnload,
                 UnloadOrdered, Tick, PlanSet, PatienceSet, DeviceSpeeds, IdeaBegun, StepAdded,
                 IdeaEnded, JobSized, BackendHolds>;

}  // namespace stoker::scheduler
