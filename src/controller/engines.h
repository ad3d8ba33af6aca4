// The engines at work: turns decisions into calls of backends, and their answers into events.
//
// Purpose: loads, unloads, runs, cancels, probes and observations, each with its own deadline; results go to disk before
//   their StepFinished exists.
// Threading: loop. Ownership: borrows ports; callbacks after destruction are not allowed (stop the loop first).
// Limits: one run per dispatched step, one load per model; the scheduler sees to both.
// Errors: every failure becomes an event with its cause; nothing is retried here except writing a result to a full disk.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "base/loop.h"
#include "controller/controller.h"
#include "controller/memory_meter.h"
#include "controller/record.h"
#include "pipeline/generation/generation_stage.h"
#include "storage/result_files.h"

namespace stoker::controller {

inline constexpr Duration kDiskFullRetry = seconds(2);
inline constexpr int kDiskFullRetriesMax = 300;

// Unique over restarts: step and try are part of it.
AttemptId attempt_id(JobId job, std::uint32_t step, std::uint32_t attempt);

struct RunOrder {
  JobId job;
  WorkshopId workshop;
  std::uint32_t step = 0;
  std::uint32_t attempt = 1;
  ModelId model;
  BackendId backend;
  Medium medium = Medium::text;
  std::shared_ptr<const std::string> prompt;
  std::uint64_t seed = 0;
  Duration deadline;
};

struct EngineStatus {
  bool reachable = false;
  std::string version;
  std::vector<EngineRemark> remarks;
  std::optional<EvictionGranularity> granularity;  // what its settings really allow
  std::uint32_t models_max = 0;                    // that it can hold at the same time
  std::string trouble;  // its last failure, in words for operators; empty once the same works again
  std::vector<ModelId> loaded;  // as it says itself
  WallTime since;
};

class Engines {
 public:
  // Where answers go: facts first, then the event they belong to.
  using Sink = std::function<void(const std::vector<Record>&, scheduler::Event)>;

  Engines(const Ports& ports, const Settings& settings, MemoryMeter& meter, Sink sink,
          std::function<void()> on_change);
  ~Engines();

  void add_backend(BackendId id, Backend& backend);
  // Where its memory is measured.
  void set_device(BackendId id, DeviceId device) { devices_[id] = device; }

  // The measurement counts for the model's settings.
  void load(const Model& model);
  void unload(const Model& model);
  void run(RunOrder order);
  // Attaches to a run of an earlier life.
  void join(RunOrder order);
  void stop(JobId job);
  void find_attempt(BackendId backend, AttemptId attempt, std::function<void(AttemptFate)> done);

  // Asks every backend whether it answers and what it holds. `believed` lists what the scheduler takes for loaded there;
  // a difference counts once two observations in a row have shown it.
  using Believed = std::function<std::vector<ModelId>(BackendId)>;
  void probe_all(Believed believed, std::function<void()> all_answered);

  const std::map<BackendId, EngineStatus>& status() const { return status_; }
  std::optional<RunProgress> progress(JobId job) const;
  std::size_t running() const { return runs_.size(); }
  bool knows(BackendId id) const { return backends_.contains(id); }

 private:
  struct Run {
    RunOrder order;
    Instant started;
    std::optional<RunProgress> progress;
    bool stopping = false;
    int disk_retries = 0;
  };
  struct Probe;
  // A load or unload between its two readings of the card.
  struct Move {
    BackendId backend;
    ModelId model;
    Instant began;
    std::optional<MiB> used_before;
    std::uint64_t moves_before = 0;  // of this backend, to notice others in between
    std::uint64_t runs_before = 0;
    Instant told_gone;  // of an unload: when the engine said so
  };
  // A measured load that is still there.
  struct Growth {
    BackendId backend;
    MiB size;
  };

  void end_load(const Move& move, std::uint64_t settings, const Result<LoadReport>& report);
  void await_freed(const Move& move);
  void end_unload(const Move& move, bool is_free);
  std::optional<MiB> freed(const Move& move) const;
  bool is_gone(const Move& move) const;
  std::optional<MiB> used_by(BackendId backend) const;
  bool had_runs(const Move& move) const;
  bool was_alone(const Move& move) const;
  void begin_move(BackendId backend, ModelId model, gpu::HistoryMark mark,
                  std::move_only_function<void(Move)> begun);
  void end_move(const Move& move);
  void begin(RunOrder order, bool joined);
  void on_progress(JobId job, AttemptId attempt, RunProgress progress);
  void on_run_done(JobId job, AttemptId attempt, Result<RunReport> report);
  using Results = std::shared_ptr<std::vector<pipeline::GeneratedResult>>;
  void store_results(JobId job, AttemptId attempt, const Results& results, bool simulated);
  void end_run(JobId job, const std::vector<Record>& records, scheduler::Event event);
  void fail_run(JobId job, const Error& error);
  void take_report(BackendId id, const ProbeReport& report);
  void note_trouble(BackendId id, std::string_view what, ModelId model, const Error& why);
  void set_reachable(BackendId id, bool reachable);
  bool is_one_of_many(BackendId id) const;
  void compare_loaded(BackendId id, const std::vector<LoadedModel>& loaded,
                      const Believed& believed);
  bool seen_twice(ModelId model, bool differs);
  Run* find_run(JobId job, AttemptId attempt);

  Ports ports_;
  Settings settings_;
  MemoryMeter& meter_;
  Sink sink_;
  std::function<void()> on_change_;
  std::map<BackendId, Backend*> backends_;
  std::map<BackendId, EngineStatus> status_;
  std::map<ModelId, int>
      busy_models_;  // loads and unloads under way: not compared with observations
  std::map<BackendId, std::uint64_t> moves_begun_;
  std::map<BackendId, int> moves_open_;
  std::map<BackendId, std::uint64_t> runs_begun_;
  std::map<BackendId, DeviceId> devices_;
  std::map<ModelId, Growth> grew_;  // by the last load, where it was measured
  std::set<ModelId> differing_;     // as the last observation showed
  std::map<JobId, Run> runs_;
};

}  // namespace stoker::controller
