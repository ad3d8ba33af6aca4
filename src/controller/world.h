// The read model: what the journal says about jobs, people, workshops and the ledger.
//
// Purpose: the same fold is used live, after each row, and at the start, over the rows of earlier lives; so what people
//   see after a restart is what they saw before.
// Threading: loop. Ownership: the controller is the only writer.
// Limits: finished jobs stay until their workshop is erased (kJobsPerWorkshopMax each); the ledger keeps kLedgerShownMax.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/ring.h"
#include "controller/record.h"
#include "controller/snapshot.h"
#include "domain/workshop.h"
#include "storage/store.h"

namespace stoker::controller {

// A job as the journal tells it; the view's live fields (eta, ahead, load, progress) stay empty here.
struct JobRecord {
  JobView view;
  std::vector<ModelId> steps;
  std::uint32_t step = 0;
  std::uint32_t tries = 0;  // dispatches of the current step
  std::int64_t tag_us = 0;
  std::uint64_t seed = 0;
  bool is_running = false;    // dispatched and not ended
  Duration loading_in_share;  // of the open waiting share
};

struct PersonRecord {
  PersonId id;
  WorkshopId workshop;
  GroupId group;
  Symbol symbol;
  bool here = true;
  std::uint32_t done = 0;
};

struct WorkshopRecord {
  Workshop workshop;
  std::uint32_t people = 0;
  std::uint32_t done = 0;
  std::uint32_t failed = 0;
  std::uint32_t jobs = 0;
  WallTime ended;  // 0: not ended
};

class World {
 public:
  World();

  void apply(const Entry& entry, const Stamp& stamp);
  // Texts that are kept beside the journal.
  void apply_document(const DocumentRow& document);
  void set_prompt(JobId job, std::shared_ptr<const std::string> prompt);

  const std::map<JobId, JobRecord>& jobs() const { return jobs_; }
  const std::set<JobId>& open_jobs() const { return open_; }
  const std::map<PersonId, PersonRecord>& people() const { return people_; }
  const std::map<WorkshopId, WorkshopRecord>& workshops() const { return workshops_; }
  const Ring<LedgerEntry>& ledger() const { return ledger_; }
  const Ring<Revision>& revisions() const { return revisions_; }
  const std::optional<DatedCause>* last_change(ModelId model) const;
  bool load_has_failed(ModelId model) const;
  // Of loads with these settings.
  std::optional<Footprint> footprint(ModelId model, std::uint64_t settings) const;
  std::optional<Instant> load_since(ModelId model) const;

  const JobRecord* find_job(JobId id) const;
  const PersonRecord* find_person(PersonId id) const;
  const WorkshopRecord* find_workshop(WorkshopId id) const;
  const WorkshopRecord* find_by_code(std::string_view normalised_code) const;

  // Ids that were never used.
  JobId next_job() const { return JobId{last_job_ + 1}; }
  PersonId next_person() const { return PersonId{last_person_ + 1}; }
  WorkshopId next_workshop() const { return WorkshopId{last_workshop_ + 1}; }
  GroupId next_group() const { return GroupId{last_group_ + 1}; }

  // Jobs whose view changed since the last call.
  std::set<JobId> take_changed_jobs() { return std::exchange(changed_, {}); }

 private:
  struct ModelStory {
    std::optional<Instant> load_since;
    bool load_failed = false;
    MiB predicted;
    DatedCause cause;
    std::optional<DatedCause> last_change;
    std::map<std::uint64_t, Ring<MiB>> footprints;  // by settings
    std::optional<UnloadMeasured> unload_measured;  // until the event it belongs to
  };

  void on(const scheduler::JobSubmitted& e, const Stamp& at);
  void on(const scheduler::JobRestored& e, const Stamp& at);
  void on(const scheduler::WorkshopSet& e, const Stamp& at);
  void on(const scheduler::GroupSet& e, const Stamp& at);
  void on(const scheduler::StepFinished& e, const Stamp& at);
  void on(const scheduler::StepFailed& e, const Stamp& at);
  void on(const scheduler::RunStopped& e, const Stamp& at);
  void on(const scheduler::LoadFinished& e, const Stamp& at);
  void on(const scheduler::LoadFailed& e, const Stamp& at);
  void on(const scheduler::UnloadFinished& e, const Stamp& at);
  void on(const scheduler::UnloadFailed& e, const Stamp& at);
  void on(const scheduler::ExternalLoad& e, const Stamp& at);
  void on(const scheduler::ExternalUnload& e, const Stamp& at);
  void on(const scheduler::ForeignMemory& e, const Stamp& at);
  void on(const scheduler::Accept& d, const Stamp& at);
  void on(const scheduler::Refuse& d, const Stamp& at);
  void on(const scheduler::Load& d, const Stamp& at);
  void on(const scheduler::Unload& d, const Stamp& at);
  void on(const scheduler::Dispatch& d, const Stamp& at);
  void on(const scheduler::StopRun& d, const Stamp& at);
  void on(const scheduler::Requeue& d, const Stamp& at);
  void on(const scheduler::Finish& d, const Stamp& at);
  void on(const scheduler::Revise& d, const Stamp& at);
  void on(const EpochStarted& r, const Stamp& at);
  void on(const JobDescribed& r, const Stamp& at);
  void on(const PromptChanged& r, const Stamp& at);
  void on(const ResultStored& r, const Stamp& at);
  void on(const JobReleased& r, const Stamp& at);
  void on(const PersonJoined& r, const Stamp& at);
  void on(const PersonLeft& r, const Stamp& at);
  void on(const WorkshopDescribed& r, const Stamp& at);
  void on(const WorkshopErased& r, const Stamp& at);
  void on(const LoadMeasured& r, const Stamp& at);
  void on(const UnloadMeasured& r, const Stamp& at);
  template <class Other>
  void on(const Other&, const Stamp&) {}

  JobRecord* job(JobId id);
  void add_cause(JobRecord& record, const Cause& cause, const Stamp& at);
  void start_waiting(JobRecord& record, Instant at);
  void end_waiting(JobRecord& record, Instant at);
  void end_running(JobRecord& record, Instant at);
  void end_load(ModelId model, Instant at);
  void note_unload(LedgerKind kind, ModelId model, const Stamp& at);
  void note(LedgerKind kind, ModelId model, const DatedCause& cause, const Stamp& at,
            std::optional<MiB> predicted, std::optional<MiB> measured,
            std::optional<Duration> took);

  std::map<JobId, JobRecord> jobs_;
  std::set<JobId> open_;
  std::set<JobId> changed_;
  std::map<PersonId, PersonRecord> people_;
  std::map<WorkshopId, WorkshopRecord> workshops_;
  std::map<ModelId, ModelStory> models_;
  Ring<LedgerEntry> ledger_;
  Ring<Revision> revisions_;
  Instant last_mono_;
  std::uint64_t last_job_ = 0;
  std::uint64_t last_person_ = 0;
  std::uint32_t last_workshop_ = 0;
  std::uint32_t last_group_ = 0;
};

// "k7m 4pq" → "K7M4PQ".
std::string normalise_code(std::string_view code);

// Who stands behind a cause.
By by_of(CauseKind kind);
DatedCause dated(const Cause& cause, const Stamp& at);

}  // namespace stoker::controller
