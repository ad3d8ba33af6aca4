// The product's own scheduler in the virtual workshop.
//
// Purpose: translates what happens in the world into the scheduler's events, and its decisions into actions; decides
//   nothing itself.
// Threading, ownership: as policy.h says.
#pragma once

#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "domain/workshop.h"
#include "scheduler/scheduler.h"
#include "scheduler/step_quotes.h"
#include "simulation/policy.h"

namespace stoker::simulation {

// Whether the scheduler is told what was announced; pins are told in any case.
enum class PlanUse : std::uint8_t { announced, none };

struct StokerOptions {
  std::string_view name = "stoker";
  // What happens to models that do not fit beside the announced text models.
  MisfitRule misfit = MisfitRule::turns;
  PlanUse plan = PlanUse::announced;
  bool quotes = true;
  scheduler::Policy policy;
};

class StokerPolicy final : public Policy {
 public:
  explicit StokerPolicy(const StokerOptions& options);

  std::string_view name() const override { return options_.name; }
  void begin(World& world) override;
  void released(World& world, const Job& job) override;
  void finished(World& world, const Job& job) override;
  void result(World& world, const Job& job) override;
  void abandoned(World& world, const Job& job) override;
  void requeued(World& world, const Job& job, CancelCause cause) override;
  void loaded(World& world, ModelIndex model) override;
  void load_failed(World& world, ModelIndex model) override;
  void evicted_externally(World& world, ModelIndex model) override;
  void foreign_changed(World& world) override;
  void decide(World& world) override;

 private:
  struct Idea {
    JobId id;
    JobIndex job = 0;  // its step in progress
  };

  void describe_machine(World& world);
  void describe_workshop(World& world);
  void happen(scheduler::Event event) { happened_.push_back(std::move(event)); }
  void carry_out(World& world, const scheduler::Decision& decision);
  void give_up(World& world, JobId id);
  void note_cause(World& world, std::string_view event, ModelId model, const Cause& cause) const;
  void quote(World& world);

  StokerOptions options_;
  scheduler::Scheduler scheduler_;
  scheduler::StepQuotes quotes_;
  std::vector<scheduler::Event> happened_;  // in this instant
  std::vector<GroupId> group_of_;           // by participant
  std::vector<Idea> idea_of_;               // by participant
  std::unordered_map<JobId, ParticipantIndex> who_;
  std::vector<JobIndex> unquoted_;
  std::uint64_t last_id_ = 0;
  bool refusing_ = false;
};

}  // namespace stoker::simulation
