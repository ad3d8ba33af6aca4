// A store that keeps everything in memory, for simulations and tests.
//
// Purpose: the store contract without a disk. What it holds is a MemoryDisk that outlives it, so
//   that a test can close a store, or let it crash, and open the next one on what is left.
// Threading: the loop only; a commit is in the disk at once, its `done` is posted.
// Ownership: the disk and the loop are the caller's and must outlive the store. A disk has one
//   store at a time.
// Errors: as in store.h; never disk_full and never queue_full (see faulty_store.h for those).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/loop.h"
#include "storage/store.h"

namespace stoker {

struct MemoryDisk {
  using IdempotencyKey = std::pair<TokenHash, std::string>;

  std::vector<JournalRow> journal;
  std::map<std::pair<JobId, ContentKind>, ContentRow> content;
  std::map<std::pair<DocumentKind, std::uint64_t>, DocumentRow> documents;
  std::map<TokenHash, TokenRow> tokens;
  std::map<IdempotencyKey, IdempotencyRow> idempotency;
  std::map<std::string, MemoryDisk> backups;  // by path
  bool held = false;                          // a store is open on it
};

class MemoryStore final : public Store {
 public:
  // conflict: another store is open on the disk.
  static Result<std::unique_ptr<Store>> open(MemoryDisk& disk, Loop& loop);

  ~MemoryStore() override;
  MemoryStore(const MemoryStore&) = delete;
  MemoryStore& operator=(const MemoryStore&) = delete;

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
  MemoryStore(MemoryDisk& disk, Loop& loop) : disk_(disk), loop_(loop) { disk_.held = true; }

  Result<void> write(Batch batch);
  Result<void> copy_to(const BackupOptions& options);
  void tell(Done done, Result<void> result);

  MemoryDisk& disk_;
  Loop& loop_;
};

}  // namespace stoker
