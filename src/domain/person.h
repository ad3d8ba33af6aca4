// People without accounts: a role, and for participants an animal with a colour instead of a name.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "domain/ids.h"

namespace stoker {

enum class Role : std::uint8_t { participant, leader, admin, application, board };
inline constexpr int kRoleCount = 5;
std::string_view role_name(Role role);
std::optional<Role> role_from_name(std::string_view name);

// Animal and colour are indices into the lists that the pages word and draw.
inline constexpr std::uint32_t kAnimalCount = 40;
inline constexpr std::uint32_t kColourCount = 8;

struct Symbol {
  std::uint32_t animal = 0;
  std::uint32_t colour = 0;

  friend bool operator==(Symbol, Symbol) = default;
};

}  // namespace stoker
