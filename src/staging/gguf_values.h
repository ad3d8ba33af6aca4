// The key-value part of a GGUF header: keeps what GgufFacts has a place for and passes over the
// rest.
//
// Ownership: lends the cursor for one call. Limits and errors: as gguf.h says.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "staging/gguf_cursor.h"
#include "staging/weight_facts.h"

namespace stoker::staging {

inline constexpr std::uint64_t kGgufAlignmentDefault = 32;

struct GgufValues {
  GgufFacts facts;
  std::uint64_t alignment = kGgufAlignmentDefault;
};

// Reads `count` pairs from the cursor's place on.
Result<GgufValues> read_gguf_values(GgufCursor& cursor, std::uint64_t count);

}  // namespace stoker::staging
