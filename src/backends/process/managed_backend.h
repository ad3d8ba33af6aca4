// A backend whose engines Stoker starts and stops itself.
//
// Purpose: wraps the adapters of engines by URL. Either every model has a process of its own (load: the process starts,
//   is ready and its adapter loads; unload: the process group is gone), or one process serves all models and is started
//   again with growing pauses when it ends. A managed engine that has nothing to do need not run to be healthy.
// Threading, callbacks: as in backend.h.
// Ownership: owns adapters, processes and their hosts. Destroying it ends what still runs, without waiting; `shutdown`
//   does it in order.
// Limits: one process per configured model, or one. Starts and stops have their own limits, see engine_process.h.
// Errors: those of the adapters; load_failed (the process ended, or was not ready in its time; with its last lines),
//   run_timeout (the deadline passed: a process of one model is gone before that is answered), backend_down (the engine
//   ended or does not run), conflict (stopped while it loaded), internal (processes stay after SIGKILL).
// Leases: a process ends only by `unload`, by `shutdown`, or because its own load failed.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "backends/backend.h"
#include "backends/engine_model.h"
#include "backends/process/engine_calls.h"
#include "backends/process/engine_command.h"
#include "backends/process/engine_host.h"
#include "backends/process/engine_process.h"
#include "base/loop.h"
#include "net/http.h"

namespace stoker {

enum class EngineStart : std::uint8_t { at_once, on_demand };  // the first one of a shared process

struct ManagedOptions {
  BackendId id;
  std::string name;  // of the backend, for files
  EngineShare share = EngineShare::shared;
  EngineStart start = EngineStart::on_demand;
  EngineCommand command = {};  // has passed check_engine_command
};

// How adapters come to be and learn of other models; the composition root knows their type.
struct EngineAdapters {
  std::function<std::unique_ptr<Backend>(net::Url, const std::vector<EngineModel>&)> make;
  std::function<void(Backend&, const std::vector<EngineModel>&)> set_models;
};

class ManagedBackend final : public Backend {
 public:
  // One of its processes, for pages and doctors.
  struct Engine {
    std::string name;
    ModelId model;  // none: it serves all
    EngineProcess::Facts facts;
  };

  ManagedBackend(Loop& loop, EngineHosts hosts, ManagedOptions options, EngineAdapters adapters,
                 const std::vector<EngineModel>& models);
  ~ManagedBackend() override;
  ManagedBackend(const ManagedBackend&) = delete;
  ManagedBackend& operator=(const ManagedBackend&) = delete;

  // Another list. What runs goes on; the process of a model that is gone or starts differently ends with its unload.
  void set_models(const std::vector<EngineModel>& models);
  // Told at each change, on the loop: the process groups that run now.
  void on_groups(std::function<void(BackendId, std::vector<int> groups)> changed);
  // Ends all processes; nothing starts any more. Not done within `wait_max`: run_timeout.
  void shutdown(Duration wait_max, Callback<void> done);

  std::vector<Engine> engines() const;
  std::vector<std::string> last_lines(std::string_view engine) const;

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
  struct Slot {
    std::string name;
    std::vector<EngineModel> models;  // one, or all
    std::unique_ptr<EngineProcess> process;
    EngineCalls::AdapterId adapter = {};  // of the process that is ready
    bool loaded = false;                  // a process of one model: its model is there
  };
  struct Load;
  struct Observation;
  struct Search;

  bool shared() const { return options_.share == EngineShare::shared; }
  ModelId key_of(ModelId model) const { return shared() ? ModelId{} : model; }
  Slot* find(ModelId model);  // of its process, none: nullptr
  Result<Slot*> slot_for(ModelId model);
  Slot& add_slot(ModelId key, std::vector<EngineModel> models);
  // The adapter of a process that is ready; none: it is not.
  EngineCalls::AdapterId connect(Slot& slot);
  Backend* running_backend(ModelId model, EngineCalls::AdapterId& adapter);

  void keep_running();
  void on_lost(ModelId key, const Error& why);
  void tell_groups() const;
  void on_started(const std::shared_ptr<Load>& load, const Result<void>& ready);
  void on_loaded(const std::shared_ptr<Load>& load, Result<LoadReport> report);
  void end_load(const std::shared_ptr<Load>& load, Result<LoadReport> report);
  void stop_slot(Slot& slot, Duration deadline, Callback<void> done);
  void drop_unused(ModelId key);
  void observe_slot(ModelId key, Slot& slot, Duration deadline,
                    const std::shared_ptr<Observation>& observation);
  void look_further(const std::shared_ptr<Search>& search);
  std::vector<OfferedModel> configured() const;
  template <class T>
  void answer(Callback<T> done, Result<T> result);

  Loop& loop_;
  const EngineHosts hosts_;
  const ManagedOptions options_;
  const EngineAdapters adapters_;
  BackendTraits traits_;
  std::map<ModelId, EngineModel> models_;
  EngineCalls calls_;
  std::map<ModelId, Slot> slots_;  // by model, or one without
  std::set<ModelId> loading_;
  std::function<void(BackendId, std::vector<int>)> groups_changed_;
  bool closing_ = false;
};

}  // namespace stoker
