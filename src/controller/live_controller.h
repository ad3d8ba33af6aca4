// The implementation of Controller: commands in, rows out, effects after the commit.
//
// Threading: loop, except `snapshot`. One folder-private class; its members are split by subject over
//   live_controller.cc (core), work_commands.cc, workshop_commands.cc, planned_times.cc, retention.cc, startup.cc, cards.cc and
//   publishing.cc.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "controller/controller.h"
#include "controller/engines.h"
#include "controller/outbox.h"
#include "controller/record.h"
#include "controller/world.h"
#include "scheduler/scheduler.h"

namespace stoker::controller {

inline constexpr Duration kWallJumpMin = seconds(2);
// How often texts, files and keys whose time is over are looked for.
inline constexpr Duration kForgetInterval = minutes(60);

class LiveController final : public Controller {
 public:
  LiveController(Ports ports, Settings settings);
  ~LiveController() override;

  Result<void> start(Topology topology);

  void join(JoinCommand command, Reply<JoinReply> reply) override;
  void leave(Actor actor, Reply<void> reply) override;
  void issue_token(TokenRow token, Reply<void> reply) override;
  void submit(SubmitCommand command, Reply<SubmitReply> reply) override;
  void cancel(Actor actor, JobId job, Reply<void> reply) override;
  void edit(Actor actor, JobId job, std::string prompt, Reply<void> reply) override;
  void move_to_front(Actor actor, JobId job, Reply<void> reply) override;
  void set_released(Actor actor, JobId job, bool released, Reply<void> reply) override;
  void create_workshop(Actor actor, CreateWorkshop command, Reply<WorkshopId> reply) override;
  void patch_workshop(Actor actor, WorkshopId id, WorkshopPatch patch, Reply<void> reply) override;
  void act_on_workshop(Actor actor, WorkshopId id, WorkshopAction action,
                       Reply<void> reply) override;
  void set_focus(Actor actor, WorkshopId id, std::optional<GroupId> group,
                 std::vector<ModelId> focus, Reply<void> reply) override;
  void delete_workshop(Actor actor, WorkshopId id, Reply<Erased> reply) override;
  Result<PlanCheck> check_plan(const std::vector<ModelId>& focus) const override;
  Result<FocusPreview> preview_focus(WorkshopId id, std::optional<GroupId> group,
                                     const std::vector<ModelId>& focus) const override;
  void preload(Actor actor, std::vector<ModelId> models, Reply<void> reply) override;
  void unload(Actor actor, ModelId model, Reply<void> reply) override;
  void memory_history(DeviceId device, Duration back, Reply<MemoryHistory> reply) const override;
  void set_topology(Topology topology, Reply<void> reply) override;
  std::shared_ptr<const Snapshot> snapshot() const override;
  void on_publish(std::function<void(std::shared_ptr<const Snapshot>)> subscriber) override;
  void drain(Duration deadline, std::move_only_function<void()> done) override;

 private:
  struct IdempotencyKey {
    TokenHash token{};
    std::string key;
    auto operator<=>(const IdempotencyKey&) const = default;
  };
  struct IdempotencyValue {
    TokenHash body_hash{};
    JobId job;
    WallTime created;
  };

  // core: one way for everything that changes state
  std::vector<scheduler::Decision> happen(scheduler::Event event,
                                          const std::vector<Record>& facts = {});
  void note(const Record& record);
  Stamp next_stamp();
  void write(const Entry& entry, const Stamp& stamp);
  void keep_text(DocumentKind kind, std::uint64_t id, std::string text);
  void execute(const scheduler::Decision& decision);
  void dispatch(const scheduler::Dispatch& dispatch);
  // One commit for everything that is added in this turn of the loop.
  void flush_soon();
  void schedule_wakeup();
  void check_wall_clock();
  template <class T>
  void reply_after_commit(Reply<T> reply, Result<T> result);
  Duration run_deadline(ModelId model) const;

