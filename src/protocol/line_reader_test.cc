#include "protocol/line_reader.h"

#include <gtest/gtest.h>

#include <vector>

namespace stoker::protocol {
namespace {

TEST(LineReader, GivesTheSameLinesWhereverTheBytesAreCut) {
  const std::string bytes = "one\r\n\ntwo \xc3\xa4\nthree";
  const std::vector<std::string> expected = {"one", "", "two \xc3\xa4", "three"};
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    LineReader reader(100);
    std::vector<std::string> lines;
    const auto each = [&](std::string_view line) -> Result<bool> {
      lines.emplace_back(line);
      return true;
    };
    ASSERT_TRUE(reader.feed(bytes.substr(0, cut), each));
    ASSERT_TRUE(reader.feed(bytes.substr(cut), each));
    ASSERT_TRUE(reader.finish(each));
    EXPECT_EQ(lines, expected) << "cut at " << cut;
  }
}

TEST(LineReader, RefusesALineLongerThanItsLimitBeforeItsEndIsSeen) {
  LineReader reader(4);
  const auto each = [](std::string_view) -> Result<bool> { return true; };
  EXPECT_TRUE(reader.feed("1234\n12", each));
  EXPECT_TRUE(reader.feed("34", each));
  EXPECT_EQ(reader.feed("5", each).error().code, ErrorCode::too_large);
}

TEST(LineReader, StopsWhereTheCallbackHasEnough) {
  LineReader reader(100);
  int calls = 0;
  const auto once = [&](std::string_view) -> Result<bool> { return ++calls < 2; };
  EXPECT_FALSE(*reader.feed("a\nb\nc\n", once));
  EXPECT_EQ(calls, 2);
}

}  // namespace
}  // namespace stoker::protocol
