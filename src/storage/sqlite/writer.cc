#include "storage/sqlite/writer.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "storage/batch_check.h"
#include "storage/file_handle.h"
#include "storage/file_sync.h"
#include "storage/sqlite/schema.h"
#include "storage/system_error.h"

namespace stoker::sqlite {
namespace {

// Made by hand for its rights: SQLite gives its other files the rights of this one.
Result<void> create_file(const std::string& path) {
  const FileHandle file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) return fail(system_error("open " + path, errno));
  return sync_folder_of(path);
}

// A clean shutdown leaves no write-ahead log.
bool was_shut_down_cleanly(const std::string& path) {
  struct stat found{};
  return stat((path + "-wal").c_str(), &found) != 0 || found.st_size == 0;
}

}  // namespace

Result<std::unique_ptr<Writer>> Writer::open(const std::string& path) {
  const bool clean = was_shut_down_cleanly(path);
  if (auto created = create_file(path); !created) return fail(std::move(created.error()));
  auto database = Database::open(path);
  if (!database) return fail(std::move(database.error()));
  if (auto prepared = prepare_schema(*database, path); !prepared)
    return fail(std::move(prepared.error()));
  if (auto prepared = prepare_writer(*database); !prepared)
    return fail(std::move(prepared.error()));
  if (!clean) {
    if (auto sound = check_for_damage(*database, path); !sound)
      return fail(std::move(sound.error()));
  }

  std::unique_ptr<Writer> writer(new Writer(*std::move(database)));
  auto rows = RowWriter::open(writer->database_);
  if (!rows) return fail(std::move(rows.error()));
  writer->rows_ = *std::move(rows);
  const auto last_seq = writer->rows_->last_seq();
  if (!last_seq) return fail(last_seq.error());
  writer->last_seq_ = *last_seq;

  const auto note_pages = [](void* pages, sqlite3*, const char*, int count) {
    *static_cast<int*>(pages) = count;
    return SQLITE_OK;
  };
  sqlite3_wal_hook(writer->database_.handle(), note_pages, &writer->wal_pages_);
  return writer;
}

std::vector<Result<void>> Writer::commit(std::span<const Batch* const> group) {
  std::vector<Result<void>> results(group.size());
  const auto written = write_group(group, results);
  if (written) {
    if (wal_pages_ > kWalPagesMax) checkpoint();
    return results;
  }
  if (group.size() == 1) {
    results.front() = written;
    return results;
  }
  for (std::size_t i = 0; i < group.size(); ++i) results[i] = commit(group.subspan(i, 1)).front();
  return results;
}

Result<void> Writer::write_group(std::span<const Batch* const> group,
                                 std::vector<Result<void>>& results) {
  auto transaction = Transaction::begin(database_);
  if (!transaction) {
    // Another program holds the file, and was waited for: asking once more for each batch would not
    // help.
    results.assign(group.size(), fail(transaction.error()));
    return {};
  }
  std::int64_t last_seq = last_seq_;
  for (std::size_t i = 0; i < group.size(); ++i) {
    results[i] = check_follows(*group[i], last_seq);
    if (!results[i]) continue;
    if (auto written = rows_->write(*group[i]); !written) return written;
    if (!group[i]->journal.empty()) last_seq = group[i]->journal.back().seq;
  }
  if (auto committed = transaction->commit(); !committed) return committed;
  last_seq_ = last_seq;
  return {};
}

Result<void> Writer::delete_rows(const Erasure& erasure) {
  auto transaction = Transaction::begin(database_);
  if (!transaction) return fail(std::move(transaction.error()));
  if (auto erased = rows_->erase(erasure); !erased) return erased;
  return transaction->commit();
}

Result<void> Writer::erase(const Erasure& erasure, std::mutex& readers) {
  // Two transactions: where the disk has no room to write the rest anew, the words are at least
  // gone from every read.
  if (auto deleted = delete_rows(erasure); !deleted) return deleted;
  if (auto rewritten = rewrite_words(database_); !rewritten) return rewritten;
  const std::lock_guard lock(readers);
  errno = 0;
  const int code = sqlite3_wal_checkpoint_v2(database_.handle(), nullptr,
                                             SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  if (code != SQLITE_OK) return fail(last_error(database_.handle()));
  wal_pages_ = 0;
  return {};
}

void Writer::checkpoint() {
  // Its failure loses nothing: the log still has everything, and the next commit or checkpoint
  // tells.
  sqlite3_wal_checkpoint_v2(database_.handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr,
                            nullptr);
  wal_pages_ = 0;
}

}  // namespace stoker::sqlite
