// What every store must hold, as one type-parameterised test-suite.
//
// A Disk type gives the suite its implementation; one Disk is one place that survives closing and
// opening:
//   Result<std::unique_ptr<Store>> open(Loop& loop);
//   std::string backup_path();                               // where a backup may go
//   Result<std::unique_ptr<Store>> open_backup(Loop& loop);  // the backup that was written there
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "storage/store.h"
#include "storage/test_loop.h"

namespace stoker {

inline JournalRow journal_row(std::int64_t seq, std::vector<std::int64_t> numbers = {}) {
  return {.seq = seq,
          .wall = {1'000'000 + seq},
          .mono = {seq * 10},
          .type = 7,
          .job = JobId{static_cast<std::uint64_t>(seq)},
          .numbers = std::move(numbers)};
}

inline ContentRow content_row(std::uint64_t job, std::string text, std::uint32_t workshop = 1,
                              std::int64_t delete_after_ms = 1000) {
  return {
      JobId{job}, WorkshopId{workshop}, ContentKind::prompt, std::move(text), {delete_after_ms}};
}

inline TokenHash hash_of(std::uint8_t first) {
  TokenHash hash{};
  hash[0] = first;
  hash[31] = 0xff;
  return hash;
}

inline TokenRow participant_token(std::uint8_t hash, std::uint32_t workshop, std::uint64_t person) {
  return {hash_of(hash), Role::participant, WorkshopId{workshop}, PersonId{person}, {5}, false};
}

template <class Disk>
class StoreContract : public ::testing::Test {
 protected:
  void SetUp() override { reopen(); }

  void reopen() {
    store_.reset();
    auto opened = disk_.open(loop_);
    ASSERT_TRUE(opened) << opened.error().detail;
    store_ = *std::move(opened);
  }

  Result<void> commit(Batch batch) { return commit_to(*store_, std::move(batch)); }
  Result<void> commit_to(Store& store, Batch batch) {
    return loop_.wait([&](Store::Done done) { store.commit(std::move(batch), std::move(done)); });
  }
  Result<void> erase(Erasure erasure) {
    return loop_.wait([&](Store::Done done) { store_->erase(erasure, std::move(done)); });
  }
  Result<void> backup(BackupOptions options) {
    return loop_.wait([&](Store::Done done) { store_->backup(options, std::move(done)); });
  }

  std::vector<JournalRow> journal(std::int64_t from = 0) { return journal_of(*store_, from); }
  static std::vector<JournalRow> journal_of(Store& store, std::int64_t from = 0) {
    std::vector<JournalRow> rows;
    const auto read = store.read_journal(from, [&rows](const JournalRow& row) {
      rows.push_back(row);
      return true;
    });
    EXPECT_TRUE(read) << read.error().detail;
    return rows;
  }

