#include "storage/sqlite/backup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "storage/file_handle.h"
#include "storage/file_sync.h"
#include "storage/sqlite/schema.h"
#include "storage/system_error.h"

namespace stoker::sqlite {
namespace {

std::unexpected<Error> exists(const std::string& path) {
  return fail(ErrorCode::conflict, "the backup file exists: " + path, path);
}

// Not every file system (a USB stick's, for one) can rename without replacing.
Result<void> rename_without_replacing(const std::string& from, const std::string& to) {
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return {};
  if (errno == EEXIST) return exists(to);
  if (errno != EINVAL && errno != ENOSYS) return fail(system_error("rename " + from, errno));
  struct stat found{};
  if (lstat(to.c_str(), &found) == 0) return exists(to);
  if (rename(from.c_str(), to.c_str()) != 0) return fail(system_error("rename " + from, errno));
  return {};
}

Result<void> attach(Database& database, const std::string& source) {
  auto statement = database.prepare("ATTACH DATABASE ?1 AS source");
  if (!statement) return fail(std::move(statement.error()));
  return statement->bind_text(1, source).run();
}

}  // namespace

Result<Backup> Backup::begin(const std::string& database_path, const BackupOptions& options) {
  struct stat found{};
  if (lstat(options.path.c_str(), &found) == 0) return exists(options.path);
  const std::string part = options.path + ".part";
  unlink(part.c_str());  // of an earlier life
  {
    const FileHandle file(
        open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) return fail(system_error("create " + part, errno));
  }
  auto database = Database::open(part);
  if (!database) {
    unlink(part.c_str());
    return fail(std::move(database.error()));
  }
  Backup backup(*std::move(database), options.path);
  // The file counts only once it is complete and synced, so that it needs no journal of its own
  // before.
  const char* const kSettings =
      "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA temp_store=MEMORY";
  if (auto ran = backup.database_.run(kSettings); !ran) return fail(ran.error());
  if (auto made = prepare_schema(backup.database_, part); !made) return fail(made.error());
  if (auto attached = attach(backup.database_, database_path); !attached)
    return fail(attached.error());
  if (auto copied = backup.copy_small_tables(options); !copied) return fail(copied.error());
  return backup;
}

Backup::~Backup() {
  if (!path_.empty()) unlink(part_path().c_str());
}

Result<void> Backup::copy_small_tables(const BackupOptions& options) {
  std::string sql =
      "BEGIN;"
      "INSERT INTO main.document SELECT * FROM source.document;"
      "INSERT INTO main.idempotency SELECT * FROM source.idempotency;";
  if (options.with_content) sql += "INSERT INTO main.content SELECT * FROM source.content;";
  if (auto ran = database_.run(sql); !ran) return ran;
  // Within the transaction: the journal's end belongs to the same moment as the tables.
  const auto last = database_.integer("SELECT max(seq) FROM source.event");
  if (!last) return fail(last.error());
  last_ = *last;
  return database_.run("COMMIT");
}

Result<bool> Backup::step() {
  const std::string range =
      "seq > " + std::to_string(copied_) + " AND seq <= " + std::to_string(last_);
  const auto copied = database_.run("INSERT INTO main.event SELECT * FROM source.event WHERE " +
                                    range + " ORDER BY seq LIMIT " + std::to_string(kPieceRows));
  if (!copied) return fail(copied.error());
  const auto reached = database_.integer("SELECT max(seq) FROM main.event");
  if (!reached) return fail(reached.error());
  copied_ = *reached;
  if (copied_ < last_) return false;
  if (auto finished = finish(); !finished) return fail(finished.error());
  return true;
}

Result<void> Backup::finish() {
  if (auto detached = database_.run("DETACH DATABASE source"); !detached) return detached;
  // Every change was written at its COMMIT, so the open connection has nothing to add.
  if (auto synced = sync_path(part_path(), O_RDONLY); !synced) return synced;
  if (auto renamed = rename_without_replacing(part_path(), path_); !renamed) return renamed;
  return sync_folder_of(std::exchange(path_, {}));
}

}  // namespace stoker::sqlite
