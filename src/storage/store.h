// The store port: one journal, the texts beside it, and the small tables that must survive a
// restart.
//
// Purpose: everything that Stoker must not forget goes through one `commit`, all or nothing, in the
// order of the calls.
//   The journal holds numbers only; texts of people live in `content`, where they can be deleted on
//   a day.
// Threading: `commit` and `backup` are called on the loop and never block; `done` comes on the
// loop, in order. The reads
//   are synchronous and meant for the start and for offloaded work; they see every commit whose
//   `done` has come.
// Ownership: the store owns its writer thread and ends it, after writing what was given, when it is
// destroyed. The loop
//   must outlive it; a `done` that is still on the loop then holds nothing of the store.
// Order: `done` of commits and erasures in the order of the calls; of a backup when it is finished;
// of a refused call
//   (queue_full, too_large, bad_request) possibly ahead of earlier ones.
// Limits: kNumbersPerRowMax, kTextBytesMax, kKeyBytesMax (too_large); kStoreBacklogBatchesMax
// waiting calls of
//   kStoreBacklogBytesMax together (queue_full).
// Errors: disk_full (nothing of the batch was written; the store goes on), internal (damaged or
// unreadable file),
//   conflict (another process holds the same directory; a backup's path exists; detail names the
//   path), bad_request (a seq that does not grow). A batch that fails does not fail those after it;
//   its seqs stay unused.
// One contract test-suite (store_contract_test.h) runs against every implementation.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "domain/ids.h"
#include "domain/person.h"

namespace stoker {

inline constexpr std::size_t kNumbersPerRowMax = 4096;
inline constexpr std::size_t kTextBytesMax = 16 * 1024 * 1024;  // one text, one document
inline constexpr std::size_t kKeyBytesMax = 1024;               // one idempotency key
inline constexpr std::size_t kStoreBacklogBatchesMax = 100'000;
inline constexpr std::size_t kStoreBacklogBytesMax = 256 * 1024 * 1024;

// One controller input or decision. `type` and `numbers` are the business of the controller.
struct JournalRow {
  std::int64_t seq = 0;  // from 1, strictly growing; only a failed batch leaves a gap
  WallTime wall;
  Instant mono;
  std::uint16_t type = 0;
  JobId job;
  std::vector<std::int64_t> numbers = {};

  friend bool operator==(const JournalRow&, const JournalRow&) = default;
};

enum class ContentKind : std::uint8_t { prompt, result_text };

// A text of a person. Replaces an earlier one of the same job and kind.
struct ContentRow {
  JobId job;
  WorkshopId workshop;
  ContentKind kind = ContentKind::prompt;
  std::string text;
  WallTime delete_after;

  friend bool operator==(const ContentRow&, const ContentRow&) = default;
};

enum class DocumentKind : std::uint8_t {
  workshop,
  person,
  setting,
  dictionary,
  workshop_title,
  join_code,
  board_message,
  group_title,
};

// A small JSON object that is kept in its newest form.
struct DocumentRow {
  DocumentKind kind = DocumentKind::setting;
  std::uint64_t id = 0;
  std::string json;  // empty: removes the document

  friend bool operator==(const DocumentRow&, const DocumentRow&) = default;
};

using TokenHash = std::array<std::uint8_t, 32>;

struct TokenRow {
  TokenHash hash{};
  Role role = Role::participant;
  WorkshopId workshop;  // none: everywhere
  PersonId person;      // participants
  WallTime created;
  bool revoked = false;

  friend bool operator==(const TokenRow&, const TokenRow&) = default;
};

// (token, key) → job: the same request sent twice makes one job.
struct IdempotencyRow {
  TokenHash token{};
  std::string key;
  TokenHash body_hash{};
  JobId job;
  WallTime created;

  friend bool operator==(const IdempotencyRow&, const IdempotencyRow&) = default;
};

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
  // All texts of it, and the person documents of its participants (those who hold a participant
  // token of it).
  std::optional<WorkshopId> workshop = {};
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
