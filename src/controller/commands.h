// What people may ask of the controller. Authorised by the caller's role before they get here; checked again for
// ownership here, because only the loop knows the truth.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "domain/ids.h"
#include "domain/person.h"
#include "domain/workshop.h"
#include "gpu/history.h"
#include "storage/store.h"

namespace stoker::controller {

struct MemoryHistory {
  Instant now;
  std::vector<gpu::HistoryPoint> points;  // oldest first
};

struct Actor {
  Role role = Role::participant;
  WorkshopId workshop;
  PersonId person;
  TokenHash token{};
};

struct JoinCommand {
  std::string code;  // any case, spaces allowed
  std::optional<GroupId> group;
  std::optional<Symbol> symbol;  // taken ones give the next free
  TokenHash token{};
};

struct JoinReply {
  PersonId person;
  WorkshopId workshop;
  Symbol symbol;
  GroupId group;
};

struct SubmitCommand {
  Actor actor;
  ModelId model;
  std::string prompt;
  std::optional<std::uint64_t> seed;
  JobId edited_from;
  std::string idempotency_key;  // empty: none
  TokenHash body_hash{};
};

struct SubmitReply {
  JobId job;
  bool replayed = false;  // the same key and body came before
};

// Fields that are absent stay as they are.
struct WorkshopPatch {
  std::optional<std::string> title;
  std::optional<std::uint32_t> head_count;
  std::optional<std::uint32_t> outstanding_max;
  std::optional<bool> intake_open;
  std::optional<std::string> board_message;
  std::optional<MisfitRule> misfit;
  std::optional<std::uint32_t> retention_days;
  std::optional<WallTime> starts;
  std::optional<WallTime> ends;
};

struct NewGroup {
  std::string title;
  std::vector<ModelId> focus;
};

struct CreateWorkshop {
  std::string title;
  std::vector<ModelId> focus;
  std::vector<NewGroup> groups;
  WorkshopPatch settings;
  TokenHash leader_token{};
  TokenHash board_token{};
};

enum class WorkshopAction : std::uint8_t { warm, start, pause, resume, end };

enum class Verdict : std::uint8_t { fits, tight, misfit };

struct PlanCheck {
  Verdict verdict = Verdict::fits;
  MiB needed;
  MiB capacity;
  MiB reserve;
  std::vector<ModelId> models;    // focus and pinned, largest first
  std::vector<ModelId> ways_out;  // each alone: leaving it out makes the plan fit
};

struct FocusPreview {
  PlanCheck check;
  std::vector<ModelId> unload;
  std::vector<ModelId> load;
  std::vector<JobId> waits;  // jobs that are served before or lose their model
  Duration takes_low;
  Duration takes_high;
};

struct Erased {
  std::uint32_t jobs = 0;
  std::uint32_t files = 0;
  std::uint64_t bytes = 0;
  std::uint32_t texts = 0;
};

}  // namespace stoker::controller
