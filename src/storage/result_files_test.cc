#include "storage/result_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "storage/child_process_test.h"

namespace stoker {
namespace {

class ResultFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "stoker-results-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  std::string directory() const { return root_ + "/results"; }
  ResultFiles open(ResultFilesFaults faults = {}) {
    return *ResultFiles::open(directory(), std::move(faults));
  }

  // Every file below the results, relative to them.
  std::vector<std::string> files() const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory())) {
      if (!entry.is_directory())
        found.push_back(std::filesystem::relative(entry.path(), directory()));
    }
    return found;
  }

  static ResultName name(std::uint32_t n = 0, std::uint32_t workshop = 3, std::uint64_t job = 17) {
    return {WorkshopId{workshop}, JobId{job}, n, "png"};
  }

  static ErrorCode code(const auto& result) {
    EXPECT_FALSE(result);
    return result ? ErrorCode::internal : result.error().code;
  }

  std::string root_;
};

TEST_F(ResultFilesTest, GivesBackWhatWasWrittenUnderItsPath) {
  ResultFiles results = open();
  ASSERT_TRUE(results.write(name(2), Medium::image, "picture"));
  EXPECT_THAT(files(), ::testing::ElementsAre("3/17/2.png"));
  EXPECT_EQ(results.path(name(2)), directory() + "/3/17/2.png");
  EXPECT_EQ(*results.size(name(2)), 7u);
  EXPECT_EQ(*results.read(name(2), 0, 100), "picture");
}

TEST_F(ResultFilesTest, ReadsRangesAndNothingBehindTheEnd) {
  ResultFiles results = open();
  ASSERT_TRUE(results.write(name(), Medium::image, "0123456789"));
  EXPECT_EQ(*results.read(name(), 3, 4), "3456");
  EXPECT_EQ(*results.read(name(), 8, 4), "89");
  EXPECT_EQ(*results.read(name(), 10, 4), "");
  EXPECT_EQ(*results.read(name(), 1'000'000, SIZE_MAX), "");
  EXPECT_EQ(*results.read(name(), 9, SIZE_MAX), "9");
}

TEST_F(ResultFilesTest, WhatIsNotThereIsNotFound) {
  ResultFiles results = open();
  EXPECT_EQ(code(results.size(name())), ErrorCode::not_found);
  ASSERT_TRUE(results.write(name(), Medium::image, "x"));
  EXPECT_EQ(code(results.size(name(1))), ErrorCode::not_found);
  EXPECT_EQ(code(results.read(name(0, 4), 0, 1)), ErrorCode::not_found);
  EXPECT_EQ(code(results.read(name(0, 3, 18), 0, 1)), ErrorCode::not_found);
}

