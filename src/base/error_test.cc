#include "base/error.h"

#include <gtest/gtest.h>

#include <set>

namespace stoker {
namespace {

TEST(ErrorTable, EveryCodeHasItsOwnNameAndAFailureStatus) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < kErrorCodeCount; ++i) {
    const auto code = static_cast<ErrorCode>(i);
    names.insert(error_name(code));
    EXPECT_GE(error_http_status(code), 400);
    EXPECT_LT(error_http_status(code), 600);
    EXPECT_EQ(error_from_name(error_name(code)), code);
  }
  EXPECT_EQ(names.size(), kErrorCodeCount);
  EXPECT_EQ(error_from_name("no_such_code"), std::nullopt);
}

TEST(ErrorInvariant, AbortsWithItsReason) {
  EXPECT_DEATH(STOKER_INVARIANT(1 + 1 == 3, "sums are off"), "sums are off");
}

}  // namespace
}  // namespace stoker
