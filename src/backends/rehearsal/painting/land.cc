// Layers of land and water, and what grows in front.
#include <array>
#include <cmath>

#include "backends/rehearsal/painting/backdrop.h"

namespace stoker::painting {
namespace {

struct Profile {
  std::array<double, kLayers> base;  // of the height
  double swing;                      // of the height
  double waves;                      // along the width
};

constexpr Profile profile_of(Place place) {
  switch (place) {
    case Place::meadow:
      return {{0.58, 0.67, 0.77, 0.90}, 0.036, 1.0};
    case Place::mountain:
      return {{0.47, 0.64, 0.76, 0.90}, 0.030, 1.1};
    case Place::forest:
      return {{0.66, 0.73, 0.81, 0.92}, 0.016, 1.3};
    case Place::sea:
      return {{0.56, 0.65, 0.76, 0.89}, 0.014, 2.6};
    case Place::island:
      return {{0.56, 0.64, 0.74, 0.90}, 0.014, 2.2};
    case Place::underwater:
      return {{0.70, 0.79, 0.87, 0.95}, 0.030, 1.4};
    case Place::city:
      return {{0.62, 0.72, 0.81, 0.92}, 0.010, 0.8};
    case Place::desert:
      return {{0.58, 0.66, 0.77, 0.90}, 0.040, 0.9};
    case Place::snow:
      return {{0.57, 0.66, 0.76, 0.89}, 0.034, 1.0};
    case Place::space:
      return {{0.80, 0.84, 0.885, 0.95}, 0.012, 0.7};
    case Place::treetops:
      break;
  }
  return {{0.6, 0.7, 0.8, 0.9}, 0.03, 1.0};
}

double phase_of(const Scene& scene, int layer, std::uint64_t part) {
  return static_cast<double>(
             mix64(scene.seed + part * 31 + static_cast<std::uint64_t>(layer) * 7) >> 11) *
         0x1.0p-53 * 2 * kPi;
}

// Peaks between 0 and 1 that come every `step`.
double peaks(const Scene& scene, double x, double step) {
  const double at = x / step + phase_of(scene, 0, 3);
  const auto cell = static_cast<std::int64_t>(std::floor(at));
  const double along = at - std::floor(at);
  const auto summit = [&](std::int64_t n) {
    return 0.45 + 0.55 *
                      static_cast<double>(mix64(scene.seed ^ static_cast<std::uint64_t>(n)) >> 11) *
                      0x1.0p-53;
  };
  const double up = along < 0.5 ? along * 2 : (1 - along) * 2;
  return up * summit(cell) + 0.04 * std::sin(along * 31) * up;
}

Colour sand(const Scene& scene) {
  return mix(scene.palette.light, scene.palette.sun, 0.35);
}

void paint_peaks(const Brush& page, const Scene& scene) {
  const auto edge = [&](double x) { return crest(scene, 0, x, 0); };
  const Contour range = below(scene, edge);
  page.shape(range, scene.palette.land[0]);
  const double snow_line = scene.height * 0.36;
  const auto ragged = [&](double x) {
    return snow_line + scene.height * 0.016 * std::sin(x / 13.0) +
           scene.height * 0.010 * std::sin(x / 5.0);
  };
  Contour above = below(scene, ragged);
  above.front().y = -50;
  above.back().y = -50;
  page.inside(above, range, mix(scene.palette.light, scene.palette.sky[2], 0.25));
}

void paint_river(const Brush& page, const Scene& scene) {
  const double top = crest(scene, 2, scene.width * 0.55, 0) + 6;
  const double bottom = scene.height + 20;
  Contour left;
  Contour right;
  for (int i = 0; i <= 20; ++i) {
    const double t = i / 20.0;
    const double middle = scene.width * (0.55 + 0.10 * std::sin(t * 5.2) * (0.4 + t));
    const double half = 8 + 150 * t * t;
    left.push_back({middle - half, top + (bottom - top) * t});
    right.push_back({middle + half, top + (bottom - top) * t});
  }
  left.insert(left.end(), right.rbegin(), right.rend());
  page.shape(left, scene.palette.water[0]);
}

void paint_street(const Brush& page, const Scene& scene) {
  const Colour asphalt = mix(scene.palette.land[3], scene.palette.dark, 0.35);
  const auto kerb = [&](double down) {
    return [&scene, down](double x) { return crest(scene, 2, x, 0) + scene.height * down; };
  };
  page.shape(below(scene, kerb(0.045)), mix(asphalt, scene.palette.light, 0.35));
  page.shape(below(scene, kerb(0.058)), asphalt);
  for (double x = 10; x < scene.width; x += 96) {
    const double y = crest(scene, 2, x + 26, 0) + scene.height * 0.098;
    page.box(x, y, x + 52, y + 6, clear(scene.palette.light, 0.8));
  }
}

void paint_craters(const Brush& page, const Scene& scene, int layer) {
  Random random = chance_of(scene, 60 + static_cast<std::uint64_t>(layer));
  for (int i = 0; i < 4; ++i) {
    const double x = random.unit() * scene.width;
    const double r = random.between(12, 34);
    page.oval(x, crest(scene, layer, x, 0) + r * 0.9, r, r * 0.32,
              darker(layer_colour(scene, layer), 0.18));
  }
}

}  // namespace

double crest(const Scene& scene, int layer, double x, double time) {
  const Profile profile = profile_of(scene.place);
  const auto i = static_cast<std::size_t>(layer);
  const double u = x / scene.width * 2 * kPi * profile.waves;
  const double swing = scene.height * profile.swing;
  double y =
      scene.height * (profile.base.at(i) - scene.lift * (kLayers - 1 - layer) / (kLayers - 1));
  if (scene.place == Place::mountain && layer == 0)
    return y + scene.height * (0.10 - 0.34 * peaks(scene, x, scene.width * 0.27));
  if (is_water(scene, layer)) {
    const double flow = 2 * kPi * time * (layer % 2 == 0 ? 1 : -1);
    y += swing * std::sin(u + phase_of(scene, layer, 1) + flow);
    y += swing * 0.55 * std::sin(u * 2.3 + phase_of(scene, layer, 2) - flow);
    return y + swing * 0.22 * std::sin(u * 7.1 + phase_of(scene, layer, 4) + 2 * flow);
  }
  y += swing * std::sin(u + phase_of(scene, layer, 1));
  y += swing * 0.45 * std::sin(u * 2.2 + phase_of(scene, layer, 2));
  if (scene.place == Place::space) {
    const double across = x / scene.width - 0.5;
    y += scene.height * 0.30 * across * across;
  }
  return y;
}

Colour layer_colour(const Scene& scene, int layer) {
  const auto i = static_cast<std::size_t>(layer);
  if (is_water(scene, layer)) return scene.palette.water.at(i);
  if (scene.place == Place::island)
    return layer == 2 ? sand(scene) : mix(sand(scene), scene.palette.leaf, 0.55);
  return scene.palette.land.at(i);
}

void paint_layer(const Brush& page, const Scene& scene, int layer, double time) {
  const Colour colour = layer_colour(scene, layer);
  const auto edge = [&](double x) { return crest(scene, layer, x, time); };
  if (scene.place == Place::city && layer < 2) paint_skyline(page, scene, layer);
  if (scene.place == Place::forest && layer < 3) paint_trunks(page, scene, layer);
  if (scene.place == Place::mountain && layer == 0) return paint_peaks(page, scene);
  if (is_water(scene, layer)) {
    page.shape(below(scene, edge), darker(colour, 0.22));
    page.shape(below(scene, [&](double x) { return edge(x) + scene.height * 0.011; }), colour);
    return;
  }
  page.shape(below(scene, edge), colour);
  if (scene.place == Place::desert || scene.place == Place::snow) {
    // The side of a dune that lies in the shade.
    page.shape(below(scene,
                     [&](double x) {
                       return edge(x) + scene.height * (0.030 + 0.022 * std::sin(x / 90.0 + layer));
                     }),
               mix(colour, scene.palette.land[3], scene.place == Place::desert ? 0.16 : 0.30));
  }
  if (scene.place == Place::underwater) paint_seabed(page, scene, layer, time);
  if (scene.place == Place::space && layer < 2) paint_craters(page, scene, layer);
  if (scene.place == Place::city && layer == 2) paint_street(page, scene);
  if (scene.river && layer == 3) paint_river(page, scene);
}

void paint_wave_front(const Brush& page, const Scene& scene, int layer, double time) {
  if (!is_water(scene, layer)) return;
  const auto next = static_cast<std::size_t>(std::min(layer + 1, kLayers - 1));
  const Colour colour = mix(layer_colour(scene, layer), scene.palette.water[next], 0.45);
  const auto edge = [&](double x) {
    return crest(scene, layer, x + scene.width * 0.31, time) + scene.height * 0.034;
  };
  page.shape(below(scene, edge), darker(colour, 0.16));
  page.shape(below(scene, [&](double x) { return edge(x) + scene.height * 0.008; }), colour);
}

void paint_undergrowth(const Brush& page, const Scene& scene, double time) {
  const bool green = scene.place == Place::meadow || scene.place == Place::forest ||
                     scene.place == Place::mountain;
  if (!green) return;
  Random random = chance_of(scene, 70);
  const Colour blade = mix(scene.palette.land[3], scene.palette.dark, 0.30);
  for (int i = 0; i < 46; ++i) {
    const double x = random.unit() * scene.width;
    const double base = scene.height + 6;
    const double h = scene.height * random.between(0.035, 0.085);
    const double lean =
        random.between(-0.35, 0.35) * h + 3 * std::sin(2 * kPi * (time + random.unit()));
    page.shape(Contour{{x - 4, base}, {x + lean, base - h}, {x + 4, base}}, blade);
    if (i % 6 != 0) continue;
    page.disc(x + lean, base - h, 5.5, i % 12 == 0 ? scene.palette.second : scene.palette.light);
    page.disc(x + lean, base - h, 2.0, scene.palette.glow);
  }
}

}  // namespace stoker::painting