  // startup.cc
  Result<void> read_store();
  void tell_scheduler(const Topology& topology);
  void tell_speeds(const Topology& topology);
  void tell_workshop(const WorkshopRecord& record);
  void restore_jobs();
  void restore_job(JobId id, bool running);
  void probe();
  void watch_cards();
  void on_reading();
  MiB foreign_on(const GpuSample& sample);
  void tell_engine_limits();
  void use_measurements(Topology& topology) const;
  void look_at_disk();

  // work_commands.cc
  Result<void> may_touch(const Actor& actor, JobId job) const;
  Result<void> may_lead(const Actor& actor, WorkshopId workshop) const;
  Symbol free_symbol(WorkshopId workshop, std::optional<Symbol> wanted);
  void revoke_tokens(const std::function<bool(const Identity&)>& which);
  void put_token(const TokenRow& token);

  // workshop_commands.cc
  scheduler::WorkshopSet rules_of(WorkshopId id) const;
  void set_rules(scheduler::WorkshopSet rules);
  void refresh_wanted(CauseKind cause);
  std::string new_join_code();
  Result<void> check_models(const std::vector<ModelId>& models) const;
  void erase_workshop(WorkshopId id, Reply<Erased> reply);

  // planned_times.cc
  Instant planning_time_of(WallTime at) const;
  scheduler::PlanSet plan_of(const Workshop& workshop, Instant now) const;
  std::vector<ModelId> models_meant_by(const Workshop& workshop) const;
  bool is_past(const Workshop& workshop) const;
  Duration warm_up_lead(const Workshop& workshop) const;
  std::optional<Instant> warm_up_time(const Workshop& workshop, Instant now) const;
  void tell_plan(WorkshopId id);
  void set_state(WorkshopId id, WorkshopState state);
  void keep_plans();

  // retention.cc
  void forget_what_is_due();

  // publishing.cc
  void touch();
  void publish();
  JobView job_view(const JobRecord& record) const;
  ModelView model_view(const Model& model) const;
  WorkshopView workshop_view(const WorkshopRecord& record, const Snapshot& next) const;
  std::optional<LoadView> load_view(ModelId model) const;
  std::optional<Instant> texts_begin_by(const scheduler::ModelEntry& model) const;

  Ports ports_;
  Settings settings_;
  scheduler::Scheduler scheduler_;
  World world_;
  Outbox outbox_;
  MemoryMeter meter_;
  Engines engines_;
  Topology topology_;
  std::map<ModelId, Model> models_;

  std::int64_t last_seq_ = 0;
  Instant last_mono_;
  Instant journal_ended_;  // on the clock of the life before
  Duration clock_went_back_;
  WallTime last_wall_;
  Instant last_wall_at_;
  std::map<IdempotencyKey, IdempotencyValue> idempotency_;
  std::shared_ptr<const TokenTable> tokens_ = std::make_shared<TokenTable>();
  // Memory of an engine beyond its models, when it last had been idle for a while.
  struct Unplanned {
    MiB held;
    Instant busy_at;
  };
  std::map<std::pair<BackendId, DeviceId>, Unplanned> unplanned_;
  std::uint64_t free_bytes_ = 0;
  bool ready_ = false;
  bool draining_ = false;
  std::optional<TimerId> wakeup_;
  std::optional<Instant> wakeup_at_;
  std::optional<TimerId> next_plan_;
  bool publish_is_due_ = false;
  Instant published_at_;
  bool flush_is_due_ = false;
  std::uint64_t version_ = 0;

  mutable std::mutex
      snapshot_mutex_;  // guards the pointer only; libstdc++ 12 has no atomic<shared_ptr> for clang
  std::shared_ptr<const Snapshot> snapshot_ = std::make_shared<Snapshot>();
  std::vector<std::function<void(std::shared_ptr<const Snapshot>)>> subscribers_;
};

template <class T>
void LiveController::reply_after_commit(Reply<T> reply, Result<T> result) {
  outbox_.after_commit([reply = std::move(reply), result = std::move(result)]() mutable {
    reply(std::move(result));
  });
  flush_soon();
}

}  // namespace stoker::controller
