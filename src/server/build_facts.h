// What this build is.
#pragma once

#include <cstdint>
#include <string_view>

namespace stoker::server {

inline constexpr std::string_view kVersion = STOKER_VERSION;

// Changes with the sources of the scheduler and of the values it works on: a journal is replayed by the policy that
// wrote it only.
std::uint32_t policy_build();

}  // namespace stoker::server
