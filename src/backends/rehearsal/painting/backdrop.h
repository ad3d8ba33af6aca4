// What is behind and around the figures: sky, land, water, weather. Parts of paint_scene, each a
// layer of its own.
#pragma once

#include "backends/rehearsal/painting/brush.h"
#include "backends/rehearsal/painting/scene.h"
#include "base/random.h"

namespace stoker::painting {

// Chance that belongs to one part of one scene: the same for every frame.
inline Random chance_of(const Scene& scene, std::uint64_t part) {
  return Random(mix64(scene.seed ^ mix64(part)));
}

inline bool is_water(const Scene& scene, int layer) {
  return scene.place == Place::sea || (scene.place == Place::island && layer < 2);
}

// Everything below a line of heights.
template <class Height>
Contour below(const Scene& scene, Height height) {
  constexpr double kStep = 8;
  Contour outline{{-20, scene.height + 20}};
  for (double x = -20; x <= scene.width + 20; x += kStep) outline.push_back({x, height(x)});
  outline.push_back({scene.width + 20, scene.height + 20});
  return outline;
}

void paint_sky(const Brush& page, const Scene& scene, double time);
void paint_layer(const Brush& page, const Scene& scene, int layer, double time);
// The part of a wave that is in front of what swims in it.
void paint_wave_front(const Brush& page, const Scene& scene, int layer, double time);
void paint_weather(const Brush& page, const Scene& scene, double time);
// The forest from above, with its river: a picture of its own.
void paint_treetops(const Brush& page, const Scene& scene, double time);

// What stands on a layer by the nature of the place: a skyline, trunks, corals.
void paint_skyline(const Brush& page, const Scene& scene, int layer);
void paint_trunks(const Brush& page, const Scene& scene, int layer);
void paint_seabed(const Brush& page, const Scene& scene, int layer, double time);
void paint_space(const Brush& page, const Scene& scene, double time);
void paint_undergrowth(const Brush& page, const Scene& scene, double time);

}  // namespace stoker::painting
