// A thin, owning layer over sqlite3: a connection, a statement, a transaction.
//
// Purpose: nothing leaks and every failure is an Error; the SQL stays visible at the place of use.
// Threading: a Database and its statements belong to one thread at a time (opened without SQLite's
//   own mutex).
// Ownership: a Statement must not outlive its Database. Bound bytes are lent until the next `run`,
//   `next` or `reset`.
// Errors: disk_full (no room, quota, file size limit), internal (everything else; detail has
//   SQLite's words, which never contain values).
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace stoker::sqlite {

class Statement {
 public:
  // Parameters count from 1.
  Statement& bind(int parameter, std::int64_t value);
  Statement& bind_text(int parameter, std::string_view text);
  Statement& bind_bytes(int parameter, std::string_view bytes);

  // The next row, false at the end. The columns are valid until the next call.
  Result<bool> next();
  // Runs to the end and makes the statement ready for the next time.
  Result<void> run();
  void reset() { sqlite3_reset(handle_.get()); }

  // Columns count from 0.
  std::int64_t integer(int column) const { return sqlite3_column_int64(handle_.get(), column); }
  std::string_view bytes(int column) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  explicit Statement(sqlite3_stmt* statement) : handle_(statement) {}

  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

class Database {
 public:
  // Opens a file that exists; waits kBusyMaxMs where another program holds a lock.
  static Result<Database> open(const std::string& path);
  static constexpr int kBusyMaxMs = 5000;

  Result<void> run(const std::string& sql);
  Result<Statement> prepare(std::string_view sql);
  // The first column of the first row as a number; 0 without a row.
  Result<std::int64_t> integer(std::string_view sql);
  // The same as a text; empty without a row.
  Result<std::string> text(std::string_view sql);

  sqlite3* handle() const { return handle_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
  };
  explicit Database(sqlite3* database) : handle_(database) {}

  std::unique_ptr<sqlite3, Close> handle_;
};

// A transaction that is undone unless `commit` succeeded.
class Transaction {
 public:
  // Takes the write lock at once.
  static Result<Transaction> begin(Database& database);
  ~Transaction();
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;

  Result<void> commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;  // null: nothing to undo
};

// The error that the call on this connection left which failed just now; reads errno, which the
// caller set to 0 before.
Error last_error(sqlite3* database);

}  // namespace stoker::sqlite