  Disk disk_;
  TestLoop loop_;
  std::unique_ptr<Store> store_;
};

TYPED_TEST_SUITE_P(StoreContract);

TYPED_TEST_P(StoreContract, KeepsJournalRowsInOrderWithAllTheirFields) {
  using Limits = std::numeric_limits<std::int64_t>;
  const JournalRow full{.seq = 1,
                        .wall = {1'767'225'600'123},
                        .mono = {987'654'321},
                        .type = 65535,
                        .job = JobId{42},
                        .numbers = {0, -1, Limits::min(), Limits::max(), 10}};
  const JournalRow bare{.seq = 2, .wall = {}, .mono = {}, .type = 0, .job = {}, .numbers = {}};
  ASSERT_TRUE(this->commit({.journal = {full, bare}}));
  ASSERT_TRUE(this->commit({.journal = {journal_row(3, {5})}}));
  EXPECT_THAT(this->journal(), ::testing::ElementsAre(full, bare, journal_row(3, {5})));
}

TYPED_TEST_P(StoreContract, ReadsTheJournalFromASeqUntilToldToStop) {
  Batch batch;
  for (int seq = 1; seq <= 10; ++seq) batch.journal.push_back(journal_row(seq));
  ASSERT_TRUE(this->commit(std::move(batch)));
  std::vector<std::int64_t> seen;
  ASSERT_TRUE(this->store_->read_journal(4, [&seen](const JournalRow& row) {
    seen.push_back(row.seq);
    return row.seq < 6;
  }));
  EXPECT_THAT(seen, ::testing::ElementsAre(4, 5, 6));
  EXPECT_TRUE(this->journal(11).empty());
}

TYPED_TEST_P(StoreContract, TellsOnTheLoopInTheOrderOfTheCalls) {
  std::vector<int> told;
  for (int i = 0; i < 300; ++i) {
    Batch batch{.journal = {journal_row(i + 1)}};
    const auto done = [&told, i](Result<void> result) {
      EXPECT_TRUE(result);
      told.push_back(i);
    };
    if (i % 50 == 49) {
      this->store_->erase({}, done);
    } else {
      this->store_->commit(std::move(batch), done);
    }
  }
  EXPECT_TRUE(told.empty()) << "never inside the call";
  this->loop_.run_until([&told] { return told.size() == 300; });
  EXPECT_TRUE(std::ranges::is_sorted(told));
}

TYPED_TEST_P(StoreContract, ShowsEveryCommitWhoseDoneHasCome) {
  std::int64_t told = 0;
  for (std::int64_t seq = 1; seq <= 200; ++seq) {
    Batch batch{.journal = {journal_row(seq)}, .content = {content_row(1, std::to_string(seq))}};
    this->store_->commit(std::move(batch), [this, seq, &told](Result<void> result) {
      EXPECT_TRUE(result);
      const auto rows = this->journal(seq);
      ASSERT_FALSE(rows.empty());
      EXPECT_EQ(rows.front().seq, seq);
      const auto text = this->store_->read_content(JobId{1}, ContentKind::prompt);
      ASSERT_TRUE(text && *text);
      EXPECT_GE(std::stoll(**text), seq);
      told = seq;
    });
  }
  this->loop_.run_until([&told] { return told == 200; });
}

TYPED_TEST_P(StoreContract, WritesABatchWholeOrNotAtAll) {
  ASSERT_TRUE(this->commit({.journal = {journal_row(5)}}));
  Batch bad{.journal = {journal_row(5)},
            .content = {content_row(9, "never")},
            .documents = {{DocumentKind::board_message, 9, "{}"}},
            .tokens = {participant_token(9, 1, 1)},
            .idempotency = {{hash_of(9), "k", hash_of(1), JobId{9}, {1}}}};
  const auto refused = this->commit(std::move(bad));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::bad_request);
  EXPECT_THAT(this->journal(), ::testing::SizeIs(1));
  EXPECT_TRUE(this->store_->read_all_content()->empty());
  EXPECT_TRUE(this->store_->read_documents(DocumentKind::board_message)->empty());
  EXPECT_TRUE(this->store_->read_tokens()->empty());
  EXPECT_TRUE(this->store_->read_idempotency()->empty());
}

TYPED_TEST_P(StoreContract, ABatchThatFailsDoesNotFailItsNeighbours) {
  std::vector<bool> results;
  for (const std::int64_t seq : {1, 2, 2, 3, 1, 4}) {
    this->store_->commit({.journal = {journal_row(seq)}}, [&results](Result<void> result) {
      results.push_back(result.has_value());
    });
  }
  this->loop_.run_until([&results] { return results.size() == 6; });
  EXPECT_THAT(results, ::testing::ElementsAre(true, true, false, true, false, true));
  std::vector<std::int64_t> seqs;
  for (const JournalRow& row : this->journal()) seqs.push_back(row.seq);
  EXPECT_THAT(seqs, ::testing::ElementsAre(1, 2, 3, 4));
}

