#include "storage/sqlite/sqlite_store.h"

#include <system_error>
#include <utility>
#include <variant>

#include "storage/batch_check.h"

namespace stoker {

using sqlite::Call;
using sqlite::CallQueue;

Result<std::unique_ptr<Store>> SqliteStore::open(const std::string& directory, Loop& loop) {
  auto lock = sqlite::DirectoryLock::take(directory);
  if (!lock) return fail(std::move(lock.error()));
  const std::string path = database_path(directory);
  auto writer = sqlite::Writer::open(path);
  if (!writer) return fail(std::move(writer.error()));
  auto reader = sqlite::RowReader::open(path);
  if (!reader) return fail(std::move(reader.error()));
  try {
    return std::unique_ptr<Store>(
        new SqliteStore(*std::move(lock), path, *std::move(writer), *std::move(reader), loop));
  } catch (const std::system_error& error) {
    return fail(ErrorCode::internal, std::string("no thread for the store: ") + error.what());
  }
}

SqliteStore::SqliteStore(sqlite::DirectoryLock lock, std::string path,
                         std::unique_ptr<sqlite::Writer> writer,
                         std::unique_ptr<sqlite::RowReader> reader, Loop& loop)
    : lock_(std::move(lock)),
      path_(std::move(path)),
      loop_(loop),
      writer_(std::move(writer)),
      reader_(std::move(reader)),
      thread_([this] { write_until_closed(); }) {}

SqliteStore::~SqliteStore() {
  queue_.close();
  thread_.join();
}

void SqliteStore::commit(Batch batch, Done done) {
  if (auto ok = check_batch(batch); !ok) return tell(std::move(done), std::move(ok));
  const std::size_t bytes = batch_bytes(batch);
  give({std::move(batch), std::move(done), bytes});
}

void SqliteStore::erase(Erasure erasure, Done done) {
  give({erasure, std::move(done), sizeof(Call)});
}

void SqliteStore::backup(BackupOptions options, Done done) {
  give({std::move(options), std::move(done), sizeof(Call)});
}

void SqliteStore::give(Call call) {
  auto refused = queue_.push(std::move(call));
  if (refused)
    tell(std::move(refused->done), fail(ErrorCode::queue_full, "too much waits to be written"));
}

void SqliteStore::tell(Done done, Result<void> result) {
  loop_.post(
      [done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
}

void SqliteStore::finish(Call& call, Result<void> result) {
  queue_.finish(1, call.bytes);
  tell(std::move(call.done), std::move(result));
}

void SqliteStore::write_until_closed() {
  while (!queue_.drained() || backup_) {
    auto patience = writer_->wants_checkpoint() ? CallQueue::Patience::until_idle
                                                : CallQueue::Patience::forever;
    if (backup_) patience = CallQueue::Patience::none;
    std::vector<Call> calls = queue_.take(patience);
    const bool idle = calls.empty() && !backup_;
    serve(std::move(calls));
    if (backup_) step_backup();
    if (idle) writer_->checkpoint();
  }
}

void SqliteStore::serve(std::vector<Call> calls) {
  std::size_t next = 0;
  while (next < calls.size()) {
    Call& call = calls[next];
    if (std::holds_alternative<Batch>(call.what)) {
      next = commit_group(calls, next);
      continue;
    }
    ++next;
    if (const auto* erasure = std::get_if<Erasure>(&call.what)) {
      finish(call, writer_->erase(*erasure, reader_->mutex()));
      continue;
    }
    queue_.finish(1, call.bytes);
    start_backup(std::get<BackupOptions>(call.what), std::move(call.done));
  }
}

// Writes the commits from `first` to the next other call as one group; returns where it stopped.
std::size_t SqliteStore::commit_group(std::vector<Call>& calls, std::size_t first) {
  std::vector<const Batch*> group;
  std::size_t bytes = 0;
  for (std::size_t i = first; i < calls.size() && bytes < kGroupBytesMax; ++i) {
    const Batch* const batch = std::get_if<Batch>(&calls[i].what);
    if (batch == nullptr) break;
    group.push_back(batch);
    bytes += calls[i].bytes;
  }
  std::vector<Result<void>> results = writer_->commit(group);
  for (std::size_t i = 0; i < group.size(); ++i) finish(calls[first + i], std::move(results[i]));
  return first + group.size();
}

void SqliteStore::start_backup(const BackupOptions& options, Done done) {
  if (backup_)
    return tell(std::move(done), fail(ErrorCode::conflict, "a backup is running", "backup"));
  auto begun = sqlite::Backup::begin(path_, options);
  if (!begun) return tell(std::move(done), fail(std::move(begun.error())));
  backup_.emplace(*std::move(begun), std::move(done));
}

void SqliteStore::step_backup() {
  const auto finished = backup_->backup.step();
  if (finished && !*finished) return;
  Done done = std::move(backup_->done);
  backup_.reset();
  if (!finished) return tell(std::move(done), fail(finished.error()));
  tell(std::move(done), {});
}

Result<void> SqliteStore::read_journal(std::int64_t from,
                                       const std::function<bool(const JournalRow&)>& visit) {
  return reader_->journal(from, visit);
}

Result<std::optional<std::string>> SqliteStore::read_content(JobId job, ContentKind kind) {
  return reader_->content(job, kind);
}

Result<std::vector<ContentRow>> SqliteStore::read_all_content() {
  return reader_->all_content();
}

Result<std::vector<DocumentRow>> SqliteStore::read_documents(DocumentKind kind) {
  return reader_->documents(kind);
}

Result<std::vector<TokenRow>> SqliteStore::read_tokens() {
  return reader_->tokens();
}

Result<std::vector<IdempotencyRow>> SqliteStore::read_idempotency() {
  return reader_->idempotency();
}

}  // namespace stoker
