#include "storage/sqlite/database.h"

#include <cerrno>

namespace stoker::sqlite {
namespace {

bool out_of_room(int system_error) {
  return system_error == ENOSPC || system_error == EDQUOT || system_error == EFBIG;
}

}  // namespace

Error last_error(sqlite3* database) {
  // SQLite keeps the system's error of a failed statement, but not of a failed COMMIT; there errno
  // still has it.
  const bool no_room = out_of_room(errno) || out_of_room(sqlite3_system_errno(database));
  const int code = sqlite3_extended_errcode(database);
  const int primary = code & 0xff;
  std::string detail = sqlite3_errmsg(database);
  const bool full = primary == SQLITE_FULL ||
                    (no_room && (primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN));
  if (full) return {ErrorCode::disk_full, "the database's disk is full (" + detail + ")"};
  return {ErrorCode::internal,
          "the database failed with code " + std::to_string(code) + " (" + detail + ")"};
}

Statement& Statement::bind(int parameter, std::int64_t value) {
  sqlite3_bind_int64(handle_.get(), parameter, value);
  return *this;
}

Statement& Statement::bind_text(int parameter, std::string_view text) {
  sqlite3_bind_text64(handle_.get(), parameter, text.data(), text.size(), SQLITE_STATIC,
                      SQLITE_UTF8);
  return *this;
}

Statement& Statement::bind_bytes(int parameter, std::string_view bytes) {
  // A null pointer would bind NULL instead of no bytes.
  const char* const data = bytes.empty() ? "" : bytes.data();
  sqlite3_bind_blob64(handle_.get(), parameter, data, bytes.size(), SQLITE_STATIC);
  return *this;
}

Result<bool> Statement::next() {
  errno = 0;
  const int code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return fail(last_error(sqlite3_db_handle(handle_.get())));
}

Result<void> Statement::run() {
  for (;;) {
    const auto row = next();
    if (row && *row) continue;
    reset();
    if (!row) return fail(row.error());
    return {};
  }
}

std::string_view Statement::bytes(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(handle_.get(), column));
  if (data == nullptr) return {};
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column))};
}

Result<Database> Database::open(const std::string& path) {
  sqlite3* handle = nullptr;
  errno = 0;
  const int code =
      sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  Database database(handle);
  if (handle == nullptr) return fail(ErrorCode::internal, "no memory for a database connection");
  if (code != SQLITE_OK) return fail(last_error(handle));
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, kBusyMaxMs);
  return database;
}

Result<void> Database::run(const std::string& sql) {
  errno = 0;
  if (sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    return fail(last_error(handle_.get()));
  }
  return {};
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  errno = 0;
  const int code = sqlite3_prepare_v2(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                      &statement, nullptr);
  if (code != SQLITE_OK) return fail(last_error(handle_.get()));
  return Statement(statement);
}

Result<std::int64_t> Database::integer(std::string_view sql) {
  auto statement = prepare(sql);
  if (!statement) return fail(std::move(statement.error()));
  const auto row = statement->next();
  if (!row) return fail(row.error());
  return *row ? statement->integer(0) : 0;
}

Result<std::string> Database::text(std::string_view sql) {
  auto statement = prepare(sql);
  if (!statement) return fail(std::move(statement.error()));
  const auto row = statement->next();
  if (!row) return fail(row.error());
  return std::string(*row ? statement->bytes(0) : std::string_view{});
}

Result<Transaction> Transaction::begin(Database& database) {
  if (auto begun = database.run("BEGIN IMMEDIATE"); !begun) return fail(std::move(begun.error()));
  return Transaction(database);
}

Transaction::~Transaction() {
  if (database_ == nullptr) return;
  // SQLite has undone it already after some failures; then there is nothing left to do.
  if (sqlite3_get_autocommit(database_->handle()) == 0)
    static_cast<void>(database_->run("ROLLBACK"));
}

Result<void> Transaction::commit() {
  if (auto committed = database_->run("COMMIT"); !committed) return committed;
  database_ = nullptr;
  return {};
}

}  // namespace stoker::sqlite
