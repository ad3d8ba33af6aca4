// What makes a place: skylines, trunks, corals, planets, treetops.
#include <algorithm>
#include <cmath>

#include "backends/rehearsal/painting/backdrop.h"

namespace stoker::painting {
namespace {

void windows(const Brush& page, double left, double top, double right, double bottom, Colour lit,
             Random& random) {
  const double size = 9;
  for (double y = top + 16; y + size < bottom; y += 26) {
    for (double x = left + 12; x + size < right - 6; x += 22) {
      if (random.below(3) != 0) page.box(x, y, x + size, y + size * 1.4, lit);
    }
  }
}

void seaweed(const Brush& page, double x, double y, double height, Colour colour, double time) {
  Contour stem;
  for (int i = 0; i <= 8; ++i) {
    const double up = i / 8.0;
    stem.push_back({x + 14 * up * std::sin(up * 5 + 2 * kPi * time), y - height * up});
  }
  page.line(curve(stem), 9, colour);
}

void coral(const Brush& page, double x, double y, double size, Colour colour) {
  const Brush brush = page.at(x, y, size);
  brush.line({{0, 0.1}, {0.02, -0.4}, {0.0, -0.95}}, 0.15, colour);
  brush.line({{0.01, -0.35}, {0.26, -0.52}, {0.30, -0.85}}, 0.12, colour);
  brush.line({{0.01, -0.22}, {-0.26, -0.36}, {-0.34, -0.72}}, 0.12, colour);
  brush.line({{-0.27, -0.38}, {-0.48, -0.46}, {-0.52, -0.60}}, 0.09, colour);
  brush.line({{0.27, -0.54}, {0.46, -0.60}, {0.50, -0.74}}, 0.09, colour);
}

double river_x(const Scene& scene, double y) {
  const double v = y / scene.height;
  return scene.width * (0.50 + 0.14 * std::sin(v * 4.6 + 0.8) - (v - 0.5) * 0.30);
}

void paint_treetop(const Brush& page, double x, double y, double r, Colour colour, int lobes,
                   double turn) {
  const auto cauliflower = [&](double cx, double cy) {
    Contour outline;
    constexpr int kPieces = 96;
    for (int i = 0; i < kPieces; ++i) {
      const double a = turn + i * 2 * kPi / kPieces;
      const double wave = 1.0 - 0.10 * (1 - std::abs(std::sin(a * lobes / 2.0)));
      outline.push_back({cx + r * wave * std::cos(a), cy + r * wave * std::sin(a)});
    }
    return outline;
  };
  page.shape(cauliflower(x + r * 0.18, y + r * 0.20), {0.05, 0.10, 0.10, 0.34});
  page.shape(cauliflower(x, y), colour);
  page.disc(x - r * 0.26, y - r * 0.28, r * 0.34, lighter(colour, 0.24));
}

}  // namespace

void paint_skyline(const Brush& page, const Scene& scene, int layer) {
  Random random = chance_of(scene, 20 + static_cast<std::uint64_t>(layer));
  const Palette& palette = scene.palette;
  double x = -20 - random.unit() * 40;
  const bool dark_sky = scene.weather.stars;
  while (x < scene.width) {
    const double width = random.between(58, 118);
    const double base = crest(scene, layer, x + width / 2, 0) + 30;
    const double height =
        scene.height * (layer == 0 ? random.between(0.20, 0.44) : random.between(0.12, 0.30));
    const double top = base - height;
    const std::array<Colour, 4> walls{palette.light, mix(palette.light, palette.second, 0.45),
                                      palette.land[2], mix(palette.land[1], palette.main, 0.45)};
    const Colour wall =
        layer == 0 ? mix(palette.land[0], palette.sky[2], 0.30)
                   : mix(walls[random.below(walls.size())], palette.dark, dark_sky ? 0.18 : 0.0);
    page.form(rectangle(x, top, x + width, base), wall, 12);
    const auto roof = random.below(4);
    const Colour tiles = layer == 0 ? wall : palette.main;
    if (roof == 0)
      page.poly({{x - 5, top + 1}, {x + width / 2, top - width * 0.55}, {x + width + 5, top + 1}},
                tiles);
    if (roof == 1)
      page.shape(arc({x + width / 2, top + 1}, width * 0.34, width * 0.34, kPi, 2 * kPi),
                 layer == 0 ? wall : palette.second);
    if (roof == 2) page.box(x + width * 0.3, top - 22, x + width * 0.7, top + 1, wall);
    if (roof == 3)
      page.line(Contour{{x + width / 2, top}, {x + width / 2, top - 34}}, 4,
                layer == 0 ? wall : palette.dark);
    const bool pale = wall.r + wall.g + wall.b > 1.9;
    const Colour lit = pale && !dark_sky ? mix(palette.land[3], palette.dark, 0.4) : palette.glow;
    windows(page, x, top, x + width, base - 30, clear(lit, layer == 0 ? 0.55 : 0.95), random);
    x += width + (random.below(3) == 0 ? random.between(4, 26) : 2);
  }
}

void paint_trunks(const Brush& page, const Scene& scene, int layer) {
  Random random = chance_of(scene, 30 + static_cast<std::uint64_t>(layer));
  const double depth = layer / 2.0;
  const Colour bark = mix(scene.palette.land[static_cast<std::size_t>(layer)], scene.palette.dark,
                          0.12 + 0.22 * depth);
  const int count = 9 - 2 * layer;
  for (int i = 0; i < count; ++i) {
    double x = scene.width * (i + random.between(0.2, 0.8)) / count;
    // Near trunks leave the middle free.
    if (layer == 2)
      x = i % 2 == 0 ? scene.width * random.between(-0.02, 0.12)
                     : scene.width * random.between(0.90, 1.02);
    const double half = random.between(9, 15) * (1 + layer * 0.75);
    const double base = crest(scene, layer, x, 0) + 16;
    page.form(Contour{{x - half, base},
                      {x - half * 0.62, scene.height * 0.3},
                      {x - half * 0.5, -10},
                      {x + half * 0.5, -10},
                      {x + half * 0.62, scene.height * 0.3},
                      {x + half, base}},
              bark, half * 0.5);
    const double fork = scene.height * random.between(0.26, 0.42);
    const double side = random.below(2) == 0 ? -1 : 1;
    page.line({{x, fork + half * 2},
               {x + side * half * 2.5, fork - half},
               {x + side * half * 4.5, fork - half * 4}},
              half * 0.55, bark);
  }
  const Colour leaves = mix(scene.palette.leaf, scene.palette.land[static_cast<std::size_t>(layer)],
                            0.75 - 0.2 * layer);
  for (int i = 0; i < 15; ++i) {
    const double x = scene.width * (i + random.unit() * 0.6) / 14.0;
    const double r = scene.height * random.between(0.06, 0.11);
    page.disc(x, scene.height * (0.10 - 0.055 * layer) - r * 0.2, r, leaves);
  }
}

void paint_seabed(const Brush& page, const Scene& scene, int layer, double time) {
  Random random = chance_of(scene, 40 + static_cast<std::uint64_t>(layer));
  const Palette& palette = scene.palette;
  if (layer == 0) {
    for (int i = 0; i < 5; ++i) {
      const double x = scene.width * (0.05 + i * 0.22) + 24 * std::sin(2 * kPi * time + i);
      page.poly(
          {{x, -10}, {x + 60, -10}, {x - 130, scene.height * 0.75}, {x - 260, scene.height * 0.75}},
          {1, 1, 1, 0.055});
    }
  }
  const std::array<Colour, 4> corals{palette.main, palette.second,
                                     mix(palette.main, palette.light, 0.4), hex(0xb06aa8)};
  for (int i = 0; i < 5 + layer; ++i) {
    const double x = random.unit() * scene.width;
    const double y = crest(scene, layer, x, 0) + 14;
    const double near = 0.6 + 0.25 * layer;
    const Colour weed =
        mix(palette.leaf, palette.land[static_cast<std::size_t>(layer)], 0.5 - 0.1 * layer);
    if (random.below(5) < 3) {
      seaweed(page, x, y, scene.height * random.between(0.10, 0.20) * near, weed,
              time + random.unit());
      seaweed(page, x + 20, y, scene.height * random.between(0.06, 0.13) * near, darker(weed, 0.1),
              time + random.unit());
    } else {
      coral(page, x, y, scene.height * random.between(0.07, 0.13) * near,
            mix(corals[random.below(4)], palette.land[static_cast<std::size_t>(layer)],
                0.35 - 0.1 * layer));
    }
  }
  for (int i = 0; i < 6; ++i) {
    const double rise = std::fmod(random.unit() + time, 1.0);
    const double x = random.unit() * scene.width + 8 * std::sin(rise * 14);
    page.line(ellipse({x, scene.height * (0.95 - rise)}, 4 + i, 4 + i), 2, {1, 1, 1, 0.40});
  }
}

void paint_space(const Brush& page, const Scene& scene, double time) {
  Random random = chance_of(scene, 50);
  const Palette& palette = scene.palette;
  for (int i = 0; i < 3; ++i) {
    const double x = scene.width * (i == 0   ? random.between(0.02, 0.2)
                                    : i == 1 ? random.between(0.8, 0.96)
                                             : random.between(0.4, 0.6));
    const double y =
        scene.height * (i == 2 ? random.between(0.06, 0.14) : random.between(0.12, 0.45));
    const double r = scene.height * random.between(0.025, 0.07);
    const Contour globe = ellipse({x, y}, r, r);
    const Colour colour = i == 0   ? palette.second
                          : i == 1 ? mix(palette.water[0], palette.light, 0.3)
                                   : palette.main;
    page.form(globe, colour, r * 0.45);
    page.inside(ellipse({x, y + r * 0.2}, r * 1.2, r * 0.16), globe,
                mix(colour, palette.light, 0.35));
  }
  const double fly = std::fmod(time, 1.0);
  const Point head{scene.width * (0.28 + 0.10 * fly), scene.height * (0.10 + 0.05 * fly)};
  page.poly({{head.x, head.y - 4}, {head.x - 110, head.y - 58}, {head.x, head.y + 4}},
            clear(palette.sun, 0.35));
  page.disc(head.x, head.y, 6, palette.sun);
}

void paint_treetops(const Brush& page, const Scene& scene, double time) {
  Random random = chance_of(scene, 80);
  const Palette& palette = scene.palette;
  const Colour ground = mix(palette.leaf, palette.dark, 0.62);
  page.canvas().fill_all(ground);
  const auto bank = [&](double half) {
    Contour river;
    for (double y = -20; y <= scene.height + 20; y += 10)
      river.push_back({river_x(scene, y) - half, y});
    for (double y = scene.height + 20; y >= -20; y -= 10)
      river.push_back({river_x(scene, y) + half, y});
    return river;
  };
  const double half = scene.width * 0.072;
  page.shape(bank(half * 1.28), mix(palette.light, palette.second, 0.45));
  page.shape(bank(half), mix(palette.water[0], palette.light, 0.15));
  for (int i = 0; i < 16; ++i) {
    const double y = std::fmod((i + 0.5) / 16 + time / 16, 1.0) * scene.height;
    const double x = river_x(scene, y) + random.between(-0.5, 0.5) * half;
    page.line(arc({x, y - 8}, 16, 10, kPi * 0.2, kPi * 0.8), 4, clear(palette.light, 0.85));
  }
  const double by = scene.height * 0.56 + 10 * std::sin(2 * kPi * time);
  const Brush canoe = page.at(river_x(scene, by), by, scene.height * 0.062, 0.32);
  canoe.soft({{0, -1}, {0.34, -0.3}, {0.34, 0.3}, {0, 1}, {-0.34, 0.3}, {-0.34, -0.3}},
             palette.main);
  canoe.soft({{0, -0.78}, {0.19, -0.2}, {0.19, 0.2}, {0, 0.78}, {-0.19, 0.2}, {-0.19, -0.2}},
             palette.light);
  const std::array<Colour, 8> crowns{palette.leaf,
                                     darker(palette.leaf, 0.18),
                                     lighter(palette.leaf, 0.18),
                                     mix(palette.leaf, palette.glow, 0.45),
                                     darker(palette.leaf, 0.28),
                                     palette.second,
                                     lighter(palette.leaf, 0.08),
                                     palette.main};
  for (int i = 0; i < 190; ++i) {
    const double r =
        scene.height * (i < 60 ? random.between(0.065, 0.10) : random.between(0.030, 0.065));
    const double x = random.unit() * scene.width;
    const double y = random.unit() * scene.height;
    const auto pick = random.below(40);
    const int lobes = 9 + static_cast<int>(random.below(5));
    const double turn = random.unit() * 6;
    if (std::abs(x - river_x(scene, y)) < half * 1.15 + r) continue;
    paint_treetop(page, x, y, r,
                  crowns[pick < 34    ? pick % 5
                         : pick < 37  ? 5
                         : pick == 39 ? 7
                                      : 6],
                  lobes, turn + 0.03 * std::sin(2 * kPi * time + turn));
  }
}

}  // namespace stoker::painting
