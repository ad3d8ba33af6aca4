// A SwarmUI as a backend.
//
// Purpose: pictures and films by its own API: GenerateText2ImageWS for runs, SelectModel for loads, FreeBackendMemory
//   for unloads, which drops what all of its backends hold. Every run has a session of its own, so that InterruptAll
//   stops nothing else. Pictures come as data and leave no file there, unless an option says donotsave = false; films
//   stay in its output folder, under names that hold the prompt.
// Residency: what the server says it has loaded is a belief that nothing corrects, so it only takes away: a model is
//   observed that this adapter has loaded or run, that the server still believes in, while the cards hold something.
//   An unload is confirmed by the memory in use on the cards where the server tells it, else by its answer alone.
// Threading: on the loop. Its requests run on the network's thread.
// Ownership: borrows loop and network; destroy it when its callbacks have come or the loop has stopped.
// Limits: results up to RunCall::output_bytes_max together, pictures as data up to net::kWebSocketMessageBytesMax.
//   Sessions of kLateRunsMax runs whose deadline has passed are kept for their cancellation.
// Errors: backend_down (no answer; param "no_backends", "loading", "occupied", "refused", "session"), run_timeout,
//   unknown_model, load_failed (param "oom" where memory ran out), conflict (cancelled, or interrupted by somebody),
//   bad_request (param: the parameter), too_large, internal (param "engine_error", "output"). The server's own words
//   are never passed on.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "backends/backend.h"
#include "backends/engine_model.h"
#include "backends/http/engine_link.h"
#include "backends/swarmui/swarmui_options.h"

namespace stoker {

namespace swarmui {
class Site;
struct RunState;
struct Sighting;
}  // namespace swarmui

class SwarmUiBackend final : public Backend {
 public:
  static constexpr std::size_t kLateRunsMax = 64;

  SwarmUiBackend(Loop& loop, net::Network& network, SwarmUiOptions options,
                 std::vector<EngineModel> models);
  ~SwarmUiBackend() override;
  SwarmUiBackend(const SwarmUiBackend&) = delete;
  SwarmUiBackend& operator=(const SwarmUiBackend&) = delete;

  // Another list; calls under way keep the model they began with.
  void set_models(std::vector<EngineModel> models);

  const BackendTraits& traits() const override { return traits_; }
  // Fails while none of its backends can work.
  void probe(Duration deadline, Callback<ProbeReport> done) override;
  void list(Duration deadline, Callback<std::vector<OfferedModel>> done) override;
  void observe(Duration deadline, Callback<std::vector<LoadedModel>> done) override;
  void load(ModelId model, Duration deadline, Callback<LoadReport> done) override;
  void unload(ModelId model, Duration deadline, Callback<void> done) override;
  void run(RunCall call, std::function<void(RunProgress)> progress,
           Callback<RunReport> done) override;
  void cancel(AttemptId attempt, Duration deadline, Callback<void> done) override;
  // The server knows sessions, not attempts.
  void find_attempt(AttemptId attempt, Callback<AttemptFate> done) override;
  void join(RunCall call, std::function<void(RunProgress)> progress,
            Callback<RunReport> done) override;

 private:
  struct Run {
    EngineLink::CallId call;
    std::shared_ptr<swarmui::RunState> state;
  };

  Result<EngineModel> find(ModelId model) const;
  std::shared_ptr<swarmui::RunState> state_of(AttemptId attempt) const;
  void keep_late(AttemptId attempt, std::shared_ptr<swarmui::RunState> state);
  void note_use(ModelId model);
  void note(const swarmui::Sighting& sighting);
  std::vector<LoadedModel> residents() const;
  MiB held() const;

  EngineLink link_;
  std::shared_ptr<swarmui::Site> site_;
  BackendTraits traits_;
  std::map<ModelId, EngineModel> models_;
  std::map<AttemptId, Run> runs_;
  std::deque<std::pair<AttemptId, std::shared_ptr<swarmui::RunState>>> late_;
  std::vector<ModelId> residents_;  // the one used last comes last
  std::uint32_t holds_max_ = 1;
};

}  // namespace stoker
