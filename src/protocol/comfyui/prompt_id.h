// Ids of prompts that a restarted Stoker finds again.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace stoker::protocol::comfyui {

// A lowercase UUID of version 4's shape that follows from both: the same for the same attempt, different for every
// other one, also of another installation (its salt).
std::string prompt_uuid(std::string_view salt, std::uint64_t number);

}  // namespace stoker::protocol::comfyui
