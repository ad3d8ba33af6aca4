// The workshop as an object: its state, its focus, its groups and limits.
//
// Limits: all stated here; the API refuses beyond them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "domain/ids.h"

namespace stoker {

enum class WorkshopState : std::uint8_t { planned, warming, ready, running, paused, ended };
inline constexpr int kWorkshopStateCount = 6;
std::string_view workshop_state_name(WorkshopState state);

inline constexpr std::size_t kWorkshopsMax = 1000;
inline constexpr std::size_t kGroupsMax = 12;
inline constexpr std::size_t kHeadCountMax = 200;
inline constexpr std::size_t kJobsPerWorkshopMax = 20'000;
inline constexpr std::size_t kPromptCharactersMax = 4000;
inline constexpr std::size_t kTitleCharactersMax = 80;

// What happens to work that cannot fit beside what is resident for good.
enum class MisfitRule : std::uint8_t { refuse, turns };

struct Group {
  GroupId id;
  std::string title;           // "A"
  std::vector<ModelId> focus;  // empty: the workshop's focus
};

struct Workshop {
  WorkshopId id;
  std::string title;
  WorkshopState state = WorkshopState::planned;
  std::string join_code;       // six characters without 0 O 1 I
  std::vector<ModelId> focus;  // empty: every offered model
  std::vector<Group> groups;
  std::uint32_t head_count = 15;
  std::uint32_t outstanding_max_per_person = 3;
  std::uint32_t queue_max = 500;
  MisfitRule misfit = MisfitRule::refuse;
  bool intake_open = true;  // "stop taking new jobs" closes it
  std::string board_message;
  std::optional<WallTime> starts;
  std::optional<WallTime> ends;
  std::uint32_t retention_days = 7;
};

}  // namespace stoker
