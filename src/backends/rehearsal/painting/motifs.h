// What a prompt speaks of: things, places and moods that the painter, the sound maker and the
// storyteller know.
//
// Purpose: one list for all of them, found by German and English words, tolerant of plurals and
//   compounds.
// Threading: values; the tables are constant.
// Limits: kMentionsMax things are kept, in the order they are named; only the first
//   kPromptBytesRead bytes are read.
// Errors: none; bytes that are no UTF-8 are skipped, unknown words change only the hash.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "backends/rehearsal/painting/colour.h"

namespace stoker::painting {

inline constexpr std::size_t kMentionsMax = 8;

enum class Motif : std::uint8_t {
  // Things that are painted as figures.
  lighthouse,
  boat,
  whale,
  fish,
  octopus,
  jellyfish,
  turtle,
  penguin,
  duck,
  house,
  castle,
  windmill,
  tent,
  stairs,
  bridge,
  robot,
  car,
  train,
  bicycle,
  tree,
  pine,
  palm,
  cactus,
  flower,
  mushroom,
  bird,
  owl,
  cat,
  dog,
  fox,
  bear,
  rabbit,
  hedgehog,
  elephant,
  snail,
  horse,
  unicorn,
  dragon,
  dinosaur,
  frog,
  lion,
  butterfly,
  bee,
  balloon,
  kite,
  rocket,
  planet,
  ufo,
  ghost,
  child,
  snowman,
  star,
  // Places.
  sea,
  underwater,
  island,
  forest,
  river,
  city,
  space,
  desert,
  mountain,
  meadow,
  // Moods.
  night,
  sunset,
  morning,
  storm,
  rain,
  snow,
  autumn,
  rainbow,
  moon,
  sun,
  cloud,
};

inline constexpr Motif kLastFigure = Motif::star;
inline constexpr Motif kLastPlace = Motif::meadow;
inline constexpr std::size_t kMotifCount = static_cast<std::size_t>(Motif::cloud) + 1;

constexpr bool is_figure(Motif motif) {
  return motif <= kLastFigure;
}
constexpr bool is_place(Motif motif) {
  return motif > kLastFigure && motif <= kLastPlace;
}
constexpr bool is_mood(Motif motif) {
  return motif > kLastPlace;
}

enum class Language : std::uint8_t { german, english };

struct Mention {
  Motif motif = Motif::house;
  std::optional<Colour> colour;  // "a red boat"
  std::uint32_t count = 1;       // "three fish", "viele Fische"; at most 5
};

struct Reading {
  std::vector<Mention> mentions;
  Language language = Language::german;
  std::uint64_t hash = 0;  // of the words, whatever they are

  bool speaks_of(Motif motif) const;
};

Reading read(std::string_view prompt);

}  // namespace stoker::painting
