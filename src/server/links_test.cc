#include "server/links.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace stoker::server {
namespace {

class LinksFile : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              ("stoker-links-" +
               std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
    std::filesystem::create_directories(folder_);
    path_ = (folder_ / "links.json").string();
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
  std::string path_;
};

TEST_F(LinksFile, IsReadAsItWasWritten) {
  const Links links{"lead", "adm", "board"};
  ASSERT_TRUE(write_links(path_, links));
  EXPECT_EQ(read_links(path_).value(), links);
  struct stat facts{};
  ASSERT_EQ(stat(path_.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
}

TEST_F(LinksFile, IsEmptyBeforeTheFirstStart) {
  EXPECT_EQ(read_links(path_).value(), Links{});
}

TEST_F(LinksFile, IsRefusedWhenOthersMayReadIt) {
  ASSERT_TRUE(write_links(path_, {}));
  chmod(path_.c_str(), 0644);
  EXPECT_EQ(read_links(path_).error().code, ErrorCode::forbidden);
}

TEST_F(LinksFile, IsRefusedWhenDamaged) {
  ASSERT_TRUE(write_private_file(path_, "{\"leader_"));
  EXPECT_EQ(read_links(path_).error().code, ErrorCode::internal);
}

TEST_F(LinksFile, TakesTheTokenWithoutItsLineEnd) {
  ASSERT_TRUE(write_private_file(path_, "secret\r\n"));
  EXPECT_EQ(read_private_file(path_, 100).value(), "secret");
  EXPECT_EQ(read_private_file(path_, 3).error().code, ErrorCode::too_large);
}

}  // namespace
}  // namespace stoker::server
