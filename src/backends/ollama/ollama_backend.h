// An Ollama server as a backend.
//
// Purpose: texts by /api/chat; loads and unloads that are confirmed by the server's own list of what it holds.
// Threading: on the loop. Its requests run on the network's thread.
// Ownership: borrows loop and network; destroy it when its callbacks have come or the loop has stopped.
// Limits: `slots` runs are the caller's business; texts up to RunCall::output_bytes_max. Each call's deadline covers all
//   of its requests. While a model leaves, the list is asked every ollama::kUnloadPoll.
// Errors: backend_down (no answer, or it refuses us: param "refused"), run_timeout, unknown_model, queue_full (its own
//   queue), bad_request, too_large, conflict (cancelled), internal (answers that are not understood, errors of a run;
//   param "truncated", "garbage", "engine_error", "out_of_memory", "context_length"), load_failed (param "spill": a part
//   lies in main memory, the model was unloaded again; "not_listed"), provider_blocked (the model runs on another
//   machine). Details quote the server only where no prompt was sent.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <vector>

#include "backends/backend.h"
#include "backends/engine_model.h"
#include "backends/http/engine_link.h"
#include "backends/ollama/ollama_options.h"

namespace stoker {

namespace ollama {
class Site;
}

class OllamaBackend final : public Backend {
 public:
  OllamaBackend(Loop& loop, net::Network& network, OllamaOptions options,
                std::vector<EngineModel> models);
  ~OllamaBackend() override;
  OllamaBackend(const OllamaBackend&) = delete;
  OllamaBackend& operator=(const OllamaBackend&) = delete;

  // Another list; calls under way keep the model they began with.
  void set_models(std::vector<EngineModel> models);

  const BackendTraits& traits() const override { return traits_; }
  void probe(Duration deadline, Callback<ProbeReport> done) override;
  void list(Duration deadline, Callback<std::vector<OfferedModel>> done) override;
  void observe(Duration deadline, Callback<std::vector<LoadedModel>> done) override;
  void load(ModelId model, Duration deadline, Callback<LoadReport> done) override;
  void unload(ModelId model, Duration deadline, Callback<void> done) override;
  void run(RunCall call, std::function<void(RunProgress)> progress,
           Callback<RunReport> done) override;
  // Closes the connection, which ends the run at the server.
  void cancel(AttemptId attempt, Duration deadline, Callback<void> done) override;
  // The server knows nothing of attempts.
  void find_attempt(AttemptId attempt, Callback<AttemptFate> done) override;
  void join(RunCall call, std::function<void(RunProgress)> progress,
            Callback<RunReport> done) override;

 private:
  Result<EngineModel> find(ModelId model) const;

  EngineLink link_;
  std::shared_ptr<ollama::Site> site_;
  BackendTraits traits_;
  std::map<ModelId, EngineModel> models_;
  std::set<ModelId> refused_;  // their names send texts to another machine
  std::map<AttemptId, EngineLink::CallId> runs_;
};

}  // namespace stoker