TYPED_TEST_P(StoreContract, RefusesASeqThatDoesNotGrow) {
  for (const auto& [first, second] : {std::pair{2, 2}, {3, 2}, {0, 1}, {-4, 1}}) {
    const auto refused = this->commit({.journal = {journal_row(first), journal_row(second)}});
    ASSERT_FALSE(refused) << first << ", " << second;
    EXPECT_EQ(refused.error().code, ErrorCode::bad_request);
  }
  EXPECT_TRUE(this->commit({.journal = {journal_row(3), journal_row(8)}}));
}

TYPED_TEST_P(StoreContract, AcceptsAnEmptyBatch) {
  EXPECT_TRUE(this->commit({}));
  EXPECT_TRUE(this->journal().empty());
}

TYPED_TEST_P(StoreContract, ReplacesTheTextOfTheSameJobAndKind) {
  ContentRow answer = content_row(1, "answer");
  answer.kind = ContentKind::result_text;
  ASSERT_TRUE(
      this->commit({.content = {content_row(1, "first"), answer, content_row(2, "other")}}));
  const ContentRow newer = content_row(1, "second", 3, 99);
  ASSERT_TRUE(this->commit({.content = {newer}}));
  EXPECT_THAT(*this->store_->read_all_content(),
              ::testing::ElementsAre(newer, answer, content_row(2, "other")));
  EXPECT_EQ(*this->store_->read_content(JobId{1}, ContentKind::result_text), "answer");
  EXPECT_EQ(*this->store_->read_content(JobId{7}, ContentKind::prompt), std::nullopt);
}

TYPED_TEST_P(StoreContract, KeepsAnyBytesAsText) {
  const std::string odd("a\0b\xff\xc3(", 6);
  ASSERT_TRUE(this->commit({.content = {content_row(1, odd), content_row(2, "")}}));
  EXPECT_EQ(*this->store_->read_content(JobId{1}, ContentKind::prompt), odd);
  EXPECT_EQ(*this->store_->read_content(JobId{2}, ContentKind::prompt), "");
}

TYPED_TEST_P(StoreContract, KeepsTheNewestFormOfADocumentUntilItIsRemoved) {
  const DocumentRow workshop{DocumentKind::workshop_title, 1, R"({"v":1})"};
  const DocumentRow person{DocumentKind::group_title, 1, R"({"p":1})"};
  ASSERT_TRUE(
      this->commit({.documents = {{DocumentKind::workshop_title, 2, "{}"}, workshop, person}}));
  const DocumentRow newer{DocumentKind::workshop_title, 1, R"({"v":2})"};
  ASSERT_TRUE(this->commit({.documents = {newer}}));
  EXPECT_THAT(*this->store_->read_documents(DocumentKind::workshop_title),
              ::testing::ElementsAre(newer, DocumentRow{DocumentKind::workshop_title, 2, "{}"}));
  ASSERT_TRUE(this->commit({.documents = {{DocumentKind::workshop_title, 1, ""},
                                          {DocumentKind::board_message, 5, ""}}}));
  EXPECT_THAT(*this->store_->read_documents(DocumentKind::workshop_title), ::testing::SizeIs(1));
  EXPECT_THAT(*this->store_->read_documents(DocumentKind::group_title),
              ::testing::ElementsAre(person));
}

TYPED_TEST_P(StoreContract, ReplacesATokenByItsHash) {
  const TokenRow leader{hash_of(2), Role::leader, {}, {}, {77}, false};
  ASSERT_TRUE(this->commit({.tokens = {leader, participant_token(1, 3, 4)}}));
  TokenRow revoked = leader;
  revoked.revoked = true;
  ASSERT_TRUE(this->commit({.tokens = {revoked}}));
  EXPECT_THAT(*this->store_->read_tokens(),
              ::testing::ElementsAre(participant_token(1, 3, 4), revoked));
}

