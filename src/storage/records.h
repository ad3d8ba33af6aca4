// What a store keeps, as values: journal rows, texts, documents, tokens, idempotency entries.
//
// Threading: values. Limits are checked by the store (too_large).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"
#include "domain/ids.h"
#include "domain/person.h"

namespace stoker {

inline constexpr std::size_t kNumbersPerRowMax = 4096;
inline constexpr std::size_t kTextBytesMax = 16 * 1024 * 1024;  // one text, one document
inline constexpr std::size_t kKeyBytesMax = 1024;               // one idempotency key

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

// What a document says; its id is that of the workshop or group, of a dictionary entry the number that stands for the name.
enum class DocumentKind : std::uint8_t {
  dictionary,
  workshop_title,
  join_code,
  board_message,
  group_title,
};

// A short text that is kept in its newest form.
struct DocumentRow {
  DocumentKind kind = DocumentKind::dictionary;
  std::uint64_t id = 0;
  std::string text;  // empty: removes the document

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

}  // namespace stoker
