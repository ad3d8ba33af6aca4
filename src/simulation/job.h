// One released step as a policy sees it.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"
#include "simulation/setting.h"

namespace stoker::simulation {

// Counts from 0 in the order of release; older jobs have smaller indices.
using JobIndex = std::uint32_t;

enum class JobState : std::uint8_t { waiting, running, ended };
enum class CancelCause : std::uint8_t { gave_up, crash, external_eviction };

struct Job {
  JobIndex index = 0;
  ParticipantIndex participant = 0;
  UserIndex user = 0;
  std::uint32_t idea = 0;
  std::uint32_t step = 0;
  ModelIndex model = 0;
  BackendIndex backend = 0;
  StepKind kind = StepKind::text;
  JobState state = JobState::waiting;
  std::uint32_t attempts = 0;  // starts
  Instant released;
  std::optional<Instant> started;  // of the run that goes on or ended it
  std::optional<Duration> work;    // known once it has finished
};

}  // namespace stoker::simulation
