#include "storage/batch_check.h"

#include <algorithm>
#include <string>

namespace stoker {

Result<void> check_batch(const Batch& batch) {
  std::int64_t last_seq = 0;
  for (const JournalRow& row : batch.journal) {
    if (row.numbers.size() > kNumbersPerRowMax) {
      return fail(ErrorCode::too_large, "a journal row has too many numbers", "numbers");
    }
    if (row.seq <= last_seq) {
      return fail(ErrorCode::bad_request, "seq " + std::to_string(row.seq) + " does not grow",
                  "seq");
    }
    last_seq = row.seq;
  }
  const auto text_fits = [](const ContentRow& row) { return row.text.size() <= kTextBytesMax; };
  if (!std::ranges::all_of(batch.content, text_fits)) {
    return fail(ErrorCode::too_large, "a text is over its limit", "text");
  }
  const auto document_fits = [](const DocumentRow& row) {
    return row.text.size() <= kTextBytesMax;
  };
  if (!std::ranges::all_of(batch.documents, document_fits)) {
    return fail(ErrorCode::too_large, "a document is over its limit", "document");
  }
  const auto key_fits = [](const IdempotencyRow& row) { return row.key.size() <= kKeyBytesMax; };
  if (!std::ranges::all_of(batch.idempotency, key_fits)) {
    return fail(ErrorCode::too_large, "an idempotency key is over its limit", "key");
  }
  return {};
}

Result<void> check_follows(const Batch& batch, std::int64_t last_seq) {
  if (batch.journal.empty() || batch.journal.front().seq > last_seq) return {};
  return fail(ErrorCode::bad_request,
              "seq " + std::to_string(batch.journal.front().seq) + " is not after " +
                  std::to_string(last_seq),
              "seq");
}

std::size_t batch_bytes(const Batch& batch) {
  std::size_t bytes = sizeof(Batch);
  for (const JournalRow& row : batch.journal)
    bytes += sizeof row + row.numbers.size() * sizeof(std::int64_t);
  for (const ContentRow& row : batch.content) bytes += sizeof row + row.text.size();
  for (const DocumentRow& row : batch.documents) bytes += sizeof row + row.text.size();
  for (const IdempotencyRow& row : batch.idempotency) bytes += sizeof row + row.key.size();
  return bytes + batch.tokens.size() * sizeof(TokenRow);
}

}  // namespace stoker
