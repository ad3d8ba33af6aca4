#include "backends/rehearsal/painting/motifs.h"

#include <gtest/gtest.h>

#include <string>

namespace stoker::painting {
namespace {

using enum Motif;

std::vector<Motif> motifs(std::string_view prompt) {
  std::vector<Motif> found;
  for (const Mention& mention : read(prompt).mentions) found.push_back(mention.motif);
  return found;
}

using Motifs = std::vector<Motif>;

TEST(Motifs, AreFoundInGermanAndEnglishInTheOrderTheyAreNamed) {
  EXPECT_EQ(motifs("Ein Leuchtturm im Sturm und ein kleines Boot"),
            (Motifs{lighthouse, storm, boat}));
  EXPECT_EQ(motifs("an owl, a fox and the moon"), (Motifs{owl, fox, moon}));
}

TEST(Motifs, SurvivePluralsInflectionsAndCompounds) {
  EXPECT_EQ(motifs("BÄUME"), Motifs{tree});
  EXPECT_EQ(motifs("Häuser"), Motifs{house});
  EXPECT_EQ(motifs("Segelboote"), Motifs{boat});
  EXPECT_EQ(motifs("Leuchtturmwärter"), Motifs{lighthouse});
  EXPECT_EQ(motifs("foxes"), Motifs{fox});
  EXPECT_EQ(motifs("Piratenschiff"), Motifs{boat});
  EXPECT_EQ(motifs("Weltraumkatzen"), Motifs{cat});
}

TEST(Motifs, AreNotSeenInWordsThatOnlyEndLikeThem) {
  EXPECT_EQ(motifs("walking and thinking"), Motifs{});
  EXPECT_EQ(motifs("a million friendships"), Motifs{});
  EXPECT_EQ(motifs("cartoon"), Motifs{});
}

TEST(Motifs, TakeColourAndNumberFromTheWordsBeforeThem) {
  const Reading reading = read("drei rote Fische und ein blauer Hund");
  ASSERT_EQ(reading.mentions.size(), 2U);
  EXPECT_EQ(reading.mentions[0].count, 3U);
  ASSERT_TRUE(reading.mentions[0].colour);
  EXPECT_GT(reading.mentions[0].colour->r, reading.mentions[0].colour->b);
  EXPECT_EQ(reading.mentions[1].count, 1U);
  ASSERT_TRUE(reading.mentions[1].colour);
  EXPECT_GT(reading.mentions[1].colour->b, reading.mentions[1].colour->r);
  EXPECT_EQ(read("99 balloons").mentions.at(0).count, 3U);
  EXPECT_EQ(read("7 cats").mentions.at(0).count, 5U);
}

TEST(Motifs, ComeWithTheLanguageOfThePrompt) {
  EXPECT_EQ(read("ein Hund und eine Katze").language, Language::german);
  EXPECT_EQ(read("a dog and the cat").language, Language::english);
  EXPECT_EQ(read("").language, Language::german);
}

TEST(Motifs, AreLimitedInNumber) {
  EXPECT_EQ(motifs("whale boat fish owl cat dog fox bear rabbit tree house castle").size(),
            kMentionsMax);
}

TEST(Motifs, ReadAnyBytes) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  EXPECT_LE(read(all).mentions.size(), kMentionsMax);
  EXPECT_TRUE(read("\xc3").mentions.empty());
  EXPECT_TRUE(read("\xf0\x9f\x99\x82 \xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d").mentions.empty());
  EXPECT_EQ(read(std::string(5'000'000, 'x') + " whale").mentions.size(), 0U);
}

TEST(Motifs, HashTheirWords) {
  EXPECT_NE(read("one").hash, read("two").hash);
  EXPECT_EQ(read("one").hash, read("one").hash);
}

}  // namespace
}  // namespace stoker::painting
