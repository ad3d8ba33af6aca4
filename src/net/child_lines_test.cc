#include "net/child_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace stoker::net {
namespace {

using ::testing::ElementsAre;

// The lines of these pieces of output.
std::vector<std::string> lines_of(const std::vector<std::string_view>& pieces) {
  std::vector<std::string> lines;
  LineCutter::Sink sink = [&lines](std::string_view line) { lines.emplace_back(line); };
  LineCutter cutter;
  for (const std::string_view piece : pieces) cutter.feed(piece, sink);
  cutter.finish(sink);
  return lines;
}

TEST(ChildLines, CutAtLineEndsWhereverThePiecesEnd) {
  EXPECT_THAT(lines_of({"one\ntw", "o\n", "\nthree"}), ElementsAre("one", "two", "three"));
}

TEST(ChildLines, ACarriageReturnEndsALine) {
  EXPECT_THAT(lines_of({"10%\r20%\r\ndone\n"}), ElementsAre("10%", "20%", "done"));
}

TEST(ChildLines, KeepNoControlCharactersAndColours) {
  EXPECT_THAT(lines_of({"\x1b[32mINFO\x1b[0m:\tload\x07\x7f\xC2\x85 ok\x1b]0;title\x07!\n"}),
              ElementsAre("INFO: load ok!"));
}

TEST(ChildLines, ReplaceWhatIsNoUtf8) {
  EXPECT_THAT(lines_of({"\xC3\xA4 \xFF \xE2\x82 \xED\xA0\x80\n"}),
              ElementsAre("\xC3\xA4 \xEF\xBF\xBD \xEF\xBF\xBD\xEF\xBF\xBD "
                          "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"));
}

TEST(ChildLines, ACharacterSplitBetweenPiecesStaysWhole) {
  EXPECT_THAT(lines_of({"gr\xC3",
                        "\xBC"
                        "n\n"}),
              ElementsAre("gr\xC3\xBCn"));
}

TEST(ChildLines, LongLinesAreCutAndSaySo) {
  std::vector<std::string_view> pieces;
  const std::string piece(100'000, 'x');
  pieces.assign(50, piece);
  pieces.emplace_back("\nnext\n");
  const auto lines = lines_of(pieces);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0], std::string(kChildLineBytesMax - 3, 'x') + "...");
  EXPECT_EQ(lines[1], "next");
}

TEST(ChildLines, AreCutAtTheBorderOfACharacter) {
  EXPECT_EQ(printable_line("ab\xC3\xA4", 3), "ab");
  EXPECT_EQ(printable_line("ab\xC3\xA4", 4), "ab\xC3\xA4");
}

TEST(ChildLines, StayBoundedWhenEveryByteIsReplaced) {
  const std::string wrong(3 * kChildLineBytesMax, '\xFF');
  const auto lines = lines_of({wrong, "\n"});
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_LE(lines[0].size(), kChildLineBytesMax);
  EXPECT_TRUE(lines[0].ends_with("..."));
}

}  // namespace
}  // namespace stoker::net
