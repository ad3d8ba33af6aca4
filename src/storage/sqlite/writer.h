// What the writer thread does with the database: group commits, erasures, checkpoints.
//
// Purpose: the transactions without the thread. One transaction per group; a failure of the group
//   is told to the batch that caused it, the others are written one by one.
// Threading: one thread at a time.
// Ownership: owns the writing connection; not movable, because SQLite calls back into it.
// Limits: past kWalPagesMax pages the write-ahead log is copied into the file at once, before that
//   only when idle.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "storage/sqlite/database.h"
#include "storage/sqlite/rows.h"
#include "storage/store.h"

namespace stoker::sqlite {

class Writer {
 public:
  static constexpr int kWalPagesMax = 4000;

  // Creates the file where there is none; checks what it finds.
  static Result<std::unique_ptr<Writer>> open(const std::string& path);
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // One result per batch. All that succeed are on the disk when this returns.
  std::vector<Result<void>> commit(std::span<const Batch* const> group);

  // Deletes, overwrites, and empties the write-ahead log. `readers` is held while the log is
  // emptied. Takes as long as writing the words that are kept.
  Result<void> erase(const Erasure& erasure, std::mutex& readers);

  // Whether the log holds what a checkpoint could copy; `checkpoint` copies it without waiting for
  // anybody.
  bool wants_checkpoint() const { return wal_pages_ > 0; }
  void checkpoint();

 private:
  explicit Writer(Database database) : database_(std::move(database)) {}

  Result<void> write_group(std::span<const Batch* const> group, std::vector<Result<void>>& results);
  Result<void> delete_rows(const Erasure& erasure);

  Database database_;
  std::optional<RowWriter> rows_;
  std::int64_t last_seq_ = 0;
  int wal_pages_ = 0;  // since the last checkpoint
};

}  // namespace stoker::sqlite