TYPED_TEST_P(StoreContract, ReplacesAnIdempotencyEntryByTokenAndKey) {
  const IdempotencyRow other{hash_of(1), std::string("k\0\xfe", 3), hash_of(8), JobId{2}, {3}};
  const IdempotencyRow elsewhere{hash_of(2), "k", hash_of(8), JobId{3}, {3}};
  ASSERT_TRUE(this->commit(
      {.idempotency = {elsewhere, {hash_of(1), "k", hash_of(8), JobId{1}, {3}}, other}}));
  const IdempotencyRow newer{hash_of(1), "k", hash_of(9), JobId{4}, {9}};
  ASSERT_TRUE(this->commit({.idempotency = {newer}}));
  EXPECT_THAT(*this->store_->read_idempotency(), ::testing::ElementsAre(newer, other, elsewhere));
}

TYPED_TEST_P(StoreContract, RefusesWhatIsOverItsLimit) {
  std::vector<Batch> over(4);
  over[0].journal = {journal_row(1, std::vector<std::int64_t>(kNumbersPerRowMax + 1))};
  over[1].content = {content_row(1, std::string(kTextBytesMax + 1, 'x'))};
  over[2].documents = {{DocumentKind::board_message, 1, std::string(kTextBytesMax + 1, 'x')}};
  over[3].idempotency = {{hash_of(1), std::string(kKeyBytesMax + 1, 'x'), {}, {}, {}}};
  for (Batch& batch : over) {
    const auto refused = this->commit(std::move(batch));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::too_large);
  }
  const JournalRow widest = journal_row(1, std::vector<std::int64_t>(kNumbersPerRowMax, -1));
  ASSERT_TRUE(this->commit({.journal = {widest}}));
  EXPECT_THAT(this->journal(), ::testing::ElementsAre(widest));
}

TYPED_TEST_P(StoreContract, ErasesTheTextsOfAWorkshop) {
  ASSERT_TRUE(this->commit({.journal = {journal_row(1)},
                            .content = {content_row(1, "gone", 1), content_row(2, "stays", 2)},
                            .documents = {{DocumentKind::workshop_title, 1, "a title"}},
                            .tokens = {participant_token(1, 1, 11)}}));
  ASSERT_TRUE(
      this->erase({.workshop = WorkshopId{1}, .content_due = {}, .idempotency_before = {}}));
  EXPECT_THAT(*this->store_->read_all_content(),
              ::testing::ElementsAre(content_row(2, "stays", 2)));
  EXPECT_THAT(*this->store_->read_documents(DocumentKind::workshop_title), ::testing::SizeIs(1));
  EXPECT_THAT(*this->store_->read_tokens(), ::testing::SizeIs(1)) << "hashes are no texts";
  EXPECT_THAT(this->journal(), ::testing::SizeIs(1)) << "numbers are no texts";
}

TYPED_TEST_P(StoreContract, ErasesWhatIsDueAndNothingElse) {
  ASSERT_TRUE(
      this->commit({.content = {content_row(1, "due", 1, 99), content_row(2, "due now", 2, 100),
                                content_row(3, "later", 1, 101)},
                    .idempotency = {{hash_of(1), "old", {}, JobId{1}, {49}},
                                    {hash_of(1), "young", {}, JobId{2}, {50}}}}));
  ASSERT_TRUE(this->erase({}));
  EXPECT_THAT(*this->store_->read_all_content(), ::testing::SizeIs(3));
  ASSERT_TRUE(this->erase(
      {.workshop = {}, .content_due = WallTime{100}, .idempotency_before = WallTime{50}}));
  EXPECT_THAT(*this->store_->read_all_content(),
              ::testing::ElementsAre(content_row(3, "later", 1, 101)));
  EXPECT_THAT(*this->store_->read_idempotency(),
              ::testing::ElementsAre(IdempotencyRow{hash_of(1), "young", {}, JobId{2}, {50}}));
}

