// A store that fails or dies at a chosen commit, for tests of what stands on a store.
//
// Purpose: "what if the disk is full at commit N", "what if the process dies at commit N". It wraps
//   another store. Commits are counted from 1 over the life of this object.
// Threading: the loop only.
// Ownership: owns the store inside. A `done` that is on the loop when a crash comes is never
//   called, as if the process had died; this holds also after this object is gone.
// Crash: commit N and every later call is swallowed, its `done` never comes, reads fail with
//   internal. The next store, opened on the same disk after this one is destroyed, has what was
//   given before N, and N itself if so chosen.
#pragma once

#include <cstddef>
#include <memory>

#include "storage/store.h"

namespace stoker {

class FaultyStore final : public Store {
 public:
  // What becomes of the commit at which the crash comes; nobody has heard of it in either case.
  enum class LastBatch : std::uint8_t { lost, written };

  explicit FaultyStore(std::unique_ptr<Store> inner);

  // Commits `first` to `first + count - 1` write nothing and fail with `error`.
  void fail_commits(std::size_t first, std::size_t count, Error error);
  void crash_at_commit(std::size_t number, LastBatch last);

  std::size_t commits() const { return commits_; }
  bool crashed() const;

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
  Done unless_crashed(Done done) const;
  bool fails_now() const;

  std::unique_ptr<Store> inner_;
  // Shared with the `done`s that wait on the loop, which may outlive this object.
  std::shared_ptr<bool> crashed_ = std::make_shared<bool>(false);
  std::size_t commits_ = 0;
  std::size_t fail_first_ = 0;
  std::size_t fail_count_ = 0;
  Error error_;
  std::size_t crash_number_ = 0;  // 0: never
  LastBatch last_ = LastBatch::lost;
};

}  // namespace stoker
