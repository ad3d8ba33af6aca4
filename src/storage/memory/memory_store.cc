#include "storage/memory/memory_store.h"

#include <algorithm>

#include "storage/batch_check.h"

namespace stoker {

Result<std::unique_ptr<Store>> MemoryStore::open(MemoryDisk& disk, Loop& loop) {
  if (disk.held) return fail(ErrorCode::conflict, "another store is open on this memory");
  return std::unique_ptr<Store>(new MemoryStore(disk, loop));
}

MemoryStore::~MemoryStore() {
  disk_.held = false;
}

void MemoryStore::commit(Batch batch, Done done) {
  tell(std::move(done), write(std::move(batch)));
}

Result<void> MemoryStore::write(Batch batch) {
  if (auto ok = check_batch(batch); !ok) return ok;
  const std::int64_t last_seq = disk_.journal.empty() ? 0 : disk_.journal.back().seq;
  if (auto ok = check_follows(batch, last_seq); !ok) return ok;

  std::ranges::move(batch.journal, std::back_inserter(disk_.journal));
  for (ContentRow& row : batch.content) {
    disk_.content.insert_or_assign({row.job, row.kind}, std::move(row));
  }
  for (DocumentRow& row : batch.documents) {
    const std::pair key{row.kind, row.id};
    if (row.text.empty()) {
      disk_.documents.erase(key);
    } else {
      disk_.documents.insert_or_assign(key, std::move(row));
    }
  }
  for (const TokenRow& row : batch.tokens) disk_.tokens.insert_or_assign(row.hash, row);
  for (IdempotencyRow& row : batch.idempotency) {
    const MemoryDisk::IdempotencyKey key{row.token, row.key};
    disk_.idempotency.insert_or_assign(key, std::move(row));
  }
  return {};
}

void MemoryStore::erase(Erasure erasure, Done done) {
  std::erase_if(disk_.content, [&](const auto& entry) {
    const ContentRow& row = entry.second;
    return row.workshop == erasure.workshop ||
           (erasure.content_due && row.delete_after <= *erasure.content_due);
  });
  std::erase_if(disk_.idempotency, [&](const auto& entry) {
    return erasure.idempotency_before && entry.second.created < *erasure.idempotency_before;
  });
  tell(std::move(done), {});
}

void MemoryStore::backup(BackupOptions options, Done done) {
  tell(std::move(done), copy_to(options));
}

Result<void> MemoryStore::copy_to(const BackupOptions& options) {
  if (disk_.backups.contains(options.path)) {
    return fail(ErrorCode::conflict, "the backup file exists: " + options.path, options.path);
  }
  MemoryDisk copy;
  copy.journal = disk_.journal;
  copy.documents = disk_.documents;
  copy.idempotency = disk_.idempotency;
  if (options.with_content) copy.content = disk_.content;
  disk_.backups.emplace(options.path, std::move(copy));
  return {};
}

void MemoryStore::tell(Done done, Result<void> result) {
  loop_.post(
      [done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
}

Result<void> MemoryStore::read_journal(std::int64_t from,
                                       const std::function<bool(const JournalRow&)>& visit) {
  const auto first = std::ranges::lower_bound(disk_.journal, from, {}, &JournalRow::seq);
  const auto start = static_cast<std::size_t>(first - disk_.journal.begin());
  // By index: the visitor may commit.
  for (std::size_t i = start; i < disk_.journal.size(); ++i) {
    const JournalRow row = disk_.journal[i];
    if (!visit(row)) break;
  }
  return {};
}

Result<std::optional<std::string>> MemoryStore::read_content(JobId job, ContentKind kind) {
  const auto found = disk_.content.find({job, kind});
  if (found == disk_.content.end()) return std::nullopt;
  return found->second.text;
}

Result<std::vector<ContentRow>> MemoryStore::read_all_content() {
  std::vector<ContentRow> rows;
  for (const auto& [key, row] : disk_.content) rows.push_back(row);
  return rows;
}

Result<std::vector<DocumentRow>> MemoryStore::read_documents(DocumentKind kind) {
  std::vector<DocumentRow> rows;
  for (const auto& [key, row] : disk_.documents) {
    if (key.first == kind) rows.push_back(row);
  }
  return rows;
}

Result<std::vector<TokenRow>> MemoryStore::read_tokens() {
  std::vector<TokenRow> rows;
  for (const auto& [hash, row] : disk_.tokens) rows.push_back(row);
  return rows;
}

Result<std::vector<IdempotencyRow>> MemoryStore::read_idempotency() {
  std::vector<IdempotencyRow> rows;
  for (const auto& [key, row] : disk_.idempotency) rows.push_back(row);
  return rows;
}

}  // namespace stoker
