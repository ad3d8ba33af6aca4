// Colours that go together: a picture is painted with one palette only.
//
// Threading: values; the palettes are constant.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "backends/rehearsal/painting/colour.h"

namespace stoker::painting {

struct Palette {
  std::array<Colour, 3> sky;    // from the top to the horizon
  std::array<Colour, 4> land;   // from far to near
  std::array<Colour, 4> water;  // from far to near
  Colour sun;                   // or moon
  Colour main;                  // what catches the eye
  Colour second;
  Colour leaf;
  Colour light;
  Colour dark;
  Colour glow;
};

enum class Mood : std::uint8_t {
  day,
  dusk,
  night,
  morning,
  storm,
  autumn,
  winter,
  desert,
  space,
  deep
};

// The palettes of a mood; at least two each.
std::span<const Palette> palettes_of(Mood mood);

// Moves a colour away from what is behind it until it can be told apart.
Colour apart_from(Colour colour, Colour behind);

}  // namespace stoker::painting
