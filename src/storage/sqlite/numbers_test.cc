#include "storage/sqlite/numbers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "storage/store.h"

namespace stoker {
namespace {

std::string written(const std::vector<std::int64_t>& numbers) {
  std::string text = "left over";
  write_numbers(numbers, text);
  return text;
}

TEST(JournalNumbers, AreACompactJsonArray) {
  EXPECT_EQ(written({}), "[]");
  EXPECT_EQ(written({7}), "[7]");
  EXPECT_EQ(written({1, -2, 0}), "[1,-2,0]");
}

TEST(JournalNumbers, ComeBackAsTheyWere) {
  using Limits = std::numeric_limits<std::int64_t>;
  const std::vector<std::int64_t> edges{Limits::min(), -1, 0, 1, Limits::max()};
  EXPECT_EQ(*read_numbers(written(edges)), edges);
  const std::vector<std::int64_t> most(kNumbersPerRowMax, Limits::min());
  EXPECT_EQ(*read_numbers(written(most)), most);
  EXPECT_TRUE(read_numbers("[]")->empty());
}

TEST(JournalNumbers, RefuseWhatNobodyWrote) {
  for (const char* text : {"", "[", "]", "[,]", "[1,]", "[,1]", "[1 ,2]", "[1,,2]", "1", "[1", "1]",
                           "[1.5]", "[x]", "[+1]", "[9223372036854775808]", "[[1]]", "{}"}) {
    const auto read = read_numbers(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, ErrorCode::internal);
  }
  EXPECT_FALSE(read_numbers(written(std::vector<std::int64_t>(kNumbersPerRowMax + 1))));
}

}  // namespace
}  // namespace stoker