TEST_F(ResultFilesTest, OnlyItsOwnerMayReadTheFiles) {
  ResultFiles results = open();
  ASSERT_TRUE(results.write(name(), Medium::image, "x"));
  struct stat found{};
  ASSERT_EQ(stat(directory().c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0700u);
  ASSERT_EQ(stat(results.path(name()).c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600u);
}

TEST_F(ResultFilesTest, AnExtensionIsLettersAndDigits) {
  ResultFiles results = open();
  for (const char* bad : {"", ".", "..", "p.g", "a/b", "../x", "png ", "äh", "ninechars", "a\n"}) {
    const ResultName odd{WorkshopId{1}, JobId{1}, 0, bad};
    EXPECT_EQ(code(results.write(odd, Medium::image, "x")), ErrorCode::bad_request) << bad;
    EXPECT_EQ(code(results.size(odd)), ErrorCode::bad_request) << bad;
    EXPECT_EQ(code(results.read(odd, 0, 1)), ErrorCode::bad_request) << bad;
    EXPECT_EQ(results.path(odd), "") << bad;
  }
  const ResultName nul{WorkshopId{1}, JobId{1}, 0, std::string("a\0b", 3)};
  EXPECT_EQ(code(results.write(nul, Medium::image, "x")), ErrorCode::bad_request);
  EXPECT_TRUE(results.write({WorkshopId{1}, JobId{1}, 0, "Mp4x0123"}, Medium::video, "x"));
}

TEST_F(ResultFilesTest, NoSymbolicLinkIsFollowed) {
  ResultFiles results = open();
  ASSERT_TRUE(results.write(name(), Medium::image, "x"));
  const std::string outside = root_ + "/outside";
  std::filesystem::create_directories(outside + "/17");
  std::ofstream(outside + "/17/0.png") << "secret";
  std::filesystem::create_symlink(outside, directory() + "/4");
  std::filesystem::create_symlink(outside + "/17/0.png", directory() + "/3/17/1.png");

  EXPECT_FALSE(results.read(name(0, 4), 0, 10));
  EXPECT_FALSE(results.read(name(1), 0, 10));
  EXPECT_FALSE(results.write(name(0, 4), Medium::image, "y"));
  EXPECT_FALSE(results.remove_job(WorkshopId{4}, JobId{17}));
  ASSERT_TRUE(results.write(name(1), Medium::image, "y")) << "replaces the link itself";
  ASSERT_TRUE(results.remove_workshop(WorkshopId{4})) << "removes the link itself";
  std::ifstream in(outside + "/17/0.png");
  std::string kept;
  in >> kept;
  EXPECT_EQ(kept, "secret");
}

TEST_F(ResultFilesTest, AFileOverItsLimitIsRefused) {
  ResultFiles results = open();
  EXPECT_EQ(result_bytes_max(Medium::video), kVideoBytesMax);
  for (const Medium medium : {Medium::text, Medium::image, Medium::audio, Medium::music}) {
    EXPECT_EQ(result_bytes_max(medium), kImageBytesMax);
  }
  const std::string large(kImageBytesMax + 1, 'x');
  EXPECT_EQ(code(results.write(name(), Medium::image, large)), ErrorCode::too_large);
  EXPECT_TRUE(files().empty());
  EXPECT_EQ(results.workshop_bytes(WorkshopId{3}), 0u);
}

TEST_F(ResultFilesTest, CountsWhatAWorkshopHolds) {
  const WorkshopId workshop{3};
  ResultFiles results = open();
  ASSERT_TRUE(results.write(name(0), Medium::image, "12345"));
  ASSERT_TRUE(results.write(name(1, 3, 18), Medium::image, "123"));
  ASSERT_TRUE(results.write(name(0, 4), Medium::image, "1234567"));
  EXPECT_EQ(results.workshop_bytes(workshop), 8u);
  ASSERT_TRUE(results.write(name(0), Medium::image, "1"));
  EXPECT_EQ(results.workshop_bytes(workshop), 4u) << "a replaced file does not count";
  EXPECT_EQ(open().workshop_bytes(workshop), 4u) << "counted again at the start";
  ASSERT_TRUE(results.remove_job(workshop, JobId{18}));
  EXPECT_EQ(results.workshop_bytes(workshop), 1u);
  ASSERT_TRUE(results.remove_workshop(workshop));
  EXPECT_EQ(results.workshop_bytes(workshop), 0u);
  EXPECT_EQ(results.workshop_bytes(WorkshopId{4}), 7u);
  EXPECT_THAT(files(), ::testing::ElementsAre("4/17/0.png"));
}

TEST_F(ResultFilesTest, AWorkshopOverItsLimitIsRefusedAndOthersAreNot) {
  open();
  std::filesystem::create_directories(directory() + "/3/1");
  // A file with a hole: it counts as large and takes no room.
  std::ofstream(directory() + "/3/1/0.mp4").put('x');
  std::filesystem::resize_file(directory() + "/3/1/0.mp4", kWorkshopBytesMax - 3);
  ResultFiles results = open();
  EXPECT_EQ(code(results.write(name(), Medium::image, "1234")), ErrorCode::limit_reached);
  EXPECT_TRUE(results.write(name(), Medium::image, "123"));
  EXPECT_EQ(code(results.write(name(1), Medium::image, "1")), ErrorCode::limit_reached);
  EXPECT_TRUE(results.write(name(0, 4), Medium::image, "1234"));
}

TEST_F(ResultFilesTest, RemovingWhatIsNotThereIsDoneAlready) {
  ResultFiles results = open();
  EXPECT_TRUE(results.remove_job(WorkshopId{3}, JobId{1}));
  EXPECT_TRUE(results.remove_workshop(WorkshopId{3}));
  ASSERT_TRUE(results.write(name(), Medium::image, "x"));
  EXPECT_TRUE(results.remove_job(WorkshopId{3}, JobId{1}));
  EXPECT_TRUE(results.size(name()));
}

TEST_F(ResultFilesTest, OpeningRemovesWhatAnEarlierLifeDidNotFinish) {
  ASSERT_TRUE(open().write(name(), Medium::image, "x"));
  std::ofstream(directory() + "/3/17/.part-9") << "half a picture";
  ResultFiles results = open();
  EXPECT_THAT(files(), ::testing::ElementsAre("3/17/0.png"));
  EXPECT_EQ(results.workshop_bytes(WorkshopId{3}), 1u);
}

// Fails at each step in turn: the name holds the old file or, once renamed, the new one, and no
// rest stays.
TEST_F(ResultFilesTest, AFailureAtAnyStepLeavesAWholeFileAndNoRest) {
  for (int step = 0; step < kFileStepCount; ++step) {
    std::filesystem::remove_all(directory());
    const auto failing = static_cast<FileStep>(step);
    bool armed = false;
    ResultFiles results =
        open({.before = [&](FileStep now) { return armed && now == failing ? ENOSPC : 0; }});
    ASSERT_TRUE(results.write(name(), Medium::image, "old"));
    armed = true;
    const auto failed = results.write(name(), Medium::image, "newer");
    EXPECT_EQ(code(failed), ErrorCode::disk_full) << "step " << step;
    const bool renamed = failing == FileStep::sync_folder;
    EXPECT_EQ(*results.read(name(), 0, 100), renamed ? "newer" : "old") << "step " << step;
    EXPECT_THAT(files(), ::testing::SizeIs(1)) << "step " << step;
    EXPECT_EQ(results.workshop_bytes(WorkshopId{3}), renamed ? 5u : 3u) << "step " << step;
    armed = false;
    EXPECT_TRUE(results.write(name(), Medium::image, "newer"));
  }
}

TEST_F(ResultFilesTest, OtherFailuresAreInternal) {
  ResultFiles results =
      open({.before = [](FileStep step) { return step == FileStep::sync ? EIO : 0; }});
  const auto failed = results.write(name(), Medium::image, "x");
  EXPECT_EQ(code(failed), ErrorCode::internal);
  EXPECT_THAT(failed.error().detail, ::testing::HasSubstr("3/17/0.png"));
}

TEST_F(ResultFilesTest, ADiskThatFillsUpInTheMiddleOfAFileLeavesNothing) {
  {
    ChildProcess child([this](int pipe) {
      ResultFiles results = open();
      ChildProcess::limit_file_size(100'000);
      const auto failed = results.write(name(), Medium::image, std::string(300'000, 'x'));
      const auto small = results.write(name(1), Medium::image, "fits");
      ChildProcess::write_text(pipe, std::string(failed ? "ok" : error_name(failed.error().code)) +
                                         (small ? " ok" : " failed"));
    });
    EXPECT_EQ(child.text(), "disk_full ok");
  }
  EXPECT_THAT(files(), ::testing::ElementsAre("3/17/1.png"));
}

TEST_F(ResultFilesTest, TellsTheFreeBytesOfTheDiskOrOfTheTest) {
  EXPECT_GT(*open().free_bytes(), 0u);
  ResultFiles results = open({.free_bytes = [] { return ResultFiles::kFreeBytesMin - 1; }});
  EXPECT_LT(*results.free_bytes(), ResultFiles::kFreeBytesMin);
}

TEST_F(ResultFilesTest, SeveralThreadsWriteAtOnceAndTheCountIsRight) {
  ResultFiles results = open();
  constexpr std::uint32_t kThreads = 4;
  constexpr std::uint32_t kFiles = 30;
  std::vector<std::thread> writers;
  std::atomic<int> failures = 0;
  for (std::uint32_t t = 0; t < kThreads; ++t) {
    writers.emplace_back([&results, &failures, t] {
      for (std::uint32_t n = 0; n < kFiles; ++n) {
        // Own files of an own job, and one name that all fight for.
        if (!results.write(name(n, 3, 100 + t), Medium::image, "12345")) ++failures;
        if (!results.write(name(0, 3, 50), Medium::image, std::string(t + 1, 'x'))) ++failures;
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(failures, 0);
  EXPECT_THAT(files(), ::testing::SizeIs(kThreads * kFiles + 1));
  EXPECT_EQ(results.workshop_bytes(WorkshopId{3}),
            kThreads * kFiles * 5 + *results.size(name(0, 3, 50)));
}

}  // namespace
}  // namespace stoker
