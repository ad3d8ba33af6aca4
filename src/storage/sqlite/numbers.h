// The numbers of a journal row as a compact JSON array, so that an operator reads them with the
// sqlite3 program.
//
// Threading: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace stoker {

// Replaces `text` by, for example, "[1,-2,3]".
void write_numbers(std::span<const std::int64_t> numbers, std::string& text);

// The inverse; internal for anything that write_numbers cannot have written.
Result<std::vector<std::int64_t>> read_numbers(std::string_view text);

}  // namespace stoker
