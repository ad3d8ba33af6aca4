#include "storage/memory/faulty_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/memory/memory_store.h"
#include "storage/test_loop.h"

namespace stoker {
namespace {

using ::testing::ElementsAre;

std::unique_ptr<FaultyStore> faulty(MemoryDisk& disk, Loop& loop) {
  return std::make_unique<FaultyStore>(*MemoryStore::open(disk, loop));
}

Batch one_row(std::int64_t seq) {
  Batch batch;
  batch.journal.push_back(
      {.seq = seq, .wall = {}, .mono = {}, .type = 1, .job = {}, .numbers = {}});
  return batch;
}

std::vector<std::int64_t> seqs(const MemoryDisk& disk) {
  std::vector<std::int64_t> found;
  for (const JournalRow& row : disk.journal) found.push_back(row.seq);
  return found;
}

// Commits rows 1 to `count`; the answers that come are "ok" or the error's name.
std::vector<std::string> answers(FaultyStore& store, TestLoop& loop, std::int64_t count) {
  std::vector<std::string> told;
  for (std::int64_t seq = 1; seq <= count; ++seq) {
    store.commit(one_row(seq), [&told](Result<void> result) {
      told.push_back(result ? "ok" : std::string(error_name(result.error().code)));
    });
  }
  bool drained = false;
  loop.post([&drained] { drained = true; });
  loop.run_until([&drained] { return drained; });
  return told;
}

TEST(FaultyStore, FailsTheChosenCommitsInOrderAndGoesOn) {
  MemoryDisk disk;
  TestLoop loop;
  const auto store = faulty(disk, loop);
  store->fail_commits(2, 2, {ErrorCode::disk_full, "full"});
  EXPECT_THAT(answers(*store, loop, 5), ElementsAre("ok", "disk_full", "disk_full", "ok", "ok"));
  EXPECT_THAT(seqs(disk), ElementsAre(1, 4, 5));
  EXPECT_EQ(store->commits(), 5u);
}

TEST(FaultyStore, ACrashLosesTheCommitAndEverythingAfterIt) {
  MemoryDisk disk;
  TestLoop loop;
  auto store = faulty(disk, loop);
  store->crash_at_commit(3, FaultyStore::LastBatch::lost);
  EXPECT_TRUE(answers(*store, loop, 5).empty()) << "answers that were on their way die too";
  EXPECT_TRUE(store->crashed());
  EXPECT_FALSE(store->read_all_content());
  store.reset();
  EXPECT_THAT(seqs(disk), ElementsAre(1, 2));
  EXPECT_TRUE(MemoryStore::open(disk, loop));
}

TEST(FaultyStore, ACrashMayKeepTheCommitThatNobodyHeardOf) {
  MemoryDisk disk;
  TestLoop loop;
  const auto store = faulty(disk, loop);
  store->crash_at_commit(3, FaultyStore::LastBatch::written);
  EXPECT_TRUE(answers(*store, loop, 5).empty());
  EXPECT_THAT(seqs(disk), ElementsAre(1, 2, 3));
}

TEST(FaultyStore, AnswersHeardBeforeTheCrashAreOnTheDisk) {
  MemoryDisk disk;
  TestLoop loop;
  const auto store = faulty(disk, loop);
  store->crash_at_commit(4, FaultyStore::LastBatch::lost);
  for (std::int64_t seq = 1; seq <= 3; ++seq) {
    EXPECT_TRUE(loop.wait([&](Store::Done done) { store->commit(one_row(seq), std::move(done)); }));
  }
  EXPECT_TRUE(answers(*store, loop, 1).empty());
  EXPECT_THAT(seqs(disk), ElementsAre(1, 2, 3));
}

TEST(FaultyStore, IsAPlainStoreWithoutFaults) {
  MemoryDisk disk;
  TestLoop loop;
  const auto store = faulty(disk, loop);
  EXPECT_THAT(answers(*store, loop, 2), ElementsAre("ok", "ok"));
  EXPECT_TRUE(loop.wait([&](Store::Done done) { store->erase({}, std::move(done)); }));
  EXPECT_TRUE(
      loop.wait([&](Store::Done done) { store->backup({"copy", false}, std::move(done)); }));
  EXPECT_TRUE(disk.backups.contains("copy"));
}

}  // namespace
}  // namespace stoker
