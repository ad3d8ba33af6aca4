// Rows in and out of the tables: prepared statements, one per kind of row.
//
// Threading: a RowWriter belongs to the thread of its connection. RowReader takes turns by a mutex
//   inside.
// Ownership: RowWriter borrows its Database; RowReader owns one of its own.
// Errors: as in database.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "storage/sqlite/database.h"
#include "storage/store.h"

namespace stoker::sqlite {

// Writes rows; the caller holds the transaction.
class RowWriter {
 public:
  static Result<RowWriter> open(Database& database);

  Result<void> write(const Batch& batch);
  Result<void> erase(const Erasure& erasure);
  Result<std::int64_t> last_seq();

 private:
  RowWriter(Database& database, std::vector<Statement> statements)
      : database_(&database), statements_(std::move(statements)) {}

  Result<void> write_journal(const Batch& batch);
  Result<void> write_content(const Batch& batch);
  Result<void> write_documents(const Batch& batch);
  Result<void> write_tokens(const Batch& batch);
  Result<void> write_idempotency(const Batch& batch);

  Database* database_;
  std::vector<Statement> statements_;
  std::string numbers_;  // reused for each row
};

// Reads rows on a connection of its own, in pieces: a long read never keeps the writer's checkpoint
// waiting for long.
class RowReader {
 public:
  static constexpr int kJournalPieceRows = 512;

  static Result<std::unique_ptr<RowReader>> open(const std::string& path);

  Result<void> journal(std::int64_t from, const std::function<bool(const JournalRow&)>& visit);
  Result<std::optional<std::string>> content(JobId job, ContentKind kind);
  Result<std::vector<ContentRow>> all_content();
  Result<std::vector<DocumentRow>> documents(DocumentKind kind);
  Result<std::vector<TokenRow>> tokens();
  Result<std::vector<IdempotencyRow>> idempotency();

  // Held by whoever needs that nobody reads.
  std::mutex& mutex() { return mutex_; }

 private:
  explicit RowReader(Database database) : database_(std::move(database)) {}

  Result<std::vector<JournalRow>> journal_piece(std::int64_t from);
  template <class Row>
  Result<std::vector<Row>> rows(std::string_view sql, std::int64_t parameter,
                                Result<Row> (*read)(const Statement&));

  std::mutex mutex_;  // guards database_
  Database database_;
};

}  // namespace stoker::sqlite
