// What the controller shows: one immutable picture of everything, replaced as a whole.
//
// Purpose: the only thing that readers outside the loop ever see. Codes and numbers; words belong to the pages.
// Threading: a published Snapshot never changes; hold it by shared_ptr<const Snapshot> and read from any thread.
// Ownership: views are shared between snapshots while they do not change, so equal pointers mean equal views.
// Limits: ledger kLedgerShownMax entries, causes kCausesPerJobMax per job, everything else by domain/workshop.h.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/time.h"
#include "domain/cause.h"
#include "domain/ids.h"
#include "domain/job.h"
#include "domain/media_format.h"
#include "domain/model.h"
#include "domain/person.h"
#include "domain/workshop.h"
#include "gpu/probe.h"
#include "storage/store.h"

namespace stoker::controller {

inline constexpr std::size_t kLedgerShownMax = 500;
inline constexpr std::size_t kCausesPerJobMax = 16;

// Who did something, as far as people need to know.
enum class By : std::uint8_t { stoker, person, leader, admin };

struct DatedCause {
  Cause cause;
  WallTime at;
  By by = By::stoker;
  friend bool operator==(const DatedCause&, const DatedCause&) = default;
};

// A range of planning instants; the API turns it into seconds from now.
struct EtaView {
  Instant low_at;
  Instant high_at;
  friend bool operator==(const EtaView&, const EtaView&) = default;
};

struct ResultView {
  std::uint32_t n = 0;
  Medium medium = Medium::text;
  MediaFormat format = MediaFormat::plain_text;
  std::uint64_t bytes = 0;
  bool simulated = false;
  friend bool operator==(const ResultView&, const ResultView&) = default;
};

// A load that people wait for.
struct LoadView {
  ModelId model;
  MiB total;
  Instant since;
  std::optional<EtaView> eta;
  DatedCause cause;
  friend bool operator==(const LoadView&, const LoadView&) = default;
};

struct ProgressView {
  std::uint32_t step = 0;
  std::uint32_t steps = 0;
  friend bool operator==(const ProgressView&, const ProgressView&) = default;
};

struct JobView {
  JobId id;
  WorkshopId workshop;
  PersonId person;
  Symbol symbol;
  GroupId group;
  Medium medium = Medium::text;
  ModelId model;
  JobState state = JobState::accepted;
  std::optional<std::uint32_t> ahead;
  std::optional<std::int64_t> order;  // rank among all open jobs by expected end
  std::optional<EtaView> eta;
  Duration eta_load;
  WaitingFor waiting_for = WaitingFor::nothing;
  std::optional<Instant> texts_begin_by;  // with text_batch: the latest start
  std::optional<LoadView> load;
  std::optional<ProgressView> progress;
  std::uint32_t attempt = 0;
  std::shared_ptr<const std::string> prompt;
  std::vector<ResultView> results;
  std::optional<ErrorCode> error;
  std::optional<By> cancelled_by;
  bool released = false;
  std::vector<DatedCause> causes;  // newest last
  WallTime created;
  WallTime ended;
  // Closed shares of its life; the share that is open now began at `share_since` (planning time).
  Duration queued;
  Duration loading;
  Duration running;
  Instant share_since;
  bool simulated = false;
  JobId edited_from;
  friend bool operator==(const JobView&, const JobView&) = default;
};

// What loads of a model with its present settings took so far.
struct Footprint {
  std::uint32_t count = 0;
  MiB low;
  MiB high;
  MiB last;
  friend bool operator==(const Footprint&, const Footprint&) = default;
};

enum class ModelState : std::uint8_t { cold, loading, hot, draining, failed };

struct ModelView {
  Model model;
  ModelState state = ModelState::cold;
  bool backend_reachable = false;
  std::vector<WorkshopId> focus_of;  // live workshops whose focus names it
  bool can_fit = true;               // beside all that stays
  std::uint32_t waiting = 0;
  std::uint32_t running = 0;
  Duration run_low;
  Duration run_high;
  std::optional<LoadView> load;
  std::optional<DatedCause> last_change;
  std::optional<Footprint> footprint;
  friend bool operator==(const ModelView& a, const ModelView& b);
};

struct GroupView {
  GroupId id;
  std::string title;
  std::vector<ModelId> focus;
  std::uint32_t people = 0;
  std::uint32_t waiting = 0;
  friend bool operator==(const GroupView&, const GroupView&) = default;
};

struct WorkshopView {
  WorkshopId id;
  std::string title;
  WorkshopState state = WorkshopState::planned;
  std::string join_code;
  std::vector<ModelId> focus;
  std::vector<GroupView> groups;
  std::uint32_t head_count = 0;
  std::uint32_t outstanding_max = 0;
  std::uint32_t queue_max = 0;
  bool intake_open = true;
  MisfitRule misfit = MisfitRule::refuse;
  std::string board_message;
  std::optional<WallTime> starts;
  std::optional<WallTime> ends;
  std::uint32_t retention_days = 7;
  std::uint32_t people = 0;
  std::uint32_t waiting = 0;
  std::uint32_t running = 0;
  std::uint32_t done = 0;
  std::uint32_t failed = 0;
  std::optional<Instant> longest_wait_until;
  friend bool operator==(const WorkshopView&, const WorkshopView&) = default;
};

struct PersonView {
  PersonId id;
  WorkshopId workshop;
  Symbol symbol;
  GroupId group;
  std::uint32_t waiting = 0;
  std::uint32_t running = 0;
  std::uint32_t done = 0;
  bool here = true;
  friend bool operator==(const PersonView&, const PersonView&) = default;
};

struct BackendView {
  BackendInfo info;
  bool reachable = false;
  std::string version;
  std::uint32_t running = 0;
  std::vector<ModelId> loaded;  // what it says itself
  std::vector<EngineRemark> remarks;
  std::string trouble;           // its last failure, in words for operators
  std::uint32_t models_max = 0;  // that it can hold at the same time, 0: as many as fit
  WallTime since;                // of its being reachable or not
};

struct DeviceView {
  Device device;
  std::optional<MiB> used;  // measured
  MiB reserved;             // by plan
  MiB foreign;
  bool probe_ok = false;
  std::string trouble;                // why it cannot be measured, for operators
  std::vector<GpuProcess> processes;  // the largest, as last measured
};
inline constexpr std::size_t kProcessesShownMax = 16;

enum class LedgerKind : std::uint8_t {
  load_started,
  load_finished,
  load_failed,
  unload_started,
  unload_finished,
  unload_failed,
  external_load,
  external_unload,
  foreign_memory,
  load_spilled,  // a part of the model went to main memory: it was taken down again
  refused,       // a request for a model that can never fit beside what stays
};
inline constexpr int kLedgerKindCount = 11;
std::string_view ledger_kind_name(LedgerKind kind);

struct LedgerEntry {
  std::int64_t seq = 0;
  WallTime at;
  LedgerKind kind = LedgerKind::load_started;
  ModelId model;
  DatedCause cause;
  std::optional<MiB> predicted;
  std::optional<MiB> measured;  // of loads: what it takes; of unloads: what became free
  std::optional<Duration> took;
  DeviceId device = {};  // of foreign memory
};

// A bound that grew, for the pages to say why. Only those of the newest kRevisionsShownMax decisions.
struct Revision {
  std::int64_t seq = 0;
  JobId job;
  CauseKind reason = CauseKind::longer_than_usual;
  std::optional<EtaView> eta;
};
inline constexpr std::size_t kRevisionsShownMax = 256;

struct Identity {
  Role role = Role::participant;
  WorkshopId workshop;
  PersonId person;
};
using TokenTable = std::map<TokenHash, Identity>;

struct Snapshot {
  std::uint64_t version = 0;  // grows with every publication
  std::int64_t seq = 0;       // last journal row it shows
  Instant now;                // planning time of the publication
  WallTime wall;
  bool ready = false;    // backends were asked at least once
  bool store_ok = true;  // false: the disk takes nothing
  std::uint64_t free_bytes = 0;
  std::map<JobId, std::shared_ptr<const JobView>> jobs;
  std::map<WorkshopId, std::shared_ptr<const WorkshopView>> workshops;
  std::map<PersonId, std::shared_ptr<const PersonView>> people;
  std::map<ModelId, std::shared_ptr<const ModelView>> models;
  std::vector<BackendView> backends;
  std::vector<DeviceView> devices;
  std::shared_ptr<const std::vector<LedgerEntry>> ledger;
  std::shared_ptr<const std::vector<Revision>> revisions;
  std::shared_ptr<const TokenTable> tokens;
};

}  // namespace stoker::controller
