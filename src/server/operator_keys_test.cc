#include "server/operator_keys.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "api/tokens.h"
#include "server/links.h"

namespace stoker::server {
namespace {

class OperatorKeys : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              ("stoker-keys-" +
               std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
    std::filesystem::create_directories(folder_);
    unsetenv(kAdminTokenVariable);
    unsetenv("STOKER_TEST_KEY");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string file(const char* name) const { return (folder_ / name).string(); }

  std::filesystem::path folder_;
};

TEST_F(OperatorKeys, ComeFromFilesAndTheEnvironment) {
  ASSERT_TRUE(write_private_file(file("key"), "0123456789abcdef\n"));
  setenv("STOKER_TEST_KEY", "fedcba9876543210", 1);
  setenv(kAdminTokenVariable, "an-admin-token-set-by-hand", 1);
  const auto keys = read_operator_keys(
      {{Role::application, "kiosk", file("key"), ""}, {Role::leader, "", "", "STOKER_TEST_KEY"}});
  ASSERT_TRUE(keys) << keys.error().detail;
  EXPECT_EQ(*keys,
            (std::vector<OperatorKey>{{Role::application, api::hash_of("0123456789abcdef")},
                                      {Role::leader, api::hash_of("fedcba9876543210")},
                                      {Role::admin, api::hash_of("an-admin-token-set-by-hand")}}));
}

TEST_F(OperatorKeys, AreRefusedWithoutTellingThem) {
  ASSERT_TRUE(write_private_file(file("short"), "tooshort\n"));
  const auto keys = read_operator_keys({{Role::admin, "boss", file("short"), ""}});
  ASSERT_FALSE(keys);
  EXPECT_EQ(keys.error().detail,
            "key \"boss\" must have 16 to 256 visible characters without spaces");
  EXPECT_FALSE(read_operator_keys({{Role::admin, "", "", "STOKER_TEST_KEY"}}));
  EXPECT_FALSE(read_operator_keys({{Role::admin, "", file("absent"), ""}}));
}

TEST_F(OperatorKeys, AreRevokedWhenTheyAreGone) {
  const OperatorKey stays{Role::admin, api::hash_of("stays")};
  const OperatorKey goes{Role::leader, api::hash_of("goes")};
  ASSERT_TRUE(write_known_keys(file("keys.json"), {stays, goes}));
  const auto known = read_known_keys(file("keys.json"));
  ASSERT_TRUE(known);
  const auto rows = rows_of_keys({stays}, *known, WallTime{5});
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0], (TokenRow{stays.hash, Role::admin, {}, {}, WallTime{5}, false}));
  EXPECT_EQ(rows[1].hash, goes.hash);
  EXPECT_TRUE(rows[1].revoked);
}

}  // namespace
}  // namespace stoker::server
