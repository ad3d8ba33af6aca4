// Sky and weather.
#include <algorithm>
#include <cmath>

#include "backends/rehearsal/painting/backdrop.h"

namespace stoker::painting {
namespace {

void paint_stars(const Brush& page, const Scene& scene, double time) {
  Random random = chance_of(scene, 11);
  const int count = scene.place == Place::space ? 130 : 70;
  const double lowest = scene.place == Place::space ? scene.height : scene.height * 0.56;
  for (int i = 0; i < count; ++i) {
    const double x = random.unit() * scene.width;
    const double y = random.unit() * lowest;
    const double r =
        random.between(1.0, 2.9) * (1 + 0.3 * std::sin(2 * kPi * (time * 2 + random.unit())));
    page.disc(x, y, r, clear(scene.palette.sun, 0.9));
  }
}

void paint_moon(const Brush& page, const Scene& scene) {
  const double r = scene.height * 0.085;
  const Brush moon = page.at(scene.sun_x, scene.sun_y, r);
  moon.disc(0, 0, 1.32, clear(scene.palette.sun, 0.10));
  if (scene.seed % 2 == 0) {
    Contour crescent = arc({0, 0}, 1, 1, kPi * 0.30, kPi * 1.62);
    for (const Point p : arc({0.42, -0.14}, 0.83, 0.83, kPi * 1.42, kPi * 0.50))
      crescent.push_back(p);
    moon.at(0, 0, 1, -0.25).shape(crescent, scene.palette.sun);
    return;
  }
  moon.disc(0, 0, 1, scene.palette.sun);
  const Colour crater = darker(scene.palette.sun, 0.09);
  moon.disc(-0.32, -0.22, 0.22, crater);
  moon.disc(0.30, 0.30, 0.28, crater);
  moon.disc(0.38, -0.38, 0.13, crater);
  moon.disc(-0.25, 0.48, 0.12, crater);
}

void paint_sun(const Brush& page, const Scene& scene, double time) {
  const double r = scene.height * 0.115;
  const double pulse = 1 + 0.03 * std::sin(2 * kPi * time);
  page.disc(scene.sun_x, scene.sun_y, r * 1.75 * pulse, clear(scene.palette.sun, 0.16));
  page.disc(scene.sun_x, scene.sun_y, r * 1.36 * pulse, clear(scene.palette.sun, 0.22));
  page.disc(scene.sun_x, scene.sun_y, r, scene.palette.sun);
}

void paint_cloud(const Brush& page, double x, double y, double size, Colour colour) {
  const Brush cloud = page.at(x, y, size);
  const Contour above = rectangle(-3, -3, 3, 0);
  for (const auto& [cx, cy, r] : {std::array{-0.78, -0.04, 0.34},
                                  {-0.30, -0.20, 0.46},
                                  {0.24, -0.12, 0.40},
                                  {0.70, -0.02, 0.30}}) {
    cloud.inside(ellipse({cx, cy}, r, r), above, colour);
  }
}

void paint_clouds(const Brush& page, const Scene& scene, double time) {
  Random random = chance_of(scene, 12);
  const int count = 3 + static_cast<int>(random.below(3));
  for (int i = 0; i < count; ++i) {
    const double drift = 18 * std::sin(2 * kPi * (time + random.unit()));
    const double x = scene.width * (i + random.between(0.15, 0.85)) / count + drift;
    const double y = scene.height * random.between(0.12, 0.42);
    const double size = scene.height * random.between(0.055, 0.105);
    paint_cloud(page, x, y, size,
                mix(scene.palette.sky[2], scene.palette.light, random.between(0.45, 0.85)));
  }
}

void paint_rainbow(const Brush& page, const Scene& scene) {
  constexpr std::uint32_t kBands[] = {0xd9534a, 0xe8913f, 0xf0cb52, 0x6aae62, 0x4a8fc4, 0x8563b0};
  const double cx = scene.width * 0.5;
  const double cy = scene.height * 0.78;
  const double width = scene.height * 0.030;
  for (int i = 0; i < 6; ++i) {
    const double r = scene.height * 0.64 - i * width * 0.98;
    page.line(arc({cx, cy}, r * 1.05, r, kPi * 0.98, kPi * 2.02), width, hex(kBands[i], 0.85));
  }
}

void paint_lightning(const Brush& page, const Scene& scene, double time) {
  Random random = chance_of(scene, 13);
  const double x = scene.width * random.between(0.15, 0.85);
  const bool flash = time < 0.5 || time > 0.62;
  const Brush bolt = page.at(x, scene.height * 0.10, scene.height * 0.40);
  bolt.poly(
      {{0.08, 0}, {-0.14, 0.48}, {0.0, 0.48}, {-0.12, 1.0}, {0.20, 0.38}, {0.05, 0.38}, {0.22, 0}},
      clear(scene.palette.glow, flash ? 0.95 : 0.35));
}

// The beams of a lighthouse lie on the sky and behind everything else.
void paint_beams(const Brush& page, const Scene& scene, const Placement& tower, double time) {
  const double x = tower.x;
  const double y = tower.y - tower.height * 0.79;
  const double sway = 0.05 * std::sin(2 * kPi * time);
  const double reach = scene.width * 1.2;
  const auto beam = [&](double side, double tilt, double spread, double alpha) {
    page.poly({{x, y - tower.height * 0.02},
               {x + side * reach, y + reach * (tilt - spread)},
               {x + side * reach, y + reach * (tilt + spread)},
               {x, y + tower.height * 0.02}},
              clear(scene.palette.glow, alpha));
  };
  beam(-1, -0.02 + sway, 0.13, 0.62);
  beam(1, 0.16 - sway, 0.09, 0.30);
}

}  // namespace

void paint_sky(const Brush& page, const Scene& scene, double time) {
  Random random = chance_of(scene, 10);
  page.canvas().fill_all(scene.palette.sky[0]);
  for (int band = 1; band < 3; ++band) {
    const double base =
        scene.height * (band == 1 ? random.between(0.15, 0.24) : random.between(0.34, 0.43));
    const double phase = random.unit() * 2 * kPi;
    const double swing = scene.height * random.between(0.025, 0.05);
    const auto height = [&](double x) {
      const double u = x / scene.width * 2 * kPi;
      return base + swing * std::sin(u * 0.9 + phase) +
             swing * 0.4 * std::sin(u * 2.1 + phase * 2 + 0.4 * std::sin(2 * kPi * time));
    };
    page.shape(below(scene, height), scene.palette.sky[static_cast<std::size_t>(band)]);
  }
  if (scene.place == Place::space) paint_space(page, scene, time);
  if (scene.weather.stars) paint_stars(page, scene, time);
  if (scene.weather.moon) paint_moon(page, scene);
  if (scene.weather.sun) paint_sun(page, scene, time);
  if (scene.weather.rainbow) paint_rainbow(page, scene);
  if (scene.weather.clouds) paint_clouds(page, scene, time);
  if (scene.weather.lightning) paint_lightning(page, scene, time);
  for (const Placement& figure : scene.figures) {
    if (figure.beams) paint_beams(page, scene, figure, time);
  }
}

void paint_weather(const Brush& page, const Scene& scene, double time) {
  Random random = chance_of(scene, 14);
  for (int i = 0; scene.weather.rain && i < 130; ++i) {
    const double x = random.unit() * scene.width * 1.15;
    const double y = std::fmod(random.unit() + time * 3, 1.0) * scene.height * 1.1;
    const double length = scene.height * random.between(0.025, 0.05);
    page.line(Contour{{x, y - length}, {x - length * 0.28, y}}, 2.4,
              clear(scene.palette.light, 0.45));
  }
  for (int i = 0; scene.weather.snowfall && i < 110; ++i) {
    const double start = random.unit();
    const double y = std::fmod(start + time, 1.0) * scene.height * 1.05;
    const double x = random.unit() * scene.width + 14 * std::sin(2 * kPi * (time + start));
    page.disc(x, y, random.between(2.0, 6.0), {1, 1, 1, 0.88});
  }
}

}  // namespace stoker::painting
