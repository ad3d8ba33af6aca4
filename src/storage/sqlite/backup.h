// Copies a running database into a new file, piece by piece.
//
// Purpose: a backup never makes commits wait longer than one piece. The first piece copies
//   documents, idempotency entries and, if asked, the texts, and fixes where the journal ends; the
//   rest of the journal, which only grows, follows in pieces of kPieceRows.
// Threading: used by the store's writer thread, between its commits; on a connection of its own.
// Ownership: the unfinished file (PATH.part) is removed unless `step` reached the end.
// Errors: conflict (PATH exists), disk_full, internal.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "base/error.h"
#include "storage/sqlite/database.h"
#include "storage/store.h"

namespace stoker::sqlite {

class Backup {
 public:
  static constexpr std::int64_t kPieceRows = 500;

  static Result<Backup> begin(const std::string& database_path, const BackupOptions& options);
  ~Backup();
  Backup(Backup&& other) noexcept
      : database_(std::move(other.database_)),
        path_(std::exchange(other.path_, {})),
        copied_(other.copied_),
        last_(other.last_) {}
  Backup& operator=(Backup&&) = delete;

  // Copies one piece; true when the backup is complete under its name.
  Result<bool> step();

 private:
  Backup(Database database, std::string path)
      : database_(std::move(database)), path_(std::move(path)) {}

  Result<void> copy_small_tables(const BackupOptions& options);
  Result<void> finish();
  std::string part_path() const { return path_ + ".part"; }

  Database database_;
  std::string path_;  // empty: finished or moved from
  std::int64_t copied_ = 0;
  std::int64_t last_ = 0;
};

}  // namespace stoker::sqlite
