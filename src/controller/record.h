// What the controller keeps in the journal beside the scheduler's events and decisions: facts that only people see.
//
// Each struct lists its fields once, in `fields()`; journal_codec.h writes and reads them from that list.
#pragma once

#include <cstdint>
#include <tuple>
#include <variant>

#include "base/time.h"
#include "domain/ids.h"
#include "domain/media_format.h"
#include "domain/medium.h"
#include "scheduler/decision.h"
#include "scheduler/event.h"

namespace stoker::controller {

// The server started: a new scheduler, to which everything that still matters is told again.
struct EpochStarted {
  std::uint32_t build = 0;
  auto fields() { return std::tie(build); }
};

// Comes before the JobSubmitted of the same job.
struct JobDescribed {
  JobId job;
  Medium medium = Medium::text;
  std::uint64_t seed = 0;
  JobId edited_from;
  auto fields() { return std::tie(job, medium, seed, edited_from); }
};

struct PromptChanged {
  JobId job;
  auto fields() { return std::tie(job); }
};

// The file is complete under its name.
struct ResultStored {
  JobId job;
  std::uint32_t n = 0;
  Medium medium = Medium::text;
  MediaFormat format = MediaFormat::plain_text;
  std::uint64_t bytes = 0;
  bool simulated = false;
  auto fields() { return std::tie(job, n, medium, format, bytes, simulated); }
};

// Shown on the board, or taken off it.
struct JobReleased {
  JobId job;
  bool released = false;
  auto fields() { return std::tie(job, released); }
};

struct PersonJoined {
  PersonId person;
  WorkshopId workshop;
  GroupId group;
  std::uint32_t animal = 0;
  std::uint32_t colour = 0;
  auto fields() { return std::tie(person, workshop, group, animal, colour); }
};

struct PersonLeft {
  PersonId person;
  auto fields() { return std::tie(person); }
};

// What the scheduler does not need to know of a workshop; texts are documents.
struct WorkshopDescribed {
  WorkshopId workshop;
  std::int64_t starts_ms = 0;  // 0: not set
  std::int64_t ends_ms = 0;
  std::uint32_t retention_days = 7;
  auto fields() { return std::tie(workshop, starts_ms, ends_ms, retention_days); }
};

// Texts, files and names of the workshop are gone.
struct WorkshopErased {
  WorkshopId workshop;
  auto fields() { return std::tie(workshop); }
};

// The clock on the wall jumped; no deadline moves.
struct WallJumped {
  std::int64_t by_ms = 0;
  auto fields() { return std::tie(by_ms); }
};

// What the card and the engine said about a load; comes before its LoadFinished. 0: not known.
struct LoadMeasured {
  ModelId model;
  std::uint64_t settings = 0;
  MiB grew;  // of the engine's memory
  MiB told;  // by the engine
  bool was_there = false;
  auto fields() { return std::tie(model, settings, grew, told, was_there); }
};

// Comes before the UnloadFinished or UnloadFailed.
struct UnloadMeasured {
  ModelId model;
  MiB freed;  // 0: not known
  Duration took;
  auto fields() { return std::tie(model, freed, took); }
};

// The order is part of the journal format: add at the end, never remove.
using Record = std::variant<EpochStarted, JobDescribed, PromptChanged, ResultStored, JobReleased,
                            PersonJoined, PersonLeft, WorkshopDescribed, WorkshopErased, WallJumped,
                            LoadMeasured, UnloadMeasured>;

// One row of the journal, as a value.
using Entry = std::variant<scheduler::Event, scheduler::Decision, Record>;

// When a row was written.
struct Stamp {
  std::int64_t seq = 0;
  WallTime wall;
  Instant mono;
};

}  // namespace stoker::controller
