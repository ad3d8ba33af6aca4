// Appends numbers and names to a JSON text without detours.
//
// Threading: none. Errors: none.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"

namespace stoker::simulation {

void append_number(std::string& out, std::uint64_t number);
// Seconds with six decimals. Negative ones too.
void append_seconds(std::string& out, std::int64_t microseconds);
// With quotes around it; `text` is UTF-8.
void append_quoted(std::string& out, std::string_view text);

}  // namespace stoker::simulation
