// The backend port: what every engine offers, whatever it is.
//
// Purpose: one call is one thing at one engine. Adapters keep no policy: no retries, no fallbacks, no swallowed errors.
// Threading: called on the loop; every callback arrives on the loop, exactly once, never inside the call itself.
// Ownership: a backend may be destroyed only after its callbacks have come or its loop has stopped.
// Limits: each call's deadline starts when the call starts. Result files are bounded by RunCall::output_bytes_max.
// Errors: backend_down (no answer), load_failed, run_timeout (deadline passed), unknown_model, bad_request, internal.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/time.h"
#include "domain/ids.h"
#include "domain/medium.h"
#include "domain/model.h"

namespace stoker {

struct BackendTraits {
  std::uint32_t slots = 1;
  EvictionGranularity granularity = EvictionGranularity::model;
  bool can_cancel_one = false;   // one run can be stopped without touching the others
  bool can_list_loaded = false;  // it tells which models it holds
  bool streams = false;          // text arrives piece by piece
  bool simulated = false;        // a rehearsal: everything it makes is marked
};

struct ProbeReport {
  std::string version;
};

struct LoadReport {
  MiB vram;       // measured growth
  Duration took;  // from the call to the confirmed load
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
  // Its own view of what is loaded; unsupported unless can_list_loaded (bad_request).
  virtual void observe(Duration deadline, Callback<std::vector<LoadedModel>> done) = 0;

  // Loads with a dummy request; done means answered and measured.
  virtual void load(ModelId model, Duration deadline, Callback<LoadReport> done) = 0;
  // Done means gone: its own list and the measurement agree.
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
