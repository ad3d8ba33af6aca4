// The scheduler: one ordinary object, an event and the instant in, decisions with causes out.
//
// Purpose: residency, order and fairness of one machine, decided in one place.
// Threading: none; one owner calls it. It owns no thread, lock, clock, random source, log, file or socket.
// Determinism: the same events at the same instants give the same decisions, bit for bit.
// Limits: kModelsMax models, kBackendsMax backends, kDevicesMax devices; queues by workshop (queue_max), everyday work
//   by the callers' own limits.
// Errors: none. Events about things that ended or never were are ignored, and so is a job whose id is taken; refusals are
//   decisions.
// Source of the policy: start-time fair queueing for the order (Goyal 1996), exhaustive visits under a guarantee for
//   residency (docs/adr/0012).
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "scheduler/decision.h"
#include "scheduler/event.h"
#include "scheduler/quotes.h"
#include "scheduler/state.h"

namespace stoker::scheduler {

// A failed step is tried once more at its old place.
inline constexpr std::uint32_t kAttemptsMax = 2;
// Tries that ended because the backend went away do not count, up to this many.
inline constexpr std::uint32_t kBackendLossesMax = 5;

// Whether quotes (place and time for people) are kept; forecasts inside the scheduler run without.
enum class QuoteMode : std::uint8_t { kept, off };

class Scheduler {
 public:
  explicit Scheduler(QuoteMode mode = QuoteMode::kept, const Policy& policy = {}) : mode_(mode) {
    state_.policy = policy;
  }
  // What would happen if: the same code on a copy of a state.
  explicit Scheduler(State state) : mode_(QuoteMode::off), state_(std::move(state)) {}

  // The decisions, in the order in which they take effect.
  std::vector<Decision> apply(const Event& event, Instant now) { return apply({&event, 1}, now); }
  // Things that happened at the same instant, at least one: all of them first, then one decision.
  std::vector<Decision> apply(std::span<const Event> events, Instant now);

  // When to send a Tick if nothing else happens before.
  std::optional<Instant> next_wakeup(Instant now) const;

  const State& state() const { return state_; }
  const Quotes& quotes() const { return quotes_; }

 private:
  void on(const DeviceSet& e, Instant now);
  void on(const BackendSet& e, Instant now);
  void on(const BackendHolds& e, Instant now);
  void on(const ModelSet& e, Instant now);
  void on(const ModelRemoved& e, Instant now);
  void on(const BackendReachable& e, Instant now);
  void on(const ForeignMemory& e, Instant now);
  void on(const WorkshopSet& e, Instant now);
  void on(const GroupSet& e, Instant now);
  void on(const WantedSet& e, Instant now);
  void on(const JobSubmitted& e, Instant now);
  void on(const JobRestored& e, Instant now);
  void on(const StepReleased& e, Instant now);
  void on(const StepFinished& e, Instant now);
  void on(const StepFailed& e, Instant now);
  void on(const JobCancelled& e, Instant now);
  void on(const RunStopped& e, Instant now);
  void on(const JobMovedToFront& e, Instant now);
  void on(const LoadFinished& e, Instant now);
  void on(const LoadFailed& e, Instant now);
  void on(const UnloadFinished& e, Instant now);
  void on(const UnloadFailed& e, Instant now);
  void on(const ExternalLoad& e, Instant now);
  void on(const ExternalUnload& e, Instant now);
  void on(const UnloadOrdered& e, Instant now);
  void on(const Tick& e, Instant now);
  void on(const PlanSet& e, Instant now);
  void on(const PatienceSet& e, Instant now);
  void on(const DeviceSpeeds& e, Instant now);
  void on(const IdeaBegun& e, Instant now);
  void on(const StepAdded& e, Instant now);
  void on(const IdeaEnded& e, Instant now);
  void on(const JobSized& e, Instant now);

  JobEntry* find_job(JobId id);
  ModelEntry* find_model(ModelId id);
  StepSize size_of(JobId job) const;
  PersonEntry& person_of(const JobEntry& job);
  std::int64_t take_tag(PersonEntry& person, Duration work, Instant now);
  void admit(const JobEntry& entry, Instant now);
  void expect_rest(JobEntry& job);
  void expect_again(WorkshopId workshop);
  void cancel(JobEntry& job, const Cause& cause, Instant now);
  void finish(JobId id, JobState state, ErrorCode code, const Cause& cause, Instant now);
  void fail_for_removed(const JobEntry& job, Instant now);
  void end_stranded(Instant now);
  void fail_waiting(ModelId model, ErrorCode code, const Cause& cause, Instant now);
  std::vector<JobId> jobs_of(WorkshopId workshop) const;
  void end_workshop(WorkshopId workshop, Instant now);
  void repark(WorkshopId workshop);
  void resize(ModelEntry& model, MiB measured);
  void serve(Instant now);
  void serve_texts(DeviceEntry& device, Instant now);
  void dispatch(JobEntry& job, Instant now);

  QuoteMode mode_;
  State state_;
  Quotes quotes_;
  std::vector<Decision> out_;
};

}  // namespace stoker::scheduler
