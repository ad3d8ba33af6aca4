// The tables of stoker.db and the checks before they are used.
//
// Purpose: one place that knows the schema and its version; opening refuses what this program must
//   not touch.
//   event(seq, wall_ms, mono_us, type, job, numbers)   the journal; numbers is a JSON array
//   content(id, job, kind, workshop, bytes, delete_after)   texts of people, deleted on their day
//   document(kind, id, text)   token(hash, …)   idempotency(token, key, …)
// Threading: functions on a connection of the caller.
// Errors: internal with a sentence for the operator: a newer schema, another program's file, a
//   damaged file.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "storage/sqlite/database.h"

namespace stoker::sqlite {

inline constexpr std::int64_t kSchemaVersion = 1;
// "STKR" as the file's application id, so that the file says whose it is.
inline constexpr std::int64_t kApplicationId = 0x53544b52;
// A larger file is not searched for damage as a whole at the start, only its small tables.
inline constexpr std::int64_t kCheckWholeBytesMax = 256LL * 1024 * 1024;

// Creates the tables in an empty file; accepts a file of this version; refuses others. Writes
// nothing when it refuses.
Result<void> prepare_schema(Database& database, const std::string& path);

// Every connection that writes: WAL, synchronous FULL, deleted bytes overwritten, nothing in
// temporary files.
Result<void> prepare_writer(Database& database);

// Writes the tables that hold people's words anew, so that nothing of what was deleted is left.
// secure_delete alone does not do it: when SQLite moves rows between pages, copies of them can stay
// in the unused part of a page. A dropped table's pages are overwritten as a whole. Costs as much
// as the words that are kept; the journal is not touched.
Result<void> rewrite_words(Database& database);

// Looks for damage after a shutdown that was not clean. Reads at most about kCheckWholeBytesMax.
Result<void> check_for_damage(Database& database, const std::string& path);

}  // namespace stoker::sqlite
