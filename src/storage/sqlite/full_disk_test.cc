// A disk without room, played by a limit on the size of files in a child process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "storage/child_process_test.h"
#include "storage/sqlite/sqlite_place_test.h"
#include "storage/sqlite/writer.h"
#include "storage/test_loop.h"

namespace stoker {
namespace {

Batch small_batch(std::int64_t seq) {
  Batch batch;
  batch.journal.push_back(
      {.seq = seq, .wall = {}, .mono = {}, .type = 1, .job = {}, .numbers = {seq}});
  return batch;
}

Batch large_batch(std::int64_t seq) {
  Batch batch = small_batch(seq);
  const JobId job{static_cast<std::uint64_t>(seq)};
  batch.content.push_back({job, WorkshopId{1}, ContentKind::prompt, std::string(1 << 20, 'x'), {}});
  return batch;
}

std::string outcome(const Result<void>& result) {
  return result ? "ok " : std::string(error_name(result.error().code)) + " ";
}

// Room for a few small batches beside what the files hold, and not for a large one.
void fill_disk(const SqlitePlace& place) {
  const auto bytes = std::filesystem::file_size(place.database() + "-wal");
  ChildProcess::limit_file_size(
      std::max<std::uint64_t>(bytes, std::filesystem::file_size(place.database())) + 200'000);
}

std::string seqs(Store& store) {
  std::string found;
  const auto read = store.read_journal(0, [&found](const JournalRow& row) {
    found += std::to_string(row.seq) + " ";
    return true;
  });
  return read ? found : "unreadable";
}

TEST(SqliteFullDisk, FailsWhatHasNoRoomAndGoesOn) {
  SqlitePlace place;
  ChildProcess child([&place](int pipe) {
    TestLoop loop;
    const auto store = *place.open(loop);
    const auto commit = [&](Batch batch) {
      const auto result =
          loop.wait([&](Store::Done done) { store->commit(std::move(batch), std::move(done)); });
      ChildProcess::write_text(pipe, outcome(result));
    };
    commit(small_batch(1));
    fill_disk(place);
    commit(large_batch(2));
    commit(small_batch(3));
    commit(large_batch(4));
    ChildProcess::limit_file_size(std::nullopt);
    commit(large_batch(5));
    ChildProcess::write_text(pipe, "| " + seqs(*store));
  });
  EXPECT_EQ(child.text(), "ok disk_full ok disk_full ok | 1 3 5 ");
  TestLoop loop;
  const auto store = place.open(loop);
  ASSERT_TRUE(store) << store.error().detail;
  EXPECT_EQ(seqs(**store), "1 3 5 ");
  EXPECT_EQ((*store)->read_all_content()->size(), 1u) << "nothing of a failed batch is there";
}

TEST(SqliteFullDisk, ABatchWithoutRoomDoesNotTakeItsGroupAlong) {
  SqlitePlace place;
  std::filesystem::create_directory(place.directory());
  ChildProcess child([&place](int pipe) {
    const auto writer = *sqlite::Writer::open(place.database());
    const Batch first = small_batch(1);
    const Batch* const alone[] = {&first};
    ChildProcess::write_text(pipe, outcome(writer->commit(alone).front()));
    fill_disk(place);
    const Batch batches[] = {small_batch(2), large_batch(3), small_batch(4), small_batch(4),
                             large_batch(6)};
    std::vector<const Batch*> group;
    for (const Batch& batch : batches) group.push_back(&batch);
    for (const auto& result : writer->commit(group))
      ChildProcess::write_text(pipe, outcome(result));
  });
  EXPECT_EQ(child.text(), "ok ok disk_full ok bad_request disk_full ");
  TestLoop loop;
  const auto store = place.open(loop);
  ASSERT_TRUE(store) << store.error().detail;
  EXPECT_EQ(seqs(**store), "1 2 4 ");
}

TEST(SqliteFullDisk, ABackupWithoutRoomFailsAloneAndLeavesNothing) {
  SqlitePlace place;
  ChildProcess child([&place](int pipe) {
    TestLoop loop;
    const auto store = *place.open(loop);
    Batch batch;
    for (std::int64_t seq = 1; seq <= 5000; ++seq) {
      batch.journal.push_back(
          {.seq = seq, .wall = {}, .mono = {}, .job = {}, .numbers = {seq, seq, seq}});
    }
    const auto told = [&](const Result<void>& result) {
      ChildProcess::write_text(pipe, outcome(result));
    };
    told(loop.wait([&](Store::Done done) { store->commit(std::move(batch), std::move(done)); }));
    ChildProcess::limit_file_size(100'000);
    told(loop.wait(
        [&](Store::Done done) { store->backup({place.backup_path(), false}, std::move(done)); }));
    ChildProcess::limit_file_size(std::nullopt);
    told(loop.wait([&](Store::Done done) { store->commit(small_batch(5001), std::move(done)); }));
  });
  EXPECT_EQ(child.text(), "ok disk_full ok ");
  EXPECT_FALSE(std::filesystem::exists(place.backup_path()));
  EXPECT_FALSE(std::filesystem::exists(place.backup_path() + ".part"));
}

}  // namespace
}  // namespace stoker
