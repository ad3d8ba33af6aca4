// An adapter that a test plays: it answers when the test says so, and tells what it was asked.
//
// Threading: the loop of the test. Ownership: the backend under test owns the adapters; the test keeps the script.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "backends/backend.h"
#include "backends/engine_model.h"
#include "base/loop.h"
#include "net/http.h"

namespace stoker {

// What all adapters of one backend share.
struct AdapterScript {
  BackendTraits traits = {.slots = 1,
                          .granularity = EvictionGranularity::backend,
                          .can_cancel_one = true,
                          .can_list_loaded = true};
  ProbeReport report = {.version = "1.2", .remarks = {EngineRemark::keeps_one_workflow}};
  std::optional<Error> load_error = {};
  bool answers = true;  // false: calls wait until the adapter is let go
  bool silent_observe = false;
  std::set<AttemptId> finished = {};

  int made = 0;
  int alive = 0;
  std::vector<std::uint16_t> ports = {};
  std::vector<std::vector<ModelId>> models = {};  // of each adapter, at its making or later
  std::vector<std::string> calls = {};
  // Runs under way; the test ends them.
  std::map<AttemptId, Backend::Callback<RunReport>> runs = {};
  std::map<AttemptId, std::function<void(RunProgress)>> progress = {};
};

class ScriptedAdapter final : public Backend {
 public:
  ScriptedAdapter(Loop& loop, std::shared_ptr<AdapterScript> script, const net::Url& url,
                  const std::vector<EngineModel>& models)
      : loop_(loop), script_(std::move(script)) {
    ++script_->alive;
    ++script_->made;
    script_->ports.push_back(url.port);
    set_models(models);
  }
  ~ScriptedAdapter() override { --script_->alive; }

  void set_models(const std::vector<EngineModel>& models) {
    std::vector<ModelId> ids;
    ids.reserve(models.size());
    for (const EngineModel& model : models) ids.push_back(model.id);
    script_->models.push_back(std::move(ids));
  }

  const BackendTraits& traits() const override { return script_->traits; }
  void probe(Duration, Callback<ProbeReport> done) override {
    note("probe");
    soon<ProbeReport>(std::move(done), script_->report);
  }
  void list(Duration, Callback<std::vector<OfferedModel>> done) override {
    note("list");
    soon<std::vector<OfferedModel>>(std::move(done), std::vector<OfferedModel>{{"upstream", 5}});
  }
  void observe(Duration, Callback<std::vector<LoadedModel>> done) override {
    note("observe");
    if (script_->silent_observe) {
      return soon<std::vector<LoadedModel>>(std::move(done),
                                            fail(ErrorCode::run_timeout, "no answer"));
    }
    std::vector<LoadedModel> models;
    for (const ModelId model : loaded_) models.push_back({model, MiB{10}});
    soon<std::vector<LoadedModel>>(std::move(done), models);
  }
  void load(ModelId model, Duration deadline, Callback<LoadReport> done) override {
    note("load " + std::to_string(model.value) + " within " + std::to_string(deadline.ms()));
    if (script_->load_error) return soon<LoadReport>(std::move(done), fail(*script_->load_error));
    const bool there = !loaded_.insert(model).second;
    soon<LoadReport>(std::move(done), LoadReport{.vram = MiB{10}, .was_there = there});
  }
  void unload(ModelId model, Duration, Callback<void> done) override {
    note("unload " + std::to_string(model.value));
    loaded_.erase(model);
    soon<void>(std::move(done), {});
  }
  void run(RunCall call, std::function<void(RunProgress)> progress,
           Callback<RunReport> done) override {
    note("run " + std::to_string(call.model.value));
    script_->progress[call.attempt] = std::move(progress);
    script_->runs[call.attempt] = std::move(done);
  }
  void cancel(AttemptId attempt, Duration, Callback<void> done) override {
    note("cancel " + std::to_string(attempt.value));
    soon<void>(std::move(done), {});
  }
  void find_attempt(AttemptId attempt, Callback<AttemptFate> done) override {
    note("find " + std::to_string(attempt.value));
    const bool there = script_->finished.contains(attempt);
    soon<AttemptFate>(std::move(done), there ? AttemptFate::finished : AttemptFate::unknown);
  }
  void join(RunCall call, std::function<void(RunProgress)>, Callback<RunReport> done) override {
    note("join " + std::to_string(call.attempt.value));
    soon<RunReport>(std::move(done), RunReport{});
  }

 private:
  void note(std::string call) { script_->calls.push_back(std::move(call)); }
  template <class T>
  void soon(Callback<T> done, Result<T> result) {
    if (!script_->answers) {
      kept_.emplace_back([done = std::move(done)] {});
      return;
    }
    loop_.post([done = std::move(done), result = std::move(result)]() mutable {
      done(std::move(result));
    });
  }

  Loop& loop_;
  std::shared_ptr<AdapterScript> script_;
  std::set<ModelId> loaded_;
  std::vector<std::move_only_function<void()>> kept_;
};

}  // namespace stoker
