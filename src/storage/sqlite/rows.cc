#include "storage/sqlite/rows.h"

#include <algorithm>
#include <array>
#include <bit>

#include "storage/sqlite/numbers.h"

namespace stoker::sqlite {
namespace {

enum StatementIndex : std::size_t {
  kEvent,
  kContent,
  kPutDocument,
  kDropDocument,
  kToken,
  kIdempotency
};

constexpr std::array<std::string_view, 6> kWriteSql = {
    "INSERT INTO event(seq, wall_ms, mono_us, type, job, numbers) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
    "INSERT INTO content(job, kind, workshop, bytes, delete_after) VALUES(?1, ?2, ?3, ?4, ?5)"
    " ON CONFLICT(job, kind) DO UPDATE SET workshop = ?3, bytes = ?4, delete_after = ?5",
    "INSERT INTO document(kind, id, text) VALUES(?1, ?2, ?3) ON CONFLICT(kind, id) DO UPDATE SET "
    "text = ?3",
    "DELETE FROM document WHERE kind = ?1 AND id = ?2",
    "INSERT OR REPLACE INTO token(hash, role, workshop, person, created_ms, revoked) VALUES(?1, "
    "?2, ?3, ?4, ?5, ?6)",
    "INSERT OR REPLACE INTO idempotency(token, key, body_hash, job, created_ms) VALUES(?1, ?2, ?3, "
    "?4, ?5)",
};

// Ids are unsigned, SQLite's integers are not; the bits are kept.
std::int64_t stored(std::uint64_t id) {
  return std::bit_cast<std::int64_t>(id);
}
std::uint64_t restored(std::int64_t id) {
  return std::bit_cast<std::uint64_t>(id);
}

std::string_view bytes_of(const TokenHash& hash) {
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

Result<TokenHash> hash_from(std::string_view bytes) {
  TokenHash hash{};
  if (bytes.size() != hash.size())
    return fail(ErrorCode::internal, "a stored hash has a wrong length");
  std::ranges::transform(bytes, hash.begin(), [](char c) { return static_cast<std::uint8_t>(c); });
  return hash;
}

WorkshopId workshop_from(std::int64_t id) {
  return WorkshopId{static_cast<std::uint32_t>(id)};
}

Result<JournalRow> journal_row(const Statement& row) {
  auto numbers = read_numbers(row.bytes(5));
  if (!numbers) return fail(std::move(numbers.error()));
  return JournalRow{.seq = row.integer(0),
                    .wall = {row.integer(1)},
                    .mono = {row.integer(2)},
                    .type = static_cast<std::uint16_t>(row.integer(3)),
                    .job = JobId{restored(row.integer(4))},
                    .numbers = *std::move(numbers)};
}

Result<ContentRow> content_row(const Statement& row) {
  return ContentRow{.job = JobId{restored(row.integer(0))},
                    .workshop = workshop_from(row.integer(2)),
                    .kind = static_cast<ContentKind>(row.integer(1)),
                    .text = std::string(row.bytes(3)),
                    .delete_after = {row.integer(4)}};
}

Result<DocumentRow> document_row(const Statement& row) {
  return DocumentRow{.kind = static_cast<DocumentKind>(row.integer(0)),
                     .id = restored(row.integer(1)),
                     .text = std::string(row.bytes(2))};
}

Result<TokenRow> token_row(const Statement& row) {
  const auto hash = hash_from(row.bytes(0));
  if (!hash) return fail(hash.error());
  return TokenRow{.hash = *hash,
                  .role = static_cast<Role>(row.integer(1)),
                  .workshop = workshop_from(row.integer(2)),
                  .person = PersonId{restored(row.integer(3))},
                  .created = {row.integer(4)},
                  .revoked = row.integer(5) != 0};
}

Result<IdempotencyRow> idempotency_row(const Statement& row) {
  const auto token = hash_from(row.bytes(0));
  if (!token) return fail(token.error());
  const auto body_hash = hash_from(row.bytes(2));
  if (!body_hash) return fail(body_hash.error());
  return IdempotencyRow{.token = *token,
                        .key = std::string(row.bytes(1)),
                        .body_hash = *body_hash,
                        .job = JobId{restored(row.integer(3))},
                        .created = {row.integer(4)}};
}

Result<void> erase_where(Database& database, std::string_view sql, std::int64_t value) {
  auto statement = database.prepare(sql);
  if (!statement) return fail(std::move(statement.error()));
  return statement->bind(1, value).run();
}

}  // namespace

Result<RowWriter> RowWriter::open(Database& database) {
  std::vector<Statement> statements;
  for (const std::string_view sql : kWriteSql) {
    auto statement = database.prepare(sql);
    if (!statement) return fail(std::move(statement.error()));
    statements.push_back(*std::move(statement));
  }
  return RowWriter(database, std::move(statements));
}

Result<std::int64_t> RowWriter::last_seq() {
  return database_->integer("SELECT max(seq) FROM event");
}

Result<void> RowWriter::write(const Batch& batch) {
  using Part = Result<void> (RowWriter::*)(const Batch&);
  for (const Part part :
       {&RowWriter::write_journal, &RowWriter::write_content, &RowWriter::write_documents,
        &RowWriter::write_tokens, &RowWriter::write_idempotency}) {
    if (auto written = (this->*part)(batch); !written) return written;
  }
  return {};
}

Result<void> RowWriter::write_journal(const Batch& batch) {
  Statement& insert = statements_[kEvent];
  for (const JournalRow& row : batch.journal) {
    write_numbers(row.numbers, numbers_);
    insert.bind(1, row.seq).bind(2, row.wall.ms).bind(3, row.mono.us).bind(4, row.type);
    insert.bind(5, stored(row.job.value)).bind_text(6, numbers_);
    if (auto ran = insert.run(); !ran) return ran;
  }
  return {};
}

Result<void> RowWriter::write_content(const Batch& batch) {
  Statement& put = statements_[kContent];
  for (const ContentRow& row : batch.content) {
    put.bind(1, stored(row.job.value)).bind(2, static_cast<std::int64_t>(row.kind));
    put.bind(3, row.workshop.value).bind_bytes(4, row.text).bind(5, row.delete_after.ms);
    if (auto ran = put.run(); !ran) return ran;
  }
  return {};
}

Result<void> RowWriter::write_documents(const Batch& batch) {
  for (const DocumentRow& row : batch.documents) {
    Statement& change = statements_[row.text.empty() ? kDropDocument : kPutDocument];
    change.bind(1, static_cast<std::int64_t>(row.kind)).bind(2, stored(row.id));
    if (!row.text.empty()) change.bind_text(3, row.text);
    if (auto ran = change.run(); !ran) return ran;
  }
  return {};
}

Result<void> RowWriter::write_tokens(const Batch& batch) {
  Statement& put = statements_[kToken];
  for (const TokenRow& row : batch.tokens) {
    put.bind_bytes(1, bytes_of(row.hash)).bind(2, static_cast<std::int64_t>(row.role));
    put.bind(3, row.workshop.value).bind(4, stored(row.person.value));
    put.bind(5, row.created.ms).bind(6, row.revoked ? 1 : 0);
    if (auto ran = put.run(); !ran) return ran;
  }
  return {};
}

Result<void> RowWriter::write_idempotency(const Batch& batch) {
  Statement& put = statements_[kIdempotency];
  for (const IdempotencyRow& row : batch.idempotency) {
    put.bind_bytes(1, bytes_of(row.token))
        .bind_bytes(2, row.key)
        .bind_bytes(3, bytes_of(row.body_hash));
    put.bind(4, stored(row.job.value)).bind(5, row.created.ms);
    if (auto ran = put.run(); !ran) return ran;
  }
  return {};
}

Result<void> RowWriter::erase(const Erasure& erasure) {
  if (erasure.workshop) {
    const auto erased =
        erase_where(*database_, "DELETE FROM content WHERE workshop = ?1", erasure.workshop->value);
    if (!erased) return erased;
  }
  if (erasure.content_due) {
    const auto erased = erase_where(*database_, "DELETE FROM content WHERE delete_after <= ?1",
                                    erasure.content_due->ms);
    if (!erased) return erased;
  }
  if (!erasure.idempotency_before) return {};
  return erase_where(*database_, "DELETE FROM idempotency WHERE created_ms < ?1",
                     erasure.idempotency_before->ms);
}

Result<std::unique_ptr<RowReader>> RowReader::open(const std::string& path) {
  auto database = Database::open(path);
  if (!database) return fail(std::move(database.error()));
  if (auto ran = database->run("PRAGMA query_only=ON; PRAGMA temp_store=MEMORY"); !ran)
    return fail(ran.error());
  return std::unique_ptr<RowReader>(new RowReader(*std::move(database)));
}

template <class Row>
Result<std::vector<Row>> RowReader::rows(std::string_view sql, std::int64_t parameter,
                                         Result<Row> (*read)(const Statement&)) {
  const std::lock_guard lock(mutex_);
  auto statement = database_.prepare(sql);
  if (!statement) return fail(std::move(statement.error()));
  if (sql.contains("?1")) statement->bind(1, parameter);
  std::vector<Row> found;
  for (;;) {
    const auto more = statement->next();
    if (!more) return fail(more.error());
    if (!*more) return found;
    auto row = read(*statement);
    if (!row) return fail(std::move(row.error()));
    found.push_back(*std::move(row));
  }
}

Result<std::vector<JournalRow>> RowReader::journal_piece(std::int64_t from) {
  static const std::string kSql =
      "SELECT seq, wall_ms, mono_us, type, job, numbers FROM event WHERE seq >= ?1 ORDER BY seq "
      "LIMIT " +
      std::to_string(kJournalPieceRows);
  return rows(kSql, from, journal_row);
}

Result<void> RowReader::journal(std::int64_t from,
                                const std::function<bool(const JournalRow&)>& visit) {
  for (;;) {
    const auto piece = journal_piece(from);
    if (!piece) return fail(piece.error());
    for (const JournalRow& row : *piece) {
      if (!visit(row)) return {};
    }
    if (piece->size() < kJournalPieceRows) return {};
    from = piece->back().seq + 1;
  }
}

Result<std::optional<std::string>> RowReader::content(JobId job, ContentKind kind) {
  const std::lock_guard lock(mutex_);
  auto statement = database_.prepare("SELECT bytes FROM content WHERE job = ?1 AND kind = ?2");
  if (!statement) return fail(std::move(statement.error()));
  statement->bind(1, stored(job.value)).bind(2, static_cast<std::int64_t>(kind));
  const auto found = statement->next();
  if (!found) return fail(found.error());
  if (!*found) return std::nullopt;
  return std::string(statement->bytes(0));
}

Result<std::vector<ContentRow>> RowReader::all_content() {
  return rows("SELECT job, kind, workshop, bytes, delete_after FROM content ORDER BY job, kind", 0,
              content_row);
}

Result<std::vector<DocumentRow>> RowReader::documents(DocumentKind kind) {
  return rows("SELECT kind, id, text FROM document WHERE kind = ?1 ORDER BY id",
              static_cast<std::int64_t>(kind), document_row);
}

Result<std::vector<TokenRow>> RowReader::tokens() {
  return rows("SELECT hash, role, workshop, person, created_ms, revoked FROM token ORDER BY hash",
              0, token_row);
}

Result<std::vector<IdempotencyRow>> RowReader::idempotency() {
  return rows("SELECT token, key, body_hash, job, created_ms FROM idempotency ORDER BY token, key",
              0, idempotency_row);
}

}  // namespace stoker::sqlite