TYPED_TEST_P(StoreContract, BacksUpWithoutTextsAndWithoutTokens) {
  const DocumentRow document{DocumentKind::workshop_title, 1, "{}"};
  const IdempotencyRow entry{hash_of(1), "k", hash_of(2), JobId{1}, {3}};
  ASSERT_TRUE(this->commit({.journal = {journal_row(1), journal_row(2)},
                            .content = {content_row(1, "private")},
                            .documents = {document},
                            .tokens = {participant_token(1, 1, 1)},
                            .idempotency = {entry}}));
  ASSERT_TRUE(this->backup({.path = this->disk_.backup_path(), .with_content = false}));
  auto copy = this->disk_.open_backup(this->loop_);
  ASSERT_TRUE(copy) << copy.error().detail;
  EXPECT_EQ(this->journal_of(**copy), this->journal());
  EXPECT_TRUE((*copy)->read_all_content()->empty());
  EXPECT_TRUE((*copy)->read_tokens()->empty());
  EXPECT_THAT(*(*copy)->read_documents(DocumentKind::workshop_title),
              ::testing::ElementsAre(document));
  EXPECT_THAT(*(*copy)->read_idempotency(), ::testing::ElementsAre(entry));
  EXPECT_TRUE(this->commit_to(**copy, {.journal = {journal_row(3)}})) << "a backup is a store";
}

TYPED_TEST_P(StoreContract, BacksUpTextsWhenAsked) {
  ASSERT_TRUE(
      this->commit({.content = {content_row(1, "text")}, .tokens = {participant_token(1, 1, 1)}}));
  ASSERT_TRUE(this->backup({.path = this->disk_.backup_path(), .with_content = true}));
  auto copy = this->disk_.open_backup(this->loop_);
  ASSERT_TRUE(copy) << copy.error().detail;
  EXPECT_THAT(*(*copy)->read_all_content(), ::testing::ElementsAre(content_row(1, "text")));
  EXPECT_TRUE((*copy)->read_tokens()->empty());
}

TYPED_TEST_P(StoreContract, BacksUpTheMomentOfTheCallWhileCommitsGoOn) {
  for (std::int64_t first = 1; first <= 5000; first += 1000) {
    Batch batch{.documents = {{DocumentKind::board_message, 1, std::to_string(first)}}};
    for (std::int64_t seq = first; seq < first + 1000; ++seq)
      batch.journal.push_back(journal_row(seq));
    this->store_->commit(std::move(batch), [](Result<void> result) { EXPECT_TRUE(result); });
  }
  int waiting = 1;
  const auto one_less = [&waiting](Result<void> result) {
    EXPECT_TRUE(result) << result.error().detail;
    --waiting;
  };
  this->store_->backup({.path = this->disk_.backup_path(), .with_content = false}, one_less);
  for (std::int64_t seq = 5001; seq <= 5100; ++seq) {
    ++waiting;
    this->store_->commit(
        {.journal = {journal_row(seq)}, .documents = {{DocumentKind::board_message, 1, "new"}}},
        one_less);
  }
  this->loop_.run_until([&waiting] { return waiting == 0; });
  auto copy = this->disk_.open_backup(this->loop_);
  ASSERT_TRUE(copy) << copy.error().detail;
  EXPECT_EQ(this->journal_of(**copy).size(), 5000u);
  EXPECT_THAT(*(*copy)->read_documents(DocumentKind::board_message),
              ::testing::ElementsAre(DocumentRow{DocumentKind::board_message, 1, "4001"}));
  EXPECT_EQ(this->journal().size(), 5100u);
}

TYPED_TEST_P(StoreContract, RefusesABackupOverAnExistingFile) {
  const BackupOptions options{.path = this->disk_.backup_path(), .with_content = false};
  ASSERT_TRUE(this->backup(options));
  const auto refused = this->backup(options);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  EXPECT_THAT(refused.error().detail, ::testing::HasSubstr(options.path));
}

