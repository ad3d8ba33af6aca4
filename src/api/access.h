// Who may see and do what: roles per route, and the ownership rules behind them.
//
// Purpose: a person sees their own work and what was released, a leader their workshop, an admin everything, a board
//   what was released. The rules stand here once; handlers and streams ask.
// Threading: pure functions of a snapshot.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "controller/snapshot.h"

namespace stoker::api {

using controller::Identity;
using controller::Snapshot;

// Bits by Role.
using Roles = std::uint8_t;
constexpr Roles role_bit(Role role) {
  return static_cast<Roles>(1U << static_cast<unsigned>(role));
}

inline constexpr Roles kMakers = role_bit(Role::participant) | role_bit(Role::application);
inline constexpr Roles kLeaders = role_bit(Role::leader) | role_bit(Role::admin);
inline constexpr Roles kAdmins = role_bit(Role::admin);
inline constexpr Roles kEverybody = (1U << kRoleCount) - 1;

bool leads(const Identity& who, WorkshopId workshop);
// Reading, cancelling, editing: its owner, or who leads its workshop.
bool owns(const Identity& who, const controller::JobView& job);
bool may_touch(const Identity& who, const controller::JobView& job);
// What was made: also everybody of the workshop once it was released.
bool may_see_results(const Identity& who, const controller::JobView& job);
// The words of a person: themselves and the leader.
bool may_see_prompt(const Identity& who, const controller::JobView& job);

const controller::WorkshopView* workshop_of(const Snapshot& snapshot, WorkshopId id);
const controller::PersonView* person_of(const Snapshot& snapshot, PersonId id);

// Through whose eyes models are looked at: a whole workshop's, one group's, or nobody's (everything).
struct FocusEyes {
  const controller::WorkshopView* workshop = nullptr;
  const controller::GroupView* group = nullptr;
};
FocusEyes eyes_of(const Snapshot& snapshot, WorkshopId workshop, GroupId group);
FocusEyes eyes_of(const Snapshot& snapshot, const Identity& who);

bool in_focus(const controller::ModelView& model, const FocusEyes& eyes);

enum class OffReason : std::uint8_t { out_of_focus, misfit, backend_down };
inline constexpr int kOffReasonCount = 3;
std::string_view off_reason_name(OffReason reason);
std::optional<OffReason> off_reason(const controller::ModelView& model, const FocusEyes& eyes);

// The model that makes this medium for them: in focus, resident before loading before cold.
const controller::ModelView* model_for_medium(const Snapshot& snapshot, Medium medium,
                                              const FocusEyes& eyes);

enum class WhyNot : std::uint8_t {
  paused,
  not_started,
  ended,
  limit_reached,
  queue_full,
  intake_closed,
  disk_full
};
inline constexpr int kWhyNotCount = 7;
std::string_view why_not_name(WhyNot reason);

// Everything that keeps them from sending work now, in the order in which pages should say it.
std::vector<WhyNot> why_not_send(const Snapshot& snapshot, const Identity& who,
                                 std::uint32_t outstanding);

}  // namespace stoker::api
