#include "protocol/json_access.h"

#include <gtest/gtest.h>

namespace stoker::protocol {
namespace {

TEST(JsonAccess, TakesWhatIsAbsentNullOrOfAnotherTypeAsNotThere) {
  const auto object = parse_json_object(R"({"a":null,"b":1,"c":"x","d":[1],"e":2.5,"f":1e300})");
  ASSERT_TRUE(object);
  EXPECT_EQ(find_field(*object, "a"), nullptr);
  EXPECT_EQ(text_field(*object, "b"), "");
  EXPECT_EQ(text_field(*object, "c"), "x");
  EXPECT_EQ(whole_field(*object, "b"), 1);
  EXPECT_EQ(whole_field(*object, "e"), 2);
  EXPECT_EQ(whole_field(*object, "f"), std::nullopt);
  EXPECT_EQ(find_list(*object, "c"), nullptr);
  EXPECT_NE(find_list(*object, "d"), nullptr);
}

TEST(JsonAccess, RefusesGarbageAndTooDeepNestingWithoutThrowing) {
  EXPECT_FALSE(parse_json("{\"a\":"));
  EXPECT_FALSE(parse_json("\"\xff\""));
  EXPECT_FALSE(parse_json_object("[]"));
  EXPECT_FALSE(parse_json(std::string(10'000, '[')));
}

TEST(JsonAccess, FitsSeedsIntoWhatEveryEngineTakes) {
  EXPECT_EQ(fitted_seed(42), 42);
  EXPECT_EQ(fitted_seed(0x7fff'ffff), 0x7fff'ffff);
  for (const std::uint64_t seed : {~0ULL, 1ULL << 31, 1ULL << 63, 0x1234'5678'9abc'def0ULL}) {
    EXPECT_GE(fitted_seed(seed), 0);
    EXPECT_LE(fitted_seed(seed), 0x7fff'ffff);
  }
  EXPECT_NE(fitted_seed(1ULL << 40), fitted_seed(0)) << "high bits count";
}

TEST(JsonAccess, KnowsWhatEnginesSayAboutMemoryAndContext) {
  EXPECT_EQ(trouble_of("CUDA error: Out of Memory"), "out_of_memory");
  EXPECT_EQ(trouble_of("no room: OOM"), "out_of_memory");
  EXPECT_EQ(trouble_of("a room with a zoom"), "");
  EXPECT_EQ(trouble_of("exceed_context_size_error"), "context_length");
  EXPECT_EQ(trouble_of("request exceeds the available context size"), "context_length");
}

TEST(JsonAccess, KeepsWordsOfEnginesShortAndOnOneLine) {
  EXPECT_EQ(short_words("a\nb\x01"), "a b ");
  EXPECT_EQ(short_words("\xc3\xa4\xc3\xa4", 3), "\xc3\xa4");
}

}  // namespace
}  // namespace stoker::protocol
