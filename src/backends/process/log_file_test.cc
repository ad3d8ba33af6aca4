#include "backends/process/log_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "simulation/virtual_loop.h"

namespace stoker {
namespace {

using ::testing::ElementsAre;

class LogFileTest : public ::testing::Test {
 protected:
  LogFileTest() {
    std::string name = std::filesystem::temp_directory_path() / "log-test-XXXXXX";
    folder_ = ::mkdtemp(name.data());
  }
  ~LogFileTest() override { std::filesystem::remove_all(folder_); }

  std::string path() const { return folder_ / "engine.log"; }
  static std::string text_of(const std::string& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }

  VirtualLoop loop_;
  std::filesystem::path folder_;
};

TEST_F(LogFileTest, KeepsTheOrderWhileWritesAreUnderWay) {
  LogFile log(loop_, path());
  log.add({"one", "two"});
  log.add({"three"});
  loop_.run_until_idle();
  log.add({"four"});
  loop_.run_until_idle();
  EXPECT_EQ(text_of(path()), "one\ntwo\nthree\nfour\n");
}

TEST_F(LogFileTest, KeepsOneOldFileAndNeverMore) {
  LogFile log(loop_, path(), 10);
  for (const char* const line : {"first", "second", "third", "fourth"}) {
    log.add({line});
    loop_.run_until_idle();
  }
  EXPECT_EQ(text_of(path()), "fourth\n");
  EXPECT_EQ(text_of(path() + ".1"), "third\n");
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& file : std::filesystem::directory_iterator(folder_)) ++files;
  EXPECT_EQ(files, 2u);
}

TEST_F(LogFileTest, IsReadableForItsOwnerAlone) {
  LogFile log(loop_, path());
  log.add({"x"});
  loop_.run_until_idle();
  EXPECT_EQ(std::filesystem::status(path()).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(LogFileTest, WhatCannotBeWrittenIsDropped) {
  LogFile log(loop_, folder_ / "missing" / "engine.log");
  log.add({"x"});
  loop_.run_until_idle();
  LogFile none(loop_, "");
  none.add({"x"});
  EXPECT_EQ(loop_.waiting(), 0u);
}

TEST_F(LogFileTest, WaitingLinesAreBounded) {
  LogFile log(loop_, path(), 100 * kBytesPerMiB);
  log.add({"first"});  // its write is under way
  const std::vector<std::string> lines(2000, std::string(1999, 'x'));
  log.add(lines);
  loop_.run_until_idle();
  const std::string text = text_of(path());
  EXPECT_GT(text.size(), kLogWaitingBytesMax / 2);
  EXPECT_LE(text.size(), kLogWaitingBytesMax + 6);
}

TEST(OrderedWorkTest, OnePieceFollowsTheOther) {
  VirtualLoop loop;
  loop.set_offload_time(seconds(1));
  std::vector<std::string> seen;
  {
    OrderedWork work(loop);
    work.add([&] { seen.emplace_back("a"); }, [&] { seen.emplace_back("a done"); });
    work.add([&] { seen.emplace_back("b"); }, [&] { seen.emplace_back("b done"); });
    loop.run_for(milliseconds(1500));
    EXPECT_THAT(seen, ElementsAre("a", "a done"));
    work.add([&] { seen.emplace_back("c"); }, [&] { seen.emplace_back("c done"); });
  }
  loop.run_until_idle();
  EXPECT_THAT(seen, ElementsAre("a", "a done", "b", "c")) << "the owner is gone, the work is done";
}

}  // namespace
}  // namespace stoker
