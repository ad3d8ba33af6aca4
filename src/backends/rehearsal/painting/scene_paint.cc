// Puts a planned scene on a canvas, from far to near.
#include <algorithm>
#include <cmath>

#include "backends/rehearsal/painting/backdrop.h"
#include "backends/rehearsal/painting/scene.h"

namespace stoker::painting {
namespace {

Colour behind(const Scene& scene, const Placement& figure) {
  if (figure.layer < 0) return scene.palette.sky[1];
  const Figure& kind = figure_of(figure.motif);
  // Tall figures stand out against the layer behind the one they stand on, or the sky.
  if (kind.size > 0.9 || figure.layer == 0) return scene.palette.sky[2];
  return layer_colour(scene, figure.layer - 1);
}

void paint_islet(const Brush& page, const Scene& scene, const Placement& figure) {
  const double w = figure.height * std::max(0.7, figure_of(figure.motif).width * 0.75);
  const double y = figure.y;
  const Colour ground = mix(scene.palette.leaf, scene.palette.dark, 0.18);
  page.solid_soft({{figure.x - w, y + 34},
                   {figure.x - w * 0.7, y + 6},
                   {figure.x - w * 0.2, y - 8},
                   {figure.x + w * 0.35, y - 6},
                   {figure.x + w * 0.8, y + 8},
                   {figure.x + w, y + 36}},
                  ground, 8);
}

void paint_shadow(const Brush& page, const Placement& figure) {
  const double w = figure.height * std::min(figure_of(figure.motif).width * 0.44, 0.62);
  page.oval(figure.x + w * 0.12, figure.y + 2, w, std::max(4.0, w * 0.13),
            {0.06, 0.05, 0.12, 0.20});
}

void paint_figure(const Brush& page, const Scene& scene, const Placement& figure, double time) {
  const Figure& kind = figure_of(figure.motif);
  const bool on_land = kind.ground == Ground::land && figure.layer >= 0;
  const bool in_sea = scene.place == Place::sea && on_land;
  if (in_sea && figure.motif != Motif::lighthouse &&
      figure.y > crest(scene, figure.layer, figure.x, 0)) {
    paint_islet(page, scene, figure);
  } else if (on_land && !is_water(scene, figure.layer)) {
    paint_shadow(page, figure);
  }
  Tones tones = figure.tones;
  tones.main = apart_from(tones.main, behind(scene, figure));
  // Far figures lie in the haze of their sky.
  const double haze = figure.layer == 0 && scene.place != Place::underwater ? 0.22
                      : figure.layer == 1                                   ? 0.10
                                                                            : 0.0;
  for (Colour* tone : {&tones.main, &tones.second, &tones.light, &tones.dark}) {
    *tone = mix(*tone, scene.palette.sky[2], haze);
  }
  Placing placing{figure.x, figure.y, figure.height, figure.height, figure.turn};
  if (figure.mirrored) placing.scale_x = -placing.scale_x;
  kind.paint(Brush(page.canvas(), placing), tones, std::fmod(time + figure.phase, 1.0));
}

}  // namespace

void paint_scene(Canvas& canvas, const Scene& scene, double time) {
  const Brush page(canvas, {});
  if (scene.place == Place::treetops) return paint_treetops(page, scene, time);
  paint_sky(page, scene, time);
  const auto figures_of_layer = [&](int layer) {
    for (const Placement& figure : scene.figures) {
      if (figure.layer == layer) paint_figure(page, scene, figure, time);
    }
  };
  figures_of_layer(-1);
  const bool ground =
      scene.place != Place::space ||
      std::ranges::any_of(scene.figures, [](const Placement& f) { return f.layer >= 0; });
  for (int layer = 0; ground && layer < kLayers; ++layer) {
    paint_layer(page, scene, layer, time);
    figures_of_layer(layer);
    paint_wave_front(page, scene, layer, time);
  }
  paint_undergrowth(page, scene, time);
  paint_weather(page, scene, time);
}

}  // namespace stoker::painting
