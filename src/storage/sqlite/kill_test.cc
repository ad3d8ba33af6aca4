// The process is killed in the middle of commits, again and again: what was acknowledged is there,
// and no batch is torn.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/random.h"
#include "storage/child_process_test.h"
#include "storage/sqlite/sqlite_place_test.h"
#include "storage/test_loop.h"

namespace stoker {
namespace {

constexpr int kKills = 20;
constexpr int kBatchesInFlight = 40;

// Rows that know their batch, a text for the batch, and a document that names the last row.
Batch batch_of(std::int64_t first, std::int64_t rows) {
  Batch batch;
  for (std::int64_t seq = first; seq < first + rows; ++seq) {
    batch.journal.push_back(
        {.seq = seq, .wall = {}, .mono = {}, .type = 1, .job = {}, .numbers = {first, rows}});
  }
  const JobId job{static_cast<std::uint64_t>(first)};
  batch.content.push_back({job, WorkshopId{1}, ContentKind::prompt, std::string(200, 't'), {}});
  batch.documents.push_back({DocumentKind::board_message, 1, std::to_string(first + rows - 1)});
  return batch;
}

std::int64_t last_seq(Store& store) {
  std::int64_t last = 0;
  const auto read = store.read_journal(0, [&last](const JournalRow& row) {
    last = row.seq;
    return true;
  });
  return read ? last : -1;
}

// The child: commits until it is killed and reports the last seq of each acknowledged batch.
void commit_for_ever(SqlitePlace& place, int pipe, std::uint64_t seed) {
  TestLoop loop;
  auto store = place.open(loop);
  if (!store) return;
  Random random(seed);
  std::int64_t next = last_seq(**store) + 1;
  int in_flight = 0;
  for (;;) {
    const auto rows = static_cast<std::int64_t>(1 + random.below(5));
    const std::int64_t last = next + rows - 1;
    ++in_flight;
    (*store)->commit(batch_of(next, rows), [&in_flight, pipe, last](Result<void> result) {
      if (!result) _exit(2);
      --in_flight;
      ChildProcess::write_number(pipe, last);
    });
    next = last + 1;
    loop.run_until([&in_flight] { return in_flight < kBatchesInFlight; });
  }
}

void expect_whole_batches(Store& store, std::int64_t acknowledged) {
  std::int64_t expected = 1;
  std::map<std::int64_t, std::int64_t> missing;  // first seq of a batch → rows not seen yet
  const auto read = store.read_journal(0, [&](const JournalRow& row) {
    EXPECT_EQ(row.seq, expected) << "a gap";
    ++expected;
    if (row.seq == row.numbers[0]) missing[row.seq] = row.numbers[1];
    if (--missing[row.numbers[0]] == 0) missing.erase(row.numbers[0]);
    return !::testing::Test::HasFailure();
  });
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_TRUE(missing.empty()) << "a torn batch";
  const std::int64_t last = expected - 1;
  EXPECT_GE(last, acknowledged) << "an acknowledged row is lost";

  const auto document = store.read_documents(DocumentKind::board_message);
  ASSERT_TRUE(document);
  if (last > 0) {
    ASSERT_EQ(document->size(), 1u);
    EXPECT_EQ(document->front().text, std::to_string(last));
  }
}

TEST(SqliteKill, LosesNothingThatWasAcknowledgedAndTearsNoBatch) {
  SqlitePlace place;
  Random random(2026);
  std::int64_t acknowledged = 0;
  for (int round = 0; round < kKills; ++round) {
    const std::uint64_t acknowledgements = random.below(150);
    {
      ChildProcess child(
          [&](int pipe) { commit_for_ever(place, pipe, static_cast<std::uint64_t>(round)); });
      for (std::uint64_t i = 0; i < acknowledgements; ++i) {
        const auto seq = child.next_number();
        ASSERT_TRUE(seq) << "the child ended by itself";
        acknowledged = *seq;
      }
      child.kill_and_wait();
      while (const auto seq = child.next_number()) acknowledged = *seq;
    }
    TestLoop loop;
    const auto store = place.open(loop);
    ASSERT_TRUE(store) << store.error().detail;
    expect_whole_batches(**store, acknowledged);
    ASSERT_FALSE(HasFailure()) << "after kill " << round;
  }
  EXPECT_GT(acknowledged, 0);
}

TEST(SqliteKill, LetsGoOfTheLock) {
  SqlitePlace place;
  ChildProcess child([&](int pipe) { commit_for_ever(place, pipe, 1); });
  ASSERT_TRUE(child.next_number());
  TestLoop loop;
  const auto while_alive = place.open(loop);
  ASSERT_FALSE(while_alive);
  EXPECT_EQ(while_alive.error().code, ErrorCode::conflict);
  child.kill_and_wait();
  EXPECT_TRUE(place.open(loop));
}

}  // namespace
}  // namespace stoker
