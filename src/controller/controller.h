// The controller: the one loop that changes state. Commands and backend answers come in as events, the scheduler decides,
// the journal keeps it, and only then effects leave.
//
// Purpose: the single writer. What it knows is published as Snapshots; what it decides is in the journal with causes.
// Threading: everything runs on the Loop it was given; `snapshot` may be read from any thread.
// Ownership: borrows the ports; they must outlive it. Replies are called exactly once, on the loop.
// Write-ahead: an effect or an acknowledgement leaves only after the rows that explain it are durable (docs/adr/0009).
// Limits: see domain/workshop.h and storage/result_files.h; each is refused with its code.
// Errors: the codes of base/error.h; a full disk refuses new work (disk_full) and lets running work end.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "backends/backend.h"
#include "base/error.h"
#include "base/loop.h"
#include "controller/commands.h"
#include "controller/snapshot.h"
#include "domain/model.h"
#include "gpu/probe.h"
#include "scheduler/event.h"
#include "storage/result_files.h"
#include "storage/store.h"

namespace stoker::controller {

// The machine and how to plan on it.
struct Topology {
  std::vector<Device> devices;
  std::vector<BackendInfo> backends;
  std::vector<Model> models;
  std::vector<scheduler::DeviceSpeeds> speeds;  // of devices that differ from the defaults
  scheduler::PatienceSet patience;
  MisfitRule misfit = MisfitRule::refuse;  // of new workshops that say nothing else
};

struct Settings {
  Duration probe_interval = seconds(5);
  Duration publish_interval = milliseconds(50);
  Duration load_deadline = minutes(10);
  Duration unload_deadline = seconds(10);
  Duration cancel_deadline = seconds(30);
  Duration run_deadline_min = seconds(120);
  Duration idempotency_keep = minutes(24 * 60);
  double speed = 1;            // seconds of the loop's time in one second of the wall's
  std::uint32_t build_id = 0;  // of the policy; a recorded epoch of another build is not replayed
  std::vector<ModelId> preload;
};

struct Ports {
  Loop* loop = nullptr;
  Store* store = nullptr;
  ResultFiles* files = nullptr;
  GpuProbe* gpu = nullptr;  // may be null: no measurement
  std::vector<std::pair<BackendId, Backend*>> backends;
  std::function<std::uint64_t()> random;  // seeds and join codes
  std::function<void(std::string_view event, std::string_view fields_json)>
      log;  // no prompts, names, tokens
};

template <class T>
using Reply = std::move_only_function<void(Result<T>)>;

class Controller {
 public:
  // Reads the journal, restores jobs and workshops, starts a new epoch and asks the backends.
  static Result<std::unique_ptr<Controller>> open(Ports ports, Topology topology,
                                                  Settings settings);
  virtual ~Controller() = default;

  // ── people ──
  virtual void join(JoinCommand command, Reply<JoinReply> reply) = 0;
  virtual void leave(Actor actor, Reply<void> reply) = 0;  // revokes the actor's token
  // A token of an operator or a link; replaces an equal hash.
  virtual void issue_token(TokenRow token, Reply<void> reply) = 0;

  // ── work ──
  virtual void submit(SubmitCommand command, Reply<SubmitReply> reply) = 0;
  virtual void cancel(Actor actor, JobId job, Reply<void> reply) = 0;
  virtual void edit(Actor actor, JobId job, std::string prompt, Reply<void> reply) = 0;
  virtual void move_to_front(Actor actor, JobId job, Reply<void> reply) = 0;
  virtual void set_released(Actor actor, JobId job, bool released, Reply<void> reply) = 0;

  // ── workshops ──
  virtual void create_workshop(Actor actor, CreateWorkshop command, Reply<WorkshopId> reply) = 0;
  virtual void patch_workshop(Actor actor, WorkshopId id, WorkshopPatch patch,
                              Reply<void> reply) = 0;
  virtual void act_on_workshop(Actor actor, WorkshopId id, WorkshopAction action,
                               Reply<void> reply) = 0;
  virtual void set_focus(Actor actor, WorkshopId id, std::optional<GroupId> group,
                         std::vector<ModelId> focus, Reply<void> reply) = 0;
  virtual void delete_workshop(Actor actor, WorkshopId id, Reply<Erased> reply) = 0;
  virtual Result<PlanCheck> check_plan(const std::vector<ModelId>& focus) const = 0;
  virtual Result<FocusPreview> preview_focus(WorkshopId id, std::optional<GroupId> group,
                                             const std::vector<ModelId>& focus) const = 0;

  // ── residency ──
  virtual void preload(Actor actor, std::vector<ModelId> models, Reply<void> reply) = 0;
  virtual void unload(Actor actor, ModelId model, Reply<void> reply) = 0;

  // What a device held since so long ago.
  virtual void memory_history(DeviceId device, Duration back, Reply<MemoryHistory> reply) const = 0;

  // What changed of models, backends, speeds and patience, by difference; unchanged models stay loaded.
  virtual void set_topology(Topology topology, Reply<void> reply) = 0;

  // ── readers ──
  virtual std::shared_ptr<const Snapshot> snapshot() const = 0;  // any thread
  // Called on the loop after each publication.
  virtual void on_publish(std::function<void(std::shared_ptr<const Snapshot>)> subscriber) = 0;

  // Takes nothing new, waits for running steps up to `deadline`, makes everything durable, then calls `done`.
  virtual void drain(Duration deadline, std::move_only_function<void()> done) = 0;
};

}  // namespace stoker::controller
