#include "backends/rehearsal/painting/scene.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

namespace stoker::painting {
namespace {

Scene plan(std::string_view prompt, std::uint64_t seed = 1) {
  return plan_scene(read(prompt), seed, 1024, 768);
}

bool holds(const Scene& scene, Motif motif) {
  return std::ranges::any_of(scene.figures,
                             [motif](const Placement& p) { return p.motif == motif; });
}

TEST(Scene, PutsEveryNamedFigureIntoThePicture) {
  for (std::size_t i = 0; i <= static_cast<std::size_t>(kLastFigure); ++i) {
    Reading reading;
    reading.mentions.push_back({static_cast<Motif>(i), {}, 1});
    for (const std::uint64_t seed : {1U, 2U, 3U}) {
      const Scene scene = plan_scene(reading, seed, 1024, 768);
      EXPECT_TRUE(holds(scene, static_cast<Motif>(i)) || scene.place == Place::treetops) << i;
    }
  }
}

TEST(Scene, ChoosesThePlaceThatIsNamed) {
  EXPECT_EQ(plan("eine Stadt").place, Place::city);
  EXPECT_EQ(plan("ein Fluss von oben").place, Place::treetops);
  EXPECT_EQ(plan("a cat in space").place, Place::space);
  EXPECT_EQ(plan("Fuchs im Wald").place, Place::forest);
  EXPECT_EQ(plan("Hase im Schnee").place, Place::snow);
  EXPECT_EQ(plan("ein Kaktus").place, Place::desert);
  EXPECT_EQ(plan("Quallen").place, Place::underwater);
}

TEST(Scene, ChoosesTheWeatherThatIsNamed) {
  EXPECT_TRUE(plan("Boot im Sturm").weather.lightning);
  EXPECT_TRUE(plan("Haus bei Nacht").weather.moon);
  EXPECT_TRUE(plan("ein Regenbogen").weather.rainbow);
  EXPECT_TRUE(plan("Katze im Regen").weather.rain);
  EXPECT_FALSE(plan("Katze in der Sonne").weather.rain);
}

TEST(Scene, PaintsAsManyAsAsked) {
  const Scene scene = plan("fünf Fische");
  EXPECT_GE(std::ranges::count(scene.figures, Motif::fish, &Placement::motif), 5);
}

TEST(Scene, KeepsFiguresInsideThePicture) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const Scene scene = plan(
        seed % 2 == 0 ? "viele Wale und viele Drachen" : "many butterflies, trains and castles",
        seed);
    EXPECT_LE(scene.figures.size(), kPlacementsMax);
    for (const Placement& figure : scene.figures) {
      EXPECT_GE(figure.x, 0);
      EXPECT_LE(figure.x, 1024);
      EXPECT_GT(figure.y, 0);
      EXPECT_LT(figure.y, 768);
      EXPECT_GT(figure.height, 4);
    }
  }
}

TEST(Scene, VariesWithTheSeedAndStaysTheSameForIt) {
  std::set<std::string> places;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const Scene scene = plan("etwas Schönes", seed);
    const Scene again = plan("etwas Schönes", seed);
    ASSERT_FALSE(scene.figures.empty());
    EXPECT_EQ(scene.figures[0].x, again.figures[0].x);
    places.insert(std::to_string(static_cast<int>(scene.place)) +
                  std::to_string(scene.palette.sky[0].r));
  }
  EXPECT_GT(places.size(), 12U);
}

TEST(Scene, MovesWaterInACircleOfTime) {
  const Scene scene = plan("das Meer");
  EXPECT_NE(crest(scene, 1, 300, 0.0), crest(scene, 1, 300, 0.25));
  EXPECT_NEAR(crest(scene, 1, 300, 0.0), crest(scene, 1, 300, 1.0), 1e-6);
}

TEST(Palette, SeparatesAColourFromWhatIsBehindIt) {
  for (const Mood mood : {Mood::day, Mood::night, Mood::storm, Mood::winter}) {
    EXPECT_GE(palettes_of(mood).size(), 2U);
    for (const Palette& palette : palettes_of(mood)) {
      const Colour behind = palette.sky[1];
      const Colour moved = apart_from(behind, behind);
      EXPECT_GT(std::abs(moved.r - behind.r) + std::abs(moved.g - behind.g) +
                    std::abs(moved.b - behind.b),
                0.15);
    }
  }
}

TEST(Mark, IsLightOnDarkInTheLowerRightCorner) {
  Canvas canvas(1024, 768, 1.0);
  canvas.fill_all({0.5, 0.5, 0.5, 1});
  paint_mark(canvas, 1024, 768, 1.0);
  int bright = 0;
  int touched = 0;
  for (unsigned y = 0; y < 768; ++y) {
    for (unsigned x = 0; x < 1024; ++x) {
      const std::uint8_t red = canvas.rgba()[(std::size_t{y} * 1024 + x) * 4];
      if (red > 225) ++bright;
      if (red == 128) continue;
      ++touched;
      ASSERT_GT(x, 700U);
      ASSERT_GT(y, 700U);
    }
  }
  EXPECT_GT(bright, 500);
  EXPECT_GT(touched, 5000);
}

}  // namespace
}  // namespace stoker::painting
