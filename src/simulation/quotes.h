// Whether a policy that can promise people a time does so.
#pragma once

#include <cstdint>

namespace stoker::simulation {

enum class Quotes : std::uint8_t { given, off };

}  // namespace stoker::simulation