TYPED_TEST_P(StoreContract, ClosingWritesWhatWasGivenAndOpeningFindsIt) {
  const TokenRow token = participant_token(1, 1, 1);
  const IdempotencyRow entry{hash_of(1), "k", hash_of(2), JobId{1}, {3}};
  int told = 0;
  for (std::int64_t seq = 1; seq <= 100; ++seq) {
    this->store_->commit({.journal = {journal_row(seq, {seq})}}, [&told](Result<void>) { ++told; });
  }
  this->store_->commit({.content = {content_row(1, "text")},
                        .documents = {{DocumentKind::dictionary, 1, "{}"}},
                        .tokens = {token},
                        .idempotency = {entry}},
                       [&told](Result<void>) { ++told; });
  this->reopen();
  EXPECT_EQ(told, 0);
  this->loop_.run_until([&told] { return told == 101; });
  EXPECT_THAT(this->journal(), ::testing::SizeIs(100));
  EXPECT_EQ(this->journal(100).front(), journal_row(100, {100}));
  EXPECT_THAT(*this->store_->read_all_content(), ::testing::ElementsAre(content_row(1, "text")));
  EXPECT_THAT(*this->store_->read_documents(DocumentKind::dictionary), ::testing::SizeIs(1));
  EXPECT_THAT(*this->store_->read_tokens(), ::testing::ElementsAre(token));
  EXPECT_THAT(*this->store_->read_idempotency(), ::testing::ElementsAre(entry));
  EXPECT_FALSE(this->commit({.journal = {journal_row(100)}})) << "the seqs go on where they were";
  EXPECT_TRUE(this->commit({.journal = {journal_row(101)}}));
}

TYPED_TEST_P(StoreContract, OnePlaceHasOneStore) {
  const auto second = this->disk_.open(this->loop_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::conflict);
  this->reopen();
  EXPECT_TRUE(this->commit({.journal = {journal_row(1)}}));
}

TYPED_TEST_P(StoreContract, ReadsAHundredThousandRowsBack) {
  constexpr std::int64_t kRows = 100'000;
  int waiting = 0;
  for (std::int64_t first = 1; first <= kRows; first += 1000) {
    Batch batch;
    for (std::int64_t seq = first; seq < first + 1000; ++seq) {
      batch.journal.push_back(journal_row(seq, {seq, -seq, 3, 4, 5}));
    }
    ++waiting;
    this->store_->commit(std::move(batch), [&waiting](Result<void> result) {
      EXPECT_TRUE(result);
      --waiting;
    });
  }
  this->loop_.run_until([&waiting] { return waiting == 0; });
  std::int64_t expected = 1;
  ASSERT_TRUE(this->store_->read_journal(0, [&expected](const JournalRow& row) {
    if (row != journal_row(expected, {expected, -expected, 3, 4, 5})) return false;
    ++expected;
    return true;
  }));
  EXPECT_EQ(expected, kRows + 1);
}

REGISTER_TYPED_TEST_SUITE_P(
    StoreContract, KeepsJournalRowsInOrderWithAllTheirFields,
    ReadsTheJournalFromASeqUntilToldToStop, TellsOnTheLoopInTheOrderOfTheCalls,
    ShowsEveryCommitWhoseDoneHasCome, WritesABatchWholeOrNotAtAll,
    ABatchThatFailsDoesNotFailItsNeighbours, RefusesASeqThatDoesNotGrow, AcceptsAnEmptyBatch,
    ReplacesTheTextOfTheSameJobAndKind, KeepsAnyBytesAsText,
    KeepsTheNewestFormOfADocumentUntilItIsRemoved, ReplacesATokenByItsHash,
    ReplacesAnIdempotencyEntryByTokenAndKey, RefusesWhatIsOverItsLimit, ErasesTheTextsOfAWorkshop,
    ErasesWhatIsDueAndNothingElse, BacksUpWithoutTextsAndWithoutTokens, BacksUpTextsWhenAsked,
    BacksUpTheMomentOfTheCallWhileCommitsGoOn, RefusesABackupOverAnExistingFile,
    ClosingWritesWhatWasGivenAndOpeningFindsIt, OnePlaceHasOneStore, ReadsAHundredThousandRowsBack);

}  // namespace stoker
