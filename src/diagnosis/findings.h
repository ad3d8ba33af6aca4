// Findings: where time and work were lost, and why, from facts about jobs and loads.
//
// Purpose: after the day, tell contention from cold starts, capacity, timeouts, crashes and failures outside (M5), and
//   list every job that yielded nothing with its stage and class (M1).
// Threading: pure functions of their arguments.
// Limits: kEvidenceJobsMax jobs named per finding, kFailuresMax failures listed (the newest).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "domain/cause.h"
#include "domain/ids.h"
#include "domain/job.h"
#include "domain/medium.h"

namespace stoker::diagnosis {

inline constexpr std::size_t kEvidenceJobsMax = 10;
inline constexpr std::size_t kFailuresMax = 500;

struct JobFact {
  JobId job;
  ModelId model;
  Medium medium = Medium::text;
  JobState state = JobState::queued;
  Duration queued = {};
  Duration loading = {};
  Duration running = {};
  std::optional<ErrorCode> error = {};
  std::uint32_t attempts = 1;
  std::vector<CauseKind> causes = {};  // newest last
  WallTime created = {};
  WallTime ended = {};
};

enum class MemoryEvent : std::uint8_t {
  loaded,
  load_failed,
  unloaded,
  unloaded_by_others,
  foreign_memory
};

struct MemoryFact {
  MemoryEvent event = MemoryEvent::loaded;
  ModelId model;
  CauseKind cause = CauseKind::request;
  WallTime at = {};
  Duration took = {};
};

enum class FindingKind : std::uint8_t {
  contention,        // waiting for others' work on the same engine
  cold_start,        // waiting while the model was loaded
  repeated_load,     // loaded again after having been there
  capacity,          // unloaded because another model needed the room
  timeout,           // stopped at the run limit
  crash,             // the engine failed at the run or at the load
  external_failure,  // engine or provider could not be reached
  external_unload,   // unloaded by somebody else
  foreign_memory,    // other programs held the memory
};
inline constexpr int kFindingKindCount = 9;
std::string_view finding_name(FindingKind kind);

struct Finding {
  FindingKind kind = FindingKind::contention;
  ModelId model;
  Duration lost = {};       // summed over everybody who waited
  Duration longest = {};    // of one job or load
  std::uint32_t count = 0;  // jobs or events
  WallTime first = {};
  WallTime last = {};
  std::vector<JobId> jobs = {};  // those who lost most, worst first
};

// Where in its life a job ended without a result.
enum class Stage : std::uint8_t { check, queue, load, run };
inline constexpr int kStageCount = 4;
std::string_view stage_name(Stage stage);

struct Failure {
  JobId job;
  ModelId model;
  Medium medium = Medium::text;
  Stage stage = Stage::queue;
  FindingKind kind = FindingKind::crash;
  std::optional<ErrorCode> code = {};
  std::uint32_t attempts = 1;
  WallTime created = {};
  WallTime ended = {};
};

// How the time of the finished jobs of one model was spent.
struct Waits {
  ModelId model;
  std::uint32_t jobs = 0;
  Duration queued_median = {};
  Duration queued_longest = {};
  Duration loading_median = {};
  Duration loading_longest = {};
  Duration running_median = {};
  Duration running_longest = {};
};

struct Report {
  std::vector<Finding> findings;  // most time lost first
  std::vector<Failure> failures;  // newest last
  std::vector<Waits> waits;       // by model
};

// Facts may come in any order.
Report diagnose(const std::vector<JobFact>& jobs, std::vector<MemoryFact> memory);

}  // namespace stoker::diagnosis
