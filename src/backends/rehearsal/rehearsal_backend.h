// An engine that plays: real accounting, real waiting, real files, all marked as a rehearsal.
//
// Purpose: a leader tries a workshop before children wait in it; tests and simulations meet an
//   engine that behaves like Ollama or like ComfyUI without a card. What it makes depends only on
//   prompt, seed and model.
// Threading: on the loop; painting runs through Loop::offload. Reads no clock, never blocks.
// Ownership: borrows the loop and the card. Destroy it when the loop has stopped or is idle.
// Limits: `slots` runs and `waiting_max` in its queue; `attempts_kept` finished ones are remembered.
// Errors: as in backend.h. A deadline of zero has passed already. A run or a load of a model that
//   does not fit ends with load_failed; a full queue, a lost model and a fault ordered for a run
//   end with internal.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "backends/backend.h"
#include "backends/rehearsal/finished_runs.h"
#include "backends/rehearsal/rehearsal_faults.h"
#include "backends/rehearsal/rehearsal_options.h"
#include "backends/rehearsal/rehearsal_residency.h"
#include "backends/rehearsal/virtual_gpu.h"

namespace stoker {

class RehearsalBackend final : public Backend {
 public:
  // `models` may hold models of other backends; they are left out.
  RehearsalBackend(Loop& loop, VirtualGpu& gpu, RehearsalOptions options,
                   const std::vector<Model>& models);
  ~RehearsalBackend() override;
  RehearsalBackend(const RehearsalBackend&) = delete;
  RehearsalBackend& operator=(const RehearsalBackend&) = delete;

  const BackendTraits& traits() const override { return traits_; }
  void probe(Duration deadline, Callback<ProbeReport> done) override;
  void list(Duration deadline, Callback<std::vector<OfferedModel>> done) override;
  void observe(Duration deadline, Callback<std::vector<LoadedModel>> done) override;
  void load(ModelId model, Duration deadline, Callback<LoadReport> done) override;
  void unload(ModelId model, Duration deadline, Callback<void> done) override;
  void run(RunCall call, std::function<void(RunProgress)> progress,
           Callback<RunReport> done) override;
  void cancel(AttemptId attempt, Duration deadline, Callback<void> done) override;
  void find_attempt(AttemptId attempt, Callback<AttemptFate> done) override;
  void join(RunCall call, std::function<void(RunProgress)> progress,
            Callback<RunReport> done) override;

  // Another list of models; those that stay keep their place in memory.
  void set_models(const std::vector<Model>& models) { residency_.set_models(models); }
  // What shall go wrong with the next loads and runs.
  RehearsalFaults& faults() { return faults_; }
  // The engine dies: memory, runs and memories are gone, every call fails with backend_down.
  void take_down();
  void bring_up() { down_ = false; }
  bool down() const { return down_; }
  // The engine drops a model by itself, as for a foreign client; runs on it fail.
  void lose_model(ModelId model);
  // Every caller has vanished, as when the server was killed: nobody is called any more. A
  // ComfyUI-like engine works on, an Ollama-like one gives up what nobody waits for.
  void lose_callers();

  std::size_t running() const { return in_slots_; }
  std::size_t waiting() const { return waiting_.size(); }

 private:
  enum class Stage : std::uint8_t { waiting, loading, sampling, painting };
  struct Listener {
    std::function<void(RunProgress)> progress;
    Callback<RunReport> done;
  };
  struct Run {
    RunCall call;
    Stage stage = Stage::waiting;
    std::vector<Listener> listeners;
    TimerId deadline;
    RehearsalResidency::WishId wish;
    WorkId work;
    MiB working;
    std::uint32_t steps = 1;
    std::optional<PlannedFault> fault;
    bool only_loads = false;  // a dummy request of a load that takes the worker's turn
    bool holds_model = false;
    bool cancelled = false;  // ends at the next step
    bool paint_begun = false;
    std::optional<Result<RunReport>> painted;
  };
  using CallId = StrongId<struct CallIdTag>;
  struct PendingLoad {
    ModelId model;
    Instant began;
    TimerId deadline;
    RehearsalResidency::WishId wish;
    Callback<LoadReport> done;
  };
  struct PendingUnload {
    ModelId model;
    TimerId deadline;
    RehearsalResidency::WishId wish;
    Callback<void> done;
  };
  struct PendingCancel {
    AttemptId attempt;
    TimerId deadline;
    Callback<void> done;
  };

  // Short answers: after the answer delay, or backend_down, or run_timeout.
  void answer(Duration deadline, std::move_only_function<void(Result<void>)> done);
  void load_beside_runs(ModelId model, Duration deadline, Callback<LoadReport> done);
  void load_in_turn(ModelId model, Duration deadline, Callback<LoadReport> done);
  void end_load(CallId call, Result<MiB> outcome);
  void end_unload(CallId call, Result<void> outcome);
  void end_cancel(CallId call, Result<void> outcome);
  Result<void> refuse(const RunCall& call) const;
  void enter(Run run);
  void dispatch();
  void begin(AttemptId attempt);
  void begin_sampling(AttemptId attempt);
  void on_loaded(AttemptId attempt, Result<MiB> loaded);
  void on_step(AttemptId attempt, std::uint32_t finished);
  void apply_fault(AttemptId attempt, Run& run);
  void begin_painting(AttemptId attempt, Run& run);
  void on_painted(AttemptId attempt, Result<RunReport> painted);
  void set_deadline(AttemptId attempt, Run& run, Duration deadline);
  void end_soon(AttemptId attempt, Error why);
  void end(AttemptId attempt, Result<RunReport> outcome);
  void release(AttemptId attempt, Run& run);
  CallId next_call() { return CallId(++calls_); }

  Loop& loop_;
  VirtualGpu& gpu_;
  const RehearsalOptions options_;
  const BackendTraits traits_;
  RehearsalFaults faults_;
  RehearsalResidency residency_;
  std::map<AttemptId, Run> runs_;
  std::map<CallId, PendingLoad> loads_;
  std::map<CallId, PendingUnload> unloads_;
  std::map<CallId, PendingCancel> cancels_;
  std::deque<AttemptId> waiting_;
  std::uint32_t in_slots_ = 0;
  FinishedRuns finished_;
  bool down_ = false;
  std::uint64_t calls_ = 0;
  std::uint64_t caller_life_ = 0;  // answers to callers of an earlier life are dropped
};

}  // namespace stoker
