// Entries to rows of numbers and back.
//
// Purpose: the journal format in one place. The type number says which struct (events from 1, decisions from 101, records
//   from 201, in the order of their variants); the numbers are its fields in order; lists carry their length first.
// Threading: pure functions.
// Errors: decode fails with `internal` for unknown types, too few or too many numbers and values outside their enum.
#pragma once

#include "base/error.h"
#include "controller/record.h"
#include "storage/store.h"

namespace stoker::controller {

inline constexpr std::uint16_t kEventTypeBase = 1;
inline constexpr std::uint16_t kDecisionTypeBase = 101;
inline constexpr std::uint16_t kRecordTypeBase = 201;

JournalRow encode(const Entry& entry, const Stamp& stamp);
Result<Entry> decode(const JournalRow& row);

}  // namespace stoker::controller
