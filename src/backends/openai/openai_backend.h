// An OpenAI-compatible server as a backend: llama.cpp, vLLM, LocalAI, stable-diffusion.cpp, LM Studio, or any other.
//
// Purpose: texts, pictures and speech by /v1; loads and unloads in the form that each kind of server has, confirmed by
//   asking the server again. Where it says nothing of sizes, observe() tells the planned ones.
// Threading: on the loop. Its requests run on the network's thread. traits() changes when the kind becomes known: at
//   the end of the first call that had an answer.
// Ownership: borrows loop and network; destroy it when its callbacks have come or the loop has stopped.
// Limits: `slots` runs are the caller's business; results up to RunCall::output_bytes_max. Each call's deadline covers
//   all of its requests. What is waited for is asked every openai::kPoll.
// Errors: backend_down (no answer, it is not ready, it refuses us: param "refused"; it is another server than
//   configured: "flavour"), run_timeout, unknown_model, queue_full (429), bad_request (also unload where nothing can
//   be unloaded: param "cannot_unload", and observe where nothing is told), too_large, conflict (cancelled), internal
//   (answers that are not understood, errors of a run; param "truncated", "garbage", "engine_error", "out_of_memory",
//   "context_length"), load_failed (also a run at a vLLM that sleeps: param "asleep"). Details quote the server only
//   where no prompt was sent.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "backends/backend.h"
#include "backends/engine_model.h"
#include "backends/http/engine_link.h"
#include "backends/openai/openai_options.h"

namespace stoker {

namespace openai {
class Site;
}

class OpenAiBackend final : public Backend {
 public:
  OpenAiBackend(Loop& loop, net::Network& network, OpenAiOptions options,
                std::vector<EngineModel> models);
  ~OpenAiBackend() override;
  OpenAiBackend(const OpenAiBackend&) = delete;
  OpenAiBackend& operator=(const OpenAiBackend&) = delete;

  // Another list; calls under way keep the model they began with.
  void set_models(std::vector<EngineModel> models);
  // Nullopt: not known yet.
  std::optional<OpenAiFlavour> flavour() const;

  const BackendTraits& traits() const override { return traits_; }
  void probe(Duration deadline, Callback<ProbeReport> done) override;
  void list(Duration deadline, Callback<std::vector<OfferedModel>> done) override;
  void observe(Duration deadline, Callback<std::vector<LoadedModel>> done) override;
  void load(ModelId model, Duration deadline, Callback<LoadReport> done) override;
  void unload(ModelId model, Duration deadline, Callback<void> done) override;
  void run(RunCall call, std::function<void(RunProgress)> progress,
           Callback<RunReport> done) override;
  // Closes the connection, which ends the run at every server but stable-diffusion.cpp: there it waits for the end of
  // the picture and drops it. llama.cpp is asked until its slots agree.
  void cancel(AttemptId attempt, Duration deadline, Callback<void> done) override;
  // The servers know nothing of attempts.
  void find_attempt(AttemptId attempt, Callback<AttemptFate> done) override;
  void join(RunCall call, std::function<void(RunProgress)> progress,
            Callback<RunReport> done) override;

 private:
  // Somebody who waits for the end of a run that cannot be ended.
  struct WaitingCancel {
    TimerId deadline;
    Callback<void> done;
  };
  struct Run {
    EngineLink::CallId call;
    EngineModel model;
    std::map<std::uint64_t, WaitingCancel> cancels;
  };

  template <class T>
  Callback<T> noticing(Callback<T> done);
  void notice_flavour();
  Result<EngineModel> find(ModelId model) const;
  void end_run(AttemptId attempt, Result<RunReport> report, Callback<RunReport> done);
  void wait_for_end(Run& run, AttemptId attempt, Duration deadline, Callback<void> done);

  EngineLink link_;
  std::shared_ptr<openai::Site> site_;
  BackendTraits traits_;
  std::map<ModelId, EngineModel> models_;
  std::map<AttemptId, Run> runs_;
  std::uint64_t cancels_made_ = 0;
};

}  // namespace stoker
