// The store in one SQLite file, DIR/stoker.db, beside it DIR/lock: the embedded default.
//
// Purpose: durable commits at the price of one fsync per group. The writer thread takes what waits,
//   at most kTakenMax calls, writes it as one transaction (WAL, synchronous FULL) and tells each
//   caller through the loop. It never waits for a group to fill: while one transaction syncs, the
//   next group gathers.
// Threading: as in store.h. Reads use a second connection behind a mutex and may come from several
//   threads; a `read_journal` visitor may read and commit.
// Ownership: one process per folder. The destructor writes what was given, finishes a running
//   backup and joins the thread.
// Erasing: rows are overwritten (secure_delete) and the write-ahead log is emptied; this waits for
//   reads that run, and up to Database::kBusyMaxMs for another program that reads the file.
// Backup: copied in pieces between commits, one at a time (conflict while one runs).
// Damage: a file that cannot be a database, or has another program's or a newer schema, is refused
//   at `open`. After a shutdown that was not clean a quick check runs, of the whole file up to
//   kCheckWholeBytesMax, else of its small tables.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/loop.h"
#include "storage/sqlite/backup.h"
#include "storage/sqlite/call_queue.h"
#include "storage/sqlite/directory_lock.h"
#include "storage/sqlite/rows.h"
#include "storage/sqlite/writer.h"
#include "storage/store.h"

namespace stoker {

class SqliteStore final : public Store {
 public:
  static Result<std::unique_ptr<Store>> open(const std::string& directory, Loop& loop);
  static std::string database_path(const std::string& directory) {
    return directory + "/stoker.db";
  }

  ~SqliteStore() override;
  SqliteStore(const SqliteStore&) = delete;
  SqliteStore& operator=(const SqliteStore&) = delete;

  void commit(Batch batch, Done done) override;
  void erase(Erasure erasure, Done done) override;
  void backup(BackupOptions options, Done done) override;

  Result<void> read_journal(std::int64_t from,
                            const std::function<bool(const JournalRow&)>& visit) override;
  Result<std::optional<std::string>> read_content(JobId job, ContentKind kind) override;
  Result<std::vector<ContentRow>> read_all_content() override;
  Result<std::vector<DocumentRow>> read_documents(DocumentKind kind) override;
  Result<std::vector<TokenRow>> read_tokens() override;
  Result<std::vector<IdempotencyRow>> read_idempotency() override;

 private:
  // A group also ends here, so that one large commit does not drag the next ones into its wait.
  static constexpr std::size_t kGroupBytesMax = 4 * 1024 * 1024;

  struct RunningBackup {
    sqlite::Backup backup;
    Done done;
  };

  SqliteStore(sqlite::DirectoryLock lock, std::string path, std::unique_ptr<sqlite::Writer> writer,
              std::unique_ptr<sqlite::RowReader> reader, Loop& loop);

  void give(sqlite::Call call);
  void tell(Done done, Result<void> result);

  // On the writer thread.
  void write_until_closed();
  void serve(std::vector<sqlite::Call> calls);
  std::size_t commit_group(std::vector<sqlite::Call>& calls, std::size_t first);
  void start_backup(const BackupOptions& options, Done done);
  void step_backup();
  void finish(sqlite::Call& call, Result<void> result);

  sqlite::DirectoryLock lock_;  // let go last
  std::string path_;
  Loop& loop_;
  sqlite::CallQueue queue_;
  std::unique_ptr<sqlite::Writer> writer_;
  std::unique_ptr<sqlite::RowReader> reader_;
  std::optional<RunningBackup> backup_;
  std::thread thread_;
};

}  // namespace stoker
