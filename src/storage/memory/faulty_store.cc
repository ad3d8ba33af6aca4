#include "storage/memory/faulty_store.h"

namespace stoker {
namespace {

std::unexpected<Error> dead() {
  return fail(ErrorCode::internal, "the store has crashed");
}

}  // namespace

FaultyStore::FaultyStore(std::unique_ptr<Store> inner) : inner_(std::move(inner)) {}

void FaultyStore::fail_commits(std::size_t first, std::size_t count, Error error) {
  fail_first_ = first;
  fail_count_ = count;
  error_ = std::move(error);
}

void FaultyStore::crash_at_commit(std::size_t number, LastBatch last) {
  crash_number_ = number;
  last_ = last;
}

bool FaultyStore::crashed() const {
  return *crashed_;
}

bool FaultyStore::fails_now() const {
  return commits_ >= fail_first_ && commits_ < fail_first_ + fail_count_;
}

Store::Done FaultyStore::unless_crashed(Done done) const {
  return [crashed = crashed_, done = std::move(done)](Result<void> result) mutable {
    if (!*crashed) done(std::move(result));
  };
}

void FaultyStore::commit(Batch batch, Done done) {
  if (*crashed_) return;
  ++commits_;
  if (commits_ == crash_number_) {
    *crashed_ = true;
    if (last_ == LastBatch::written) inner_->commit(std::move(batch), [](Result<void>) {});
    return;
  }
  if (!fails_now()) {
    inner_->commit(std::move(batch), unless_crashed(std::move(done)));
    return;
  }
  // An empty commit keeps the failure in order among the others.
  inner_->commit(Batch{}, [done = unless_crashed(std::move(done)),
                           error = error_](Result<void>) mutable { done(fail(std::move(error))); });
}

void FaultyStore::erase(Erasure erasure, Done done) {
  if (!*crashed_) inner_->erase(erasure, unless_crashed(std::move(done)));
}

void FaultyStore::backup(BackupOptions options, Done done) {
  if (!*crashed_) inner_->backup(std::move(options), unless_crashed(std::move(done)));
}

Result<void> FaultyStore::read_journal(std::int64_t from,
                                       const std::function<bool(const JournalRow&)>& visit) {
  if (*crashed_) return dead();
  return inner_->read_journal(from, visit);
}

Result<std::optional<std::string>> FaultyStore::read_content(JobId job, ContentKind kind) {
  if (*crashed_) return dead();
  return inner_->read_content(job, kind);
}

Result<std::vector<ContentRow>> FaultyStore::read_all_content() {
  if (*crashed_) return dead();
  return inner_->read_all_content();
}

Result<std::vector<DocumentRow>> FaultyStore::read_documents(DocumentKind kind) {
  if (*crashed_) return dead();
  return inner_->read_documents(kind);
}

Result<std::vector<TokenRow>> FaultyStore::read_tokens() {
  if (*crashed_) return dead();
  return inner_->read_tokens();
}

Result<std::vector<IdempotencyRow>> FaultyStore::read_idempotency() {
  if (*crashed_) return dead();
  return inner_->read_idempotency();
}

}  // namespace stoker
