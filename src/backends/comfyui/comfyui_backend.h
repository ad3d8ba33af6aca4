// A ComfyUI as a backend.
//
// Purpose: pictures, films, sounds and music by workflow templates (EngineModel::workflow). Loads are the template's
//   warm-up, unloads are /free, which drops everything that the engine holds, whatever model is named: its granularity
//   is `backend`, or `model` where one model alone is configured. Runs have ids that follow from salt and attempt, so a
//   restarted Stoker finds them. Prompts leave the engine's history once their files were fetched; the files themselves
//   stay in its folders.
// Residency: the engine does not tell what it holds. `observe` infers it (comfyui_residency.h) from what ran, the
//   engine's cache, foreign prompts, restarts and the memory in use. Weights that were moved partly to main memory are
//   not seen: there is no "spill" here.
// Threading: on the loop. Its requests run on the network's thread.
// Ownership: borrows loop and network; destroy it when its callbacks have come or the loop has stopped.
// Limits: results up to RunCall::output_bytes_max together. Each call's deadline covers all of its requests; a load
//   that passes it is withdrawn from the engine within kWithdrawMax, a run is the caller's to cancel.
// Errors: backend_down (no answer, it restarted: param "restarted", it refuses us: param "refused"), run_timeout,
//   unknown_model (not configured, or the engine lacks the file in the param), bad_request (the template, or the engine
//   refuses the workflow), load_failed (param "oom"), conflict (cancelled, or interrupted by somebody), too_large,
//   internal (a node failed: param its class; no output: param "output"). Details never quote prompts.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "backends/comfyui/comfyui_options.h"
#include "backends/comfyui/comfyui_residency.h"
#include "backends/engine_model.h"
#include "backends/http/engine_link.h"

namespace stoker {

namespace comfyui {
class Site;
struct Workflow;
struct RunState;
}  // namespace comfyui

class ComfyUiBackend final : public Backend {
 public:
  static constexpr Duration kFindMax = seconds(10);
  static constexpr Duration kWithdrawMax = seconds(10);

  ComfyUiBackend(Loop& loop, net::Network& network, ComfyUiOptions options,
                 std::vector<EngineModel> models);
  ~ComfyUiBackend() override;
  ComfyUiBackend(const ComfyUiBackend&) = delete;
  ComfyUiBackend& operator=(const ComfyUiBackend&) = delete;

  // Another list; calls under way keep the model they began with. A model whose template is wrong answers every call
  // with what is wrong.
  void set_models(std::vector<EngineModel> models);

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

 private:
  using SharedWorkflow = std::shared_ptr<const comfyui::Workflow>;
  enum class Begin : std::uint8_t { anew, joined };
  struct Run {
    EngineLink::CallId call;
    std::shared_ptr<comfyui::RunState> state;
  };

  Result<SharedWorkflow> find(ModelId model) const;
  void begin_run(RunCall call, std::function<void(RunProgress)> progress, Callback<RunReport> done,
                 Begin begin);
  void withdraw_load(std::string prompt_id);
  std::uint64_t next_nonce();

  EngineLink link_;
  std::shared_ptr<comfyui::Site> site_;
  BackendTraits traits_;
  std::map<ModelId, Result<SharedWorkflow>> models_;
  std::map<AttemptId, Run> runs_;
  comfyui::Fleet fleet_;
  comfyui::Residency residency_;
  std::string marker_;  // the last load's prompt, kept in the history to notice a restart
  std::uint64_t nonces_ = 0;
};

}  // namespace stoker
