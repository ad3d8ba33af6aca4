// The backend port: what every engine offers, whatever it is.
//
// Purpose: one call is one thing at one engine. Adapters keep no policy: no retries, no fallbacks, no swallowed errors.
// Threading: called on the loop; every callback arrives on the loop, exactly once, never inside the call itself.
// Ownership: a backend may be destroyed only after its callbacks have come or its loop has stopped.
// Limits: each call's deadline starts when the call starts; lists are bounded by kOfferedModelsMax. Result files are
//   bounded by RunCall::output_bytes_max.
// Errors: backend_down (no answer), load_failed, run_timeout (deadline passed), unknown_model, bad_request, internal.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/time.h"
#include "domain/ids.h"
#include "domain/medium.h"
#include "domain/model.h"

namespace stoker {

inline constexpr std::size_t kOfferedModelsMax = 5000;

struct BackendTraits {
  std::uint32_t slots = 1;
  EvictionGranularity granularity = EvictionGranularity::model;
  bool can_cancel_one = false;    // one run can be stopped without touching the others
  bool can_list_loaded = false;   // it tells which models it holds
  bool streams = false;           // text arrives piece by piece
  bool simulated = false;         // a rehearsal: everything it makes is marked
  bool engine_per_model = false;  // one that is down says nothing about the other models
};

// What an engine's settings mean for residency; pages and `stoker doctor` word it.
enum class EngineRemark : std::uint8_t {
  keeps_one_workflow,  // each new workflow drops the models of the one before (ComfyUI, classic cache)
  keeps_by_ram_pressure,  // old workflows stay until main memory runs short
  keeps_n_results,        // a fixed number of node results stay
  keeps_nothing,          // every run loads again
  pages_weights,          // weights are paged on demand: measured memory says less than the need
  unloads_after_run,      // everything leaves VRAM after every run
  unloads_when_idle,      // the engine clears its memory after some idle minutes
  queues_ahead,           // the engine takes more work than it runs (SwarmUI's OverQueue)
  cannot_unload,          // the model stays as long as the process lives
  interrupts_globally,    // too old to interrupt one run without hitting others
  remote_models,          // it offers models that run somewhere else
};
inline constexpr int kEngineRemarkCount = 11;
std::string_view engine_remark_name(EngineRemark remark);

struct ProbeReport {
  std::string version;
  std::vector<std::string> flags = {};  // its command line, where it tells, without paths
  std::vector<EngineRemark> remarks = {};
  // What its settings really allow; may be less than what the configuration says.
  std::optional<EvictionGranularity> granularity = {};
  std::uint32_t holds_max = 0;  // models that can be resident at the same time, 0: as many as fit
};

// A model that the engine could load.
struct OfferedModel {
  std::string name;
  std::uint64_t bytes = 0;  // on its disk; 0: it does not tell
  bool loaded = false;
};

struct LoadReport {
  MiB vram;                      // measured growth, 0: not measured
  Duration took;                 // from the call to the confirmed load
  bool was_there = false;        // the engine had it already: nothing was loaded
  std::optional<MiB> told = {};  // what the engine itself says the model takes
};

// What the engine says it holds.
struct LoadedModel {
  ModelId model;
  MiB vram;
};

struct RunCall {
  AttemptId attempt;
  JobId job;
  ModelId model;
  Medium medium = Medium::text;
  std::string prompt;
  std::uint64_t seed = 0;
  Duration deadline;
  std::size_t output_bytes_max = 64 * kBytesPerMiB;
};

struct RunProgress {
  std::uint32_t step = 0;   // finished steps
  std::uint32_t steps = 0;  // 0: unknown
};

struct RunOutput {
  Medium medium = Medium::text;
  std::string mime;       // "image/png"
  std::string extension;  // "png"
  std::string bytes;
};

struct RunReport {
  std::vector<RunOutput> outputs;
  bool simulated = false;
};

// What is known about an attempt of an earlier life of the server.
enum class AttemptFate : std::uint8_t {
  unknown,   // the engine has never heard of it, or forgot
  running,   // still at work: call `join` to get its end
  finished,  // done: call `join` to get its result
};

class Backend {
 public:
  template <class T>
  using Callback = std::move_only_function<void(Result<T>)>;

  virtual ~Backend() = default;

  virtual const BackendTraits& traits() const = 0;

  virtual void probe(Duration deadline, Callback<ProbeReport> done) = 0;
  // What it could load; for people who write a configuration.
  virtual void list(Duration deadline, Callback<std::vector<OfferedModel>> done) = 0;
  // Its own view of what is loaded; unsupported unless can_list_loaded (bad_request).
  virtual void observe(Duration deadline, Callback<std::vector<LoadedModel>> done) = 0;

  // Loads with a dummy request; done means answered. A model that went partly to main memory is a failed load (param
  // "spill"), and is unloaded again.
  virtual void load(ModelId model, Duration deadline, Callback<LoadReport> done) = 0;
  // Done means gone, as far as the engine can tell (measured/ adds the measurement).
  virtual void unload(ModelId model, Duration deadline, Callback<void> done) = 0;

  // Runs one step. `progress` may come any number of times before `done`.
  virtual void run(RunCall call, std::function<void(RunProgress)> progress,
                   Callback<RunReport> done) = 0;
  // Done means the run has stopped; the run's own `done` comes first, with error `conflict`.
  virtual void cancel(AttemptId attempt, Duration deadline, Callback<void> done) = 0;

  virtual void find_attempt(AttemptId attempt, Callback<AttemptFate> done) = 0;
  // Attaches to a run found by find_attempt; the same callbacks as `run`.
  virtual void join(RunCall call, std::function<void(RunProgress)> progress,
                    Callback<RunReport> done) = 0;
};

}  // namespace stoker
