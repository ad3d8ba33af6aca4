// What a run left behind, as plain facts; metrics.h makes numbers for people out of it.
//
// Threading: values.
// Sums of seconds are added up in the order of the events, as a reader of the log would.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/time.h"
#include "simulation/job.h"

namespace stoker::simulation {

enum class IdeaOutcome : std::uint8_t { result, gave_up, withdrawn, refused };
enum class StepOutcome : std::uint8_t { open, finished, gave_up, withdrawn, refused };

struct EndedIdea {
  ParticipantIndex participant = 0;
  std::uint32_t idea = 0;
  IdeaOutcome outcome = IdeaOutcome::result;
  Instant begin;
  Instant end;
  Duration alone;  // work of the steps that were released and the reading between them
};

struct StepFacts {
  ParticipantIndex participant = 0;
  StepKind kind = StepKind::text;
  StepOutcome outcome = StepOutcome::open;
  Instant released;
  Instant ended;
};

struct Quote {
  JobIndex job = 0;
  Instant at;
  Duration low;
  Duration mid;
  Duration high;
};

struct RunRecord {
  std::vector<EndedIdea> ideas;      // in order of their ends
  std::vector<StepFacts> steps;      // by JobIndex; none is open after a whole run
  std::vector<Quote> quotes;         // in order of time
  std::vector<std::uint32_t> loads;  // started, for each model
  std::uint64_t reloads = 0;
  std::uint64_t loads_failed = 0;
  std::uint64_t loads_aborted = 0;
  std::uint64_t evictions = 0;  // by the policy
  std::uint64_t pinned_evictions = 0;
  std::uint64_t participants_out_of_ideas = 0;
  double load_s = 0;  // the loader was busy, failed and aborted loads included
  double busy_s = 0;  // something ran, from the first actual phase to the horizon
  double flow_sum_s = 0;
  double foreign_overrun_s = 0;
  Instant end;
  std::uint64_t events = 0;    // lines of the log without header and notes
  std::uint64_t instants = 0;  // calls of decide()
};

}  // namespace stoker::simulation
