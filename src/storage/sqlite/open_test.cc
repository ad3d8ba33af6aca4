// What opening accepts and refuses, and what an operator finds in the folder.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "storage/sqlite/schema.h"
#include "storage/sqlite/sqlite_place_test.h"
#include "storage/test_loop.h"

namespace stoker {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SqliteOpen : public ::testing::Test {
 protected:
  // A store was here and was closed.
  void make_store(std::int64_t rows = 1) {
    auto store = place_.open(loop_);
    ASSERT_TRUE(store) << store.error().detail;
    Batch batch;
    for (std::int64_t seq = 1; seq <= rows; ++seq) {
      batch.journal.push_back(
          {.seq = seq, .wall = {seq}, .mono = {}, .type = 3, .job = JobId{9}, .numbers = {1, -2}});
    }
    ASSERT_TRUE(
        loop_.wait([&](Store::Done done) { (*store)->commit(std::move(batch), std::move(done)); }));
  }

  void run_sql(const std::string& sql) {
    auto database = sqlite::Database::open(place_.database());
    ASSERT_TRUE(database) << database.error().detail;
    const auto ran = database->run(sql);
    ASSERT_TRUE(ran) << ran.error().detail;
  }

  void write_file(const std::string& path, const std::string& bytes) {
    std::filesystem::create_directories(place_.directory());
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  }

  // The detail of the refusal.
  std::string refusal(ErrorCode code) {
    const auto store = place_.open(loop_);
    if (store) return "opened";
    EXPECT_EQ(store.error().code, code) << store.error().detail;
    return store.error().detail;
  }

