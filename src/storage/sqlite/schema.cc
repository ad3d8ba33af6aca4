#include "storage/sqlite/schema.h"

#include <span>
#include <string_view>
#include <vector>

namespace stoker::sqlite {
namespace {

struct Table {
  std::string name;
  std::string definition;  // what follows the name
  std::string indexes;
};

Table event_table() {
  return {"event",
          "(seq INTEGER PRIMARY KEY, wall_ms INTEGER NOT NULL, mono_us INTEGER NOT NULL, type "
          "INTEGER NOT NULL,"
          " job INTEGER NOT NULL, numbers TEXT NOT NULL) STRICT",
          ""};
}

Table token_table() {
  return {"token",
          "(hash BLOB PRIMARY KEY, role INTEGER NOT NULL, workshop INTEGER NOT NULL, person "
          "INTEGER NOT NULL,"
          " created_ms INTEGER NOT NULL, revoked INTEGER NOT NULL) STRICT, WITHOUT ROWID",
          ""};
}

// The tables that hold what people wrote.
std::vector<Table> tables_of_words() {
  return {
      {"content",
       "(id INTEGER PRIMARY KEY, job INTEGER NOT NULL, kind INTEGER NOT NULL, workshop INTEGER NOT "
       "NULL,"
       " bytes BLOB NOT NULL, delete_after INTEGER NOT NULL, UNIQUE(job, kind)) STRICT",
       "CREATE INDEX content_by_workshop ON content(workshop);"
       "CREATE INDEX content_by_day ON content(delete_after);"},
      {"document",
       "(kind INTEGER NOT NULL, id INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY(kind, id)) "
       "STRICT",
       ""},
      {"idempotency",
       "(token BLOB NOT NULL, key BLOB NOT NULL, body_hash BLOB NOT NULL, job INTEGER NOT NULL,"
       " created_ms INTEGER NOT NULL, PRIMARY KEY(token, key)) STRICT, WITHOUT ROWID",
       ""},
  };
}

Result<void> create_tables(Database& database) {
  auto transaction = Transaction::begin(database);
  if (!transaction) return fail(std::move(transaction.error()));
  std::vector<Table> tables = tables_of_words();
  tables.push_back(event_table());
  tables.push_back(token_table());
  std::string sql = "PRAGMA user_version=" + std::to_string(kSchemaVersion) +
                    ";PRAGMA application_id=" + std::to_string(kApplicationId) + ";";
  for (const Table& table : tables) {
    sql += "CREATE TABLE " + table.name + table.definition + ";" + table.indexes;
  }
  if (auto ran = database.run(sql); !ran) return ran;
  return transaction->commit();
}

std::unexpected<Error> damaged(const std::string& path, const std::string& what) {
  return fail(ErrorCode::internal,
              path + " is damaged or no database: restore a backup (" + what + ")", "database");
}

}  // namespace

Result<void> prepare_schema(Database& database, const std::string& path) {
  const auto version = database.integer("PRAGMA user_version");
  if (!version) return damaged(path, version.error().detail);
  const auto application = database.integer("PRAGMA application_id");
  if (!application) return damaged(path, application.error().detail);
  const auto tables = database.integer("SELECT count(*) FROM sqlite_schema");
  if (!tables) return damaged(path, tables.error().detail);

  if (*tables == 0 && *version == 0 && *application == 0) return create_tables(database);
  if (*application != kApplicationId) {
    return fail(ErrorCode::internal, path + " is the database of another program", "database");
  }
  if (*version == kSchemaVersion) return {};
  return fail(ErrorCode::internal,
              path + " has schema version " + std::to_string(*version) +
                  ", this program knows version " + std::to_string(kSchemaVersion) +
                  ": use the Stoker that wrote it, or a newer one",
              "schema");
}

Result<void> prepare_writer(Database& database) {
  const auto mode = database.text("PRAGMA journal_mode=WAL");
  if (!mode) return fail(mode.error());
  if (*mode != "wal") {
    return fail(ErrorCode::internal,
                "the database's folder does not support WAL (a network file system?)", "database");
  }
  return database.run(
      "PRAGMA synchronous=FULL; PRAGMA secure_delete=ON; PRAGMA foreign_keys=ON; PRAGMA "
      "temp_store=MEMORY");
}

Result<void> rewrite_words(Database& database) {
  auto transaction = Transaction::begin(database);
  if (!transaction) return fail(std::move(transaction.error()));
  for (const Table& table : tables_of_words()) {
    const std::string kept = table.name + "_kept";
    const std::string sql = "CREATE TABLE " + kept + table.definition + ";INSERT INTO " + kept +
                            " SELECT * FROM " + table.name + ";DROP TABLE " + table.name +
                            ";ALTER TABLE " + kept + " RENAME TO " + table.name + ";" +
                            table.indexes;
    if (auto ran = database.run(sql); !ran) return ran;
  }
  return transaction->commit();
}

Result<void> check_for_damage(Database& database, const std::string& path) {
  const auto bytes =
      database.integer("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size");
  if (!bytes) return damaged(path, bytes.error().detail);
  const std::string_view whole[] = {"PRAGMA quick_check(1)"};
  const std::string_view small[] = {"PRAGMA quick_check(document)", "PRAGMA quick_check(token)",
                                    "PRAGMA quick_check(idempotency)"};
  const auto checks =
      *bytes <= kCheckWholeBytesMax ? std::span<const std::string_view>(whole) : small;
  for (const std::string_view check : checks) {
    const auto verdict = database.text(check);
    if (!verdict) return damaged(path, verdict.error().detail);
    if (*verdict != "ok") return damaged(path, *verdict);
  }
  return {};
}

}  // namespace stoker::sqlite
