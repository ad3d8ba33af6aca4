// A picture as it is planned before it is painted: place, mood, palette, and what stands where.
//
// Purpose: one plan gives a still picture or all frames of a film; only the time differs.
// Threading: values.
// Limits: kPlacementsMax figures.
#pragma once

#include <cstdint>
#include <vector>

#include "backends/rehearsal/painting/canvas.h"
#include "backends/rehearsal/painting/figures.h"
#include "backends/rehearsal/painting/motifs.h"
#include "backends/rehearsal/painting/palette.h"

namespace stoker::painting {

inline constexpr std::size_t kPlacementsMax = 48;
inline constexpr int kLayers = 4;  // of land or water, from far to near

enum class Place : std::uint8_t {
  meadow,
  mountain,
  forest,
  treetops,
  sea,
  island,
  underwater,
  city,
  desert,
  snow,
  space
};

struct Placement {
  Motif motif = Motif::tree;
  Tones tones;
  double x = 0;  // of its base
  double y = 0;
  double height = 0;
  int layer = 0;  // painted behind the next layer; -1: in the sky
  double turn = 0;
  double phase = 0;  // its own beginning of time
  bool mirrored = false;
  bool beams = false;  // a lighthouse at night
};

struct Weather {
  bool stars = false;
  bool moon = false;
  bool sun = false;
  bool clouds = false;
  bool rain = false;
  bool snowfall = false;
  bool lightning = false;
  bool rainbow = false;
};

struct Scene {
  double width = 1024;
  double height = 768;
  Place place = Place::meadow;
  Palette palette;
  Weather weather;
  bool river = false;
  double lift = 0;  // of the horizon, as a share of the height
  double sun_x = 0;
  double sun_y = 0;
  std::uint64_t seed = 0;
  std::vector<Placement> figures;
};

// The same arguments give the same scene.
Scene plan_scene(const Reading& reading, std::uint64_t seed, double width, double height);

// Height of the upper edge of a layer at x. Water moves with time.
double crest(const Scene& scene, int layer, double x, double time);
Colour layer_colour(const Scene& scene, int layer);

// `time` from 0 to 1; 1 looks like 0 again.
void paint_scene(Canvas& canvas, const Scene& scene, double time);

// The band in the corner that says what this is. `size` 1 suits a picture 1024 wide.
void paint_mark(Canvas& canvas, double width, double height, double size);

}  // namespace stoker::painting
