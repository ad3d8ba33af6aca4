// The few ways in which derived state changes, each kept in one place.
//
// Purpose: queues, leases, memory held, lists of present and demanded models, and work at the device always agree.
// Threading: part of Scheduler; changes the state it is given.
#pragma once

#include "scheduler/state.h"

namespace stoker::scheduler {

// Puts the current step of a job into the queue of its model (or parks it while its workshop pauses).
// `again`: it was there before and keeps its age.
enum class Arrival : std::uint8_t { fresh, again };
void enqueue(State& state, JobEntry& job, Arrival arrival, Instant now);
void dequeue(State& state, JobEntry& job);
// Changes the place of a waiting job.
void requeue_at(State& state, JobEntry& job, std::int64_t tag_us);
// Takes a waiting job out of the queue of its model while its workshop pauses, or puts it back.
void set_parked(State& state, JobEntry& job, bool parked);

// Steps of the job that will be needed later, counted at their models. Call before and after its steps change.
void count_coming(State& state, const JobEntry& job, int sign);

void set_residency(State& state, ModelEntry& model, ResidencyState residency, const Cause& cause,
                   Instant now);
void set_reserved(State& state, ModelEntry& model, MiB reserved);

// Counts the progress of everything at work until now; before any change of what runs.
void settle(DeviceEntry& device, Instant now);
void begin_run(State& state, const JobEntry& job, Instant now);
// The work the step has done: what it would have taken alone. Zero if it was not at work.
Duration end_run(State& state, const JobEntry& job, Instant now);

// Progress per second of one text and of one generation step while so many of each run.
struct Rates {
  double text = 1;
  double generation = 1;
};
Rates rates_of(const Contention& contention, std::size_t texts, std::size_t generations);

}  // namespace stoker::scheduler