  SqlitePlace place_;
  TestLoop loop_;
};

TEST_F(SqliteOpen, MakesTheFolderAndItsFilesForTheirOwnerAlone) {
  const auto store = place_.open(loop_);
  ASSERT_TRUE(store);
  struct stat found{};
  ASSERT_EQ(stat(place_.directory().c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0700u);
  for (const auto& file : std::filesystem::directory_iterator(place_.directory())) {
    ASSERT_EQ(stat(file.path().c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777, 0600u) << file.path();
  }
}

TEST_F(SqliteOpen, LeavesNoWriteAheadLogWhenClosed) {
  make_store();
  EXPECT_FALSE(std::filesystem::exists(place_.database() + "-wal"));
  EXPECT_TRUE(place_.open(loop_));
}

TEST_F(SqliteOpen, AnOperatorReadsTheJournalWithPlainSql) {
  make_store();
  auto database = sqlite::Database::open(place_.database());
  ASSERT_TRUE(database);
  EXPECT_EQ(*database->text("SELECT numbers FROM event WHERE job = 9 AND type = 3"), "[1,-2]");
  EXPECT_EQ(*database->integer("SELECT sum(value) FROM event, json_each(numbers)"), -1);
}

TEST_F(SqliteOpen, ASecondProcessIsRefusedWithThePath) {
  const auto first = place_.open(loop_);
  ASSERT_TRUE(first);
  EXPECT_THAT(refusal(ErrorCode::conflict), HasSubstr(place_.directory() + "/lock"));
}

TEST_F(SqliteOpen, ANewerSchemaIsRefusedAndLeftAlone) {
  make_store();
  run_sql("PRAGMA user_version=7; PRAGMA journal_mode=DELETE");
  std::ifstream before_file(place_.database(), std::ios::binary);
  const std::string before{std::istreambuf_iterator<char>(before_file), {}};
  EXPECT_THAT(refusal(ErrorCode::internal), AllOf(HasSubstr("version 7"), HasSubstr("version 1")));
  std::ifstream after_file(place_.database(), std::ios::binary);
  const std::string after{std::istreambuf_iterator<char>(after_file), {}};
  EXPECT_EQ(before, after);
}

TEST_F(SqliteOpen, AFileThatIsNoDatabaseIsRefused) {
  write_file(place_.database(), std::string(20'000, 'g'));
  EXPECT_THAT(refusal(ErrorCode::internal),
              AllOf(HasSubstr("stoker.db"), HasSubstr("damaged or no database")));
}

TEST_F(SqliteOpen, AnEmptyFileIsAFreshStart) {
  write_file(place_.database(), "");
  EXPECT_TRUE(place_.open(loop_));
}

TEST_F(SqliteOpen, AnotherProgramsDatabaseIsRefused) {
  write_file(place_.database(), "");
  run_sql("CREATE TABLE event(x)");
  EXPECT_THAT(refusal(ErrorCode::internal), HasSubstr("another program"));
}

TEST_F(SqliteOpen, ASymbolicLinkInTheFilesPlaceIsRefused) {
  write_file(place_.directory() + "/elsewhere", "");
  std::filesystem::create_symlink("elsewhere", place_.database());
  EXPECT_THAT(refusal(ErrorCode::internal), HasSubstr("stoker.db"));
}

TEST_F(SqliteOpen, DamageIsFoundAfterAShutdownThatWasNotClean) {
  make_store(20'000);
  const auto size = std::filesystem::file_size(place_.database());
  std::fstream file(place_.database(), std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(size / 2 / 4096 * 4096));
  file << std::string(4096, 'x');
  file.close();
  write_file(place_.database() + "-wal", "torn");
  EXPECT_THAT(refusal(ErrorCode::internal),
              AllOf(HasSubstr("stoker.db"), HasSubstr("restore a backup")));
}

TEST_F(SqliteOpen, ATornWriteAheadLogIsNoDamage) {
  make_store(100);
  write_file(place_.database() + "-wal", "torn");
  const auto store = place_.open(loop_);
  ASSERT_TRUE(store) << store.error().detail;
  std::int64_t rows = 0;
  EXPECT_TRUE((*store)->read_journal(0, [&rows](const JournalRow&) { return ++rows > 0; }));
  EXPECT_EQ(rows, 100);
}

TEST_F(SqliteOpen, DamageThatIsReadLaterIsAnErrorAndNoCrash) {
  make_store(20'000);
  const auto size = std::filesystem::file_size(place_.database());
  std::fstream file(place_.database(), std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(size / 2 / 4096 * 4096));
  file << std::string(4096, 'x');
  file.close();
  const auto store = place_.open(loop_);
  ASSERT_TRUE(store) << "a clean shutdown is trusted";
  const auto read = (*store)->read_journal(0, [](const JournalRow&) { return true; });
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::internal);
}

TEST_F(SqliteOpen, ABackupIsCompleteOrNotThere) {
  const auto store = place_.open(loop_);
  ASSERT_TRUE(store);
  const auto backup = [&](const std::string& path) {
    return loop_.wait([&](Store::Done done) { (*store)->backup({path, false}, std::move(done)); });
  };
  write_file(place_.backup_path() + ".part", "of an earlier life");
  ASSERT_TRUE(backup(place_.backup_path()));
  EXPECT_FALSE(std::filesystem::exists(place_.backup_path() + ".part"));
  struct stat found{};
  ASSERT_EQ(stat(place_.backup_path().c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600u);
  const auto nowhere = backup(place_.directory() + "/missing/backup.db");
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code, ErrorCode::not_found);
}

TEST_F(SqliteOpen, OneBackupRunsAtATime) {
  make_store(5000);
  const auto store = place_.open(loop_);
  ASSERT_TRUE(store);
  std::vector<std::string> told;
  const auto note = [&told](const char* which) {
    return [&told, which](Result<void> result) {
      const std::string_view outcome = result ? "ok" : error_name(result.error().code);
      told.push_back(std::string(which) + " " + std::string(outcome));
    };
  };
  // Another program holds the file, so that the writer is still at the commit when both backups
  // wait behind it.
  auto other = sqlite::Database::open(place_.database());
  ASSERT_TRUE(other && other->run("BEGIN IMMEDIATE"));
  (*store)->commit({.documents = {{DocumentKind::board_message, 1, "{}"}}}, note("commit"));
  (*store)->backup({place_.backup_path(), false}, note("first"));
  (*store)->backup({place_.backup_path() + "2", false}, note("second"));
  ASSERT_TRUE(other->run("ROLLBACK"));
  loop_.run_until([&told] { return told.size() == 3; });
  EXPECT_THAT(told, ElementsAre("commit ok", "second conflict", "first ok"));
}

}  // namespace
}  // namespace stoker
