// The store port: one journal, the texts beside it, and the small tables that must survive a restart.
//
// Purpose: everything that Stoker must not forget goes through one `commit`, all or nothing, in the
//   order of the calls. The journal holds numbers only; texts of people live in `content`, where
//   they can be deleted on a day.
// Threading: `commit`, `erase` and `backup` are called on the loop and never block; `done` comes on
//   the loop. The reads are synchronous and meant for the start and for offloaded work; they see
//   every commit whose `done` has come.
// Ownership: the store owns its writer thread and ends it, after writing what was given, when it is
//   destroyed. The loop must outlive it; a `done` that is still on the loop then holds nothing of
//   the store.
// Order: `done` of commits and erasures in the order of the calls; of a backup when it is finished;
//   of a call that is refused for its size or for lack of room possibly ahead of earlier ones.
// Limits: those of records.h (too_large); kStoreBacklogBatchesMax waiting calls of
//   kStoreBacklogBytesMax together (queue_full).
// Errors: disk_full (nothing of the batch was written; the store goes on), internal (damaged or
//   unreadable file), conflict (another process holds the same directory; a backup's path exists or
//   a backup is running), bad_request (a seq that does not grow). A batch that fails does not fail
//   those after it; its seqs stay unused.
// One contract test-suite (store_contract_test.h) runs against every implementation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "domain/ids.h"
#include "storage/records.h"

namespace stoker {

inline constexpr std::size_t kStoreBacklogBatchesMax = 100'000;
inline constexpr std::size_t kStoreBacklogBytesMax = 256 * 1024 * 1024;

struct Batch {
  std::vector<JournalRow> journal = {};
  std::vector<ContentRow> content = {};
  std::vector<DocumentRow> documents = {};
  std::vector<TokenRow> tokens = {};  // replace by hash
  std::vector<IdempotencyRow> idempotency = {};

  bool empty() const {
    return journal.empty() && content.empty() && documents.empty() && tokens.empty() &&
           idempotency.empty();
  }
};

// What `erase` removes; texts are overwritten on disk, not only unlinked. Also overwrites what
// earlier commits replaced or removed, so an Erasure that names nothing is of use. An error means:
// gone from every read, perhaps not from the disk.
struct Erasure {
  std::optional<WorkshopId> workshop = {};   // every text of it
  std::optional<WallTime> content_due = {};  // every text whose delete_after is not later
  std::optional<WallTime> idempotency_before = {};
};

// A backup holds the journal, the documents and the idempotency table as they were at one moment.
// Tokens are never in it: whoever restores one hands out new ones.
struct BackupOptions {
  std::string path;  // must not exist; complete or not there at all
  bool with_content = false;
};

class Store {
 public:
  using Done = std::move_only_function<void(Result<void>)>;

  virtual ~Store() = default;

  // Durable when `done` comes without error.
  virtual void commit(Batch batch, Done done) = 0;
  virtual void erase(Erasure erasure, Done done) = 0;
  virtual void backup(BackupOptions options, Done done) = 0;

  // Rows with seq >= from, in order; the visitor returns false to stop. Others come in the order of
  // their keys.
  virtual Result<void> read_journal(std::int64_t from,
                                    const std::function<bool(const JournalRow&)>& visit) = 0;
  virtual Result<std::optional<std::string>> read_content(JobId job, ContentKind kind) = 0;
  virtual Result<std::vector<ContentRow>> read_all_content() = 0;
  virtual Result<std::vector<DocumentRow>> read_documents(DocumentKind kind) = 0;
  virtual Result<std::vector<TokenRow>> read_tokens() = 0;
  virtual Result<std::vector<IdempotencyRow>> read_idempotency() = 0;
};

}  // namespace stoker
