// Erased words must be gone from the bytes of the files, not only from the answers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "base/random.h"
#include "storage/sqlite/sqlite_place_test.h"
#include "storage/test_loop.h"

namespace stoker {
namespace {

std::string all_bytes(const std::string& directory) {
  std::string bytes;
  for (const auto& file : std::filesystem::directory_iterator(directory)) {
    std::ifstream in(file.path(), std::ios::binary);
    bytes.append(std::istreambuf_iterator<char>(in), {});
  }
  return bytes;
}

std::string marker(std::uint64_t number) {
  char text[32];
  std::snprintf(text, sizeof text, "[word %06llu]", static_cast<unsigned long long>(number));
  return text;
}

// A text of at least `bytes` bytes in which every piece of 26 bytes names its number.
std::string text_of(std::uint64_t number, std::uint64_t bytes) {
  std::string text = marker(number);
  while (text.size() < bytes) text += marker(number);
  return text;
}

// The numbers of all texts of which the bytes hold a whole piece.
std::set<std::uint64_t> numbers_in(const std::string& bytes) {
  const std::string start = "[word ";
  std::set<std::uint64_t> found;
  for (auto at = bytes.find(start); at != std::string::npos; at = bytes.find(start, at + 1)) {
    const std::uint64_t number = std::strtoull(bytes.c_str() + at + start.size(), nullptr, 10);
    if (bytes.compare(at, marker(number).size(), marker(number)) == 0) found.insert(number);
  }
  return found;
}

class SqliteErase : public ::testing::Test {
 protected:
  void SetUp() override { store_ = *place_.open(loop_); }

  void commit(Batch batch) {
    ASSERT_TRUE(
        loop_.wait([&](Store::Done done) { store_->commit(std::move(batch), std::move(done)); }));
  }
  void erase(Erasure erasure) {
    ASSERT_TRUE(loop_.wait([&](Store::Done done) { store_->erase(erasure, std::move(done)); }));
  }
  bool on_disk(const std::string& words) {
    return all_bytes(place_.directory()).find(words) != std::string::npos;
  }

  SqlitePlace place_;
  TestLoop loop_;
  std::unique_ptr<Store> store_;
};

TEST_F(SqliteErase, LeavesNoByteOfAText) {
  const std::string longer = text_of(2, 100'000);
  commit({.content = {{JobId{1}, WorkshopId{1}, ContentKind::prompt, marker(1), {}},
                      {JobId{2}, WorkshopId{1}, ContentKind::prompt, longer, {}},
                      {JobId{3}, WorkshopId{2}, ContentKind::prompt, marker(3), {}}}});
  ASSERT_TRUE(on_disk(marker(1)) && on_disk(marker(2)) && on_disk(marker(3)));
  erase({.workshop = WorkshopId{1}});
  EXPECT_FALSE(on_disk(marker(1)));
  EXPECT_FALSE(on_disk(marker(2)));
  EXPECT_TRUE(on_disk(marker(3)));
}

TEST_F(SqliteErase, LeavesNoByteOfWhatWasReplacedOrRemovedBefore) {
  commit({.content = {{JobId{1}, WorkshopId{1}, ContentKind::prompt, marker(1), {}}},
          .documents = {{DocumentKind::group_title, 1, marker(2)},
                        {DocumentKind::board_message, 1, marker(3)}},
          .idempotency = {{{}, marker(4), {}, JobId{1}, {1}}}});
  commit({.content = {{JobId{1}, WorkshopId{1}, ContentKind::prompt, marker(5), {}}},
          .documents = {{DocumentKind::group_title, 1, ""},
                        {DocumentKind::board_message, 1, marker(6)}}});
  erase({.idempotency_before = WallTime{2}});
  for (const std::uint64_t gone : {1u, 2u, 3u, 4u}) EXPECT_FALSE(on_disk(marker(gone))) << gone;
  for (const std::uint64_t kept : {5u, 6u}) EXPECT_TRUE(on_disk(marker(kept))) << kept;
}

// Rows of many sizes come and go, so that SQLite splits, merges and refills its pages.
TEST_F(SqliteErase, LeavesNoByteAfterADayOfComingAndGoing) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    Random random(seed);
    const std::uint64_t first = seed * 10'000;
    std::uint64_t next = first;
    for (int round = 0; round < 8; ++round) {
      Batch batch;
      const std::uint64_t new_ones = random.below(60);
      // Some texts are new, others are replaced by shorter or longer ones.
      for (std::uint64_t i = 0; i < new_ones + 30; ++i) {
        const std::uint64_t job =
            i < new_ones || next == first ? next++ : first + random.below(next - first);
        const std::uint64_t bytes = random.below(10) < 8 ? random.below(400) : random.below(5000);
        const WallTime day{static_cast<std::int64_t>(random.below(1000))};
        batch.content.push_back(
            {JobId{job}, WorkshopId{1}, ContentKind::prompt, text_of(job, bytes), day});
      }
      commit(std::move(batch));
      if (round % 4 == 3)
        erase({.content_due = WallTime{static_cast<std::int64_t>(random.below(400))}});
    }
    erase({.content_due = WallTime{300}});
    std::set<std::uint64_t> kept;
    for (const ContentRow& row : *store_->read_all_content()) kept.insert(row.job.value);
    EXPECT_EQ(numbers_in(all_bytes(place_.directory())), kept) << "seed " << seed;
    erase({.content_due = WallTime{1000}});
  }
}

TEST_F(SqliteErase, LeavesTheJournalAlone) {
  Batch batch;
  for (std::int64_t seq = 1; seq <= 100; ++seq)
    batch.journal.push_back({.seq = seq, .wall = {}, .mono = {}, .job = {}});
  commit(std::move(batch));
  erase({.workshop = WorkshopId{1},
         .content_due = WallTime{1000},
         .idempotency_before = WallTime{1000}});
  std::int64_t rows = 0;
  ASSERT_TRUE(store_->read_journal(0, [&rows](const JournalRow&) { return ++rows > 0; }));
  EXPECT_EQ(rows, 100);
}

}  // namespace
}  // namespace stoker
