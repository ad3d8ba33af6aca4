// Figures that somebody built: houses, machines, vehicles.
#include <array>
#include <cmath>

#include "backends/rehearsal/painting/figures.h"

namespace stoker::painting {
namespace {

void window(const Brush& brush, double x, double y, double size, const Tones& tones) {
  brush.box(x - size, y - size * 1.25, x + size, y + size * 1.25, tones.dark);
  const double inner = size * 0.80;
  brush.box(x - inner, y - inner * 1.28, x + inner, y + inner * 1.28, tones.glow);
  brush.box(x - inner, y - size * 0.09, x + inner, y + size * 0.09, tones.dark);
  brush.box(x - size * 0.09, y - inner * 1.25, x + size * 0.09, y + inner * 1.25, tones.dark);
}

void wheel(const Brush& brush, double x, double r, const Tones& tones) {
  brush.disc(x, -r, r, tones.dark);
  brush.disc(x, -r, r * 0.52, tones.light);
  brush.disc(x, -r, r * 0.20, tones.dark);
}

void flag(const Brush& brush, double x, double y, Colour cloth, const Tones& tones, double time) {
  const double wave = 0.012 * std::sin(time * 4 * kPi);
  brush.line({{x, y}, {x, y - 0.14}}, 0.012, tones.dark);
  brush.poly({{x, y - 0.14}, {x + 0.12, y - 0.11 + wave}, {x, y - 0.07}}, cloth);
}

}  // namespace

void paint_house(const Brush& brush, const Tones& tones, double time) {
  brush.box(0.17, -0.93, 0.27, -0.62, darker(tones.main, 0.3));
  for (int i = 0; i < 3; ++i) {
    const double rise = std::fmod(time + i / 3.0, 1.0);
    brush.disc(0.22 + 0.07 * rise + 0.02 * std::sin(rise * 9), -0.97 - 0.24 * rise,
               0.04 + 0.03 * rise, clear(tones.light, 0.75 * (1 - rise)));
  }
  brush.form(Contour{{-0.38, 0}, {-0.38, -0.50}, {0.38, -0.50}, {0.38, 0}}, tones.light, 0.08);
  brush.solid_poly({{-0.48, -0.48}, {0.0, -0.92}, {0.48, -0.48}}, tones.main, 0.07);
  brush.box(-0.09, -0.28, 0.10, 0.0, tones.second);
  brush.disc(0.065, -0.13, 0.016, tones.glow);
  window(brush, -0.24, -0.25, 0.075, tones);
  window(brush, 0.25, -0.25, 0.075, tones);
  brush.disc(0, -0.64, 0.075, tones.dark);
  brush.disc(0, -0.64, 0.055, tones.glow);
}

void paint_castle(const Brush& brush, const Tones& tones, double time) {
  const Colour wall = mix(tones.light, tones.second, 0.18);
  const auto tower = [&](double x, double half, double top) {
    brush.form(rectangle(x - half, top, x + half, 0), wall, 0.05);
    brush.solid_poly(
        {{x - half - 0.035, top + 0.01}, {x, top - 0.26}, {x + half + 0.035, top + 0.01}},
        tones.main, 0.04);
    flag(brush, x, top - 0.24, tones.glow, tones, time);
    brush.shape(rounded(x - 0.028, top + 0.10, x + 0.028, top + 0.20, 0.026), tones.dark);
  };
  tower(0.02, 0.105, -0.66);
  tower(-0.30, 0.085, -0.52);
  tower(0.36, 0.085, -0.48);
  const auto battlements = [&](double left, double right, double top, Colour colour) {
    brush.form(rectangle(left, top, right, 0), colour, 0.05);
    for (double x = left; x + 0.055 <= right + 1e-9; x += 0.105)
      brush.box(x, top - 0.055, x + 0.06, top + 0.01, colour);
  };
  battlements(-0.46, 0.50, -0.32, darker(wall, 0.08));
  tower(-0.55, 0.10, -0.42);
  tower(0.58, 0.10, -0.40);
  Contour gate = arc({0.02, -0.14}, 0.11, 0.12, kPi, 2 * kPi);
  gate.push_back({0.13, 0});
  gate.push_back({-0.09, 0});
  brush.shape(gate, tones.dark);
  for (const double x : {-0.26, 0.30})
    brush.shape(rounded(x - 0.03, -0.24, x + 0.03, -0.13, 0.028), tones.glow);
}

void paint_windmill(const Brush& brush, const Tones& tones, double time) {
  brush.form(Contour{{-0.22, 0}, {-0.13, -0.56}, {0.13, -0.56}, {0.22, 0}}, tones.light, 0.06);
  Contour cap = arc({0, -0.55}, 0.16, 0.15, kPi, 2 * kPi);
  brush.form(cap, tones.main, 0.04);
  brush.box(-0.07, -0.16, 0.07, 0, tones.second);
  window(brush, 0, -0.34, 0.045, tones);
  for (int i = 0; i < 4; ++i) {
    const Brush sail = brush.at(0, -0.58, 1.0, time * kPi / 2 + i * kPi / 2 + 0.5);
    sail.line({{0, 0}, {0, -0.43}}, 0.022, tones.dark);
    sail.poly({{0.012, -0.10}, {0.115, -0.12}, {0.115, -0.42}, {0.012, -0.42}}, tones.light);
    for (const double y : {-0.20, -0.28, -0.36})
      sail.line({{0.012, y}, {0.115, y}}, 0.009, clear(tones.dark, 0.5));
  }
  brush.disc(0, -0.58, 0.032, tones.dark);
}

void paint_tent(const Brush& brush, const Tones& tones, double time) {
  flag(brush, 0, -0.84, tones.main, tones, time);
  const Contour cloth{{-0.62, 0}, {0.0, -0.86}, {0.62, 0}};
  brush.shape(cloth, tones.light);
  for (int i = 0; i < 3; ++i) {
    const double x = -0.62 + i * 0.4133;
    brush.inside(Contour{{x, 0}, {0, -0.86}, {x + 0.2067, 0}}, cloth, tones.main);
  }
  brush.inside(Contour{{0.18, 0}, {0, -0.86}, {0.70, 0}}, cloth, clear(tones.dark, 0.16));
  brush.poly({{-0.13, 0}, {0.0, -0.42}, {0.13, 0}}, tones.dark);
  brush.poly({{-0.13, 0}, {0.0, -0.42}, {-0.02, 0}}, tones.glow);
}

void paint_stairs(const Brush& brush, const Tones& tones, double time) {
  constexpr int kSteps = 8;
  for (int i = kSteps - 1; i >= 0; --i) {
    const double x = -0.72 + i * 0.18;
    const double y = -0.10 - i * 0.105;
    brush.poly({{x, y}, {x + 0.18, y + 0.05}, {x + 0.18, 0.02}, {x, 0.02}},
               mix(tones.second, tones.dark, 0.30));
    brush.poly({{x, y}, {x + 0.12, y - 0.065}, {x + 0.30, y - 0.015}, {x + 0.18, y + 0.05}},
               tones.light);
    brush.poly({{x, y}, {x + 0.18, y + 0.05}, {x + 0.18, y + 0.115}, {x, y + 0.075}},
               mix(tones.light, tones.main, 0.75));
  }
  paint_child(brush.at(-0.16 + 0.005 * std::sin(time * 2 * kPi), -0.41, 0.24), tones, time);
}

void paint_bridge(const Brush& brush, const Tones& tones, double) {
  Contour stone =
      curve(Contour{{-1.3, -0.10}, {-0.7, -0.40}, {0.0, -0.56}, {0.7, -0.40}, {1.3, -0.10}});
  stone.push_back({1.3, 0});
  for (const double x : {0.75, 0.0, -0.75}) {
    for (const Point p : arc({x, 0}, 0.29, 0.32, 0, -kPi)) stone.push_back(p);
  }
  stone.push_back({-1.3, 0});
  brush.form(stone, mix(tones.main, tones.light, 0.15), 0.05);
  brush.line({{-1.3, -0.16}, {-0.7, -0.46}, {0.0, -0.62}, {0.7, -0.46}, {1.3, -0.16}}, 0.05,
             tones.light);
  for (int i = 0; i < 3; ++i) {
    const double x = -0.7 + i * 0.7;
    const double y = i == 1 ? -0.62 : -0.46;
    brush.line({{x, y}, {x, y - 0.22}}, 0.022, tones.dark);
    brush.disc(x, y - 0.25, 0.045, tones.glow);
  }
}

void paint_robot(const Brush& still, const Tones& tones, double time) {
  const Brush brush = still.at(0, -0.012 * std::abs(std::sin(time * 2 * kPi)), 1.0);
  const double wave = 0.25 * std::sin(time * 2 * kPi);
  brush.line({{0, -0.94}, {0, -0.86}}, 0.022, tones.dark);
  brush.disc(0, -0.96, 0.042, tones.glow);
  for (const double side : {-1.0, 1.0}) {
    brush.box(side * 0.13 - 0.05, -0.18, side * 0.13 + 0.05, -0.02,
              mix(tones.dark, tones.main, 0.4));
    brush.shape(rounded(side * 0.13 - 0.09, -0.06, side * 0.13 + 0.09, 0.0, 0.028), tones.dark);
    const Brush arm = brush.at(side * 0.29, -0.48, 1.0, side > 0 ? wave - 2.1 : 0.35);
    arm.line({{0, 0}, {0, 0.22}}, 0.055, mix(tones.dark, tones.main, 0.4));
    arm.disc(0, 0.25, 0.055, tones.second);
  }
  brush.form(rounded(-0.27, -0.55, 0.27, -0.15, 0.06), tones.main, 0.06);
  brush.form(rounded(-0.23, -0.88, 0.23, -0.57, 0.08), mix(tones.main, tones.light, 0.25), 0.05);
  brush.shape(rounded(-0.18, -0.82, 0.18, -0.65, 0.07), tones.dark);
  brush.disc(-0.085, -0.735, 0.048, tones.glow);
  brush.disc(0.085, -0.735, 0.048, tones.glow);
  brush.shape(rounded(-0.14, -0.46, 0.14, -0.27, 0.03), tones.light);
  brush.line({{-0.10, -0.36}, {-0.04, -0.36}, {0.0, -0.42}, {0.04, -0.31}, {0.10, -0.36}}, 0.018,
             tones.second);
}

void paint_car(const Brush& still, const Tones& tones, double time) {
  const Brush brush = still.at(0, -0.012 * std::abs(std::sin(time * 4 * kPi)), 1.0);
  Contour cabin{{-0.44, -0.46}, {-0.28, -0.86}, {0.26, -0.86}, {0.48, -0.46}};
  brush.form(cabin, tones.main, 0.05);
  brush.poly({{-0.34, -0.48}, {-0.23, -0.77}, {-0.03, -0.77}, {-0.03, -0.48}}, tones.glow);
  brush.poly({{0.05, -0.48}, {0.05, -0.77}, {0.21, -0.77}, {0.37, -0.48}}, tones.glow);
  brush.form(rounded(-0.90, -0.52, 0.92, -0.14, 0.12), tones.main, 0.06);
  brush.box(-0.88, -0.33, 0.90, -0.29, tones.light);
  brush.disc(-0.83, -0.38, 0.06, tones.glow);
  wheel(brush, -0.50, 0.20, tones);
  wheel(brush, 0.52, 0.20, tones);
}

void paint_train(const Brush& brush, const Tones& tones, double time) {
  for (int i = 0; i < 3; ++i) {
    const double puff = std::fmod(time + i / 3.0, 1.0);
    brush.disc(-0.88 + 0.45 * puff, -0.98 - 0.28 * puff, 0.07 + 0.08 * puff,
               clear(tones.light, 0.8 * (1 - puff)));
  }
  brush.box(-1.35, -0.025, 1.35, 0.0, tones.dark);
  brush.box(-0.94, -0.94, -0.80, -0.60, tones.dark);
  brush.form(rounded(-1.14, -0.66, -0.40, -0.20, 0.14), tones.main, 0.06);
  brush.form(rectangle(-0.52, -0.90, -0.12, -0.20), tones.main, 0.06);
  brush.box(-0.58, -0.96, -0.06, -0.88, tones.dark);
  window(brush, -0.32, -0.65, 0.10, tones);
  brush.poly({{-1.32, -0.06}, {-1.10, -0.24}, {-1.10, -0.06}}, tones.dark);
  brush.disc(-1.12, -0.50, 0.06, tones.glow);
  brush.box(-0.95, -0.66, -0.90, -0.20, tones.glow);
  for (int car = 0; car < 2; ++car) {
    const double x = -0.02 + car * 0.68;
    brush.line({{x - 0.12, -0.22}, {x + 0.06, -0.22}}, 0.03, tones.dark);
    brush.form(rounded(x, -0.74, x + 0.60, -0.20, 0.05),
               car == 0 ? tones.second : mix(tones.second, tones.light, 0.3), 0.05);
    for (const double w : {0.16, 0.44}) window(brush, x + w, -0.50, 0.085, tones);
  }
  for (const double x : {-0.96, -0.68, -0.28, 0.14, 0.44, 0.82, 1.12}) wheel(brush, x, 0.11, tones);
}

void paint_bicycle(const Brush& brush, const Tones& tones, double time) {
  for (const double x : {-0.46, 0.46}) {
    brush.line(ellipse({x, -0.32}, 0.29, 0.29), 0.045, tones.dark);
    for (int i = 0; i < 5; ++i) {
      const double a = i * 2 * kPi / 5 + time * 2 * kPi / 5;
      brush.line({{x, -0.32}, {x + 0.27 * std::cos(a), -0.32 + 0.27 * std::sin(a)}}, 0.010,
                 clear(tones.dark, 0.6));
    }
    brush.disc(x, -0.32, 0.04, tones.dark);
  }
  const auto tube = [&](Point a, Point b) { brush.line(Contour{a, b}, 0.055, tones.main); };
  tube({-0.46, -0.32}, {-0.20, -0.76});
  tube({-0.20, -0.70}, {0.36, -0.72});
  tube({0.46, -0.32}, {0.30, -0.90});
  tube({-0.20, -0.74}, {-0.02, -0.32});
  tube({-0.02, -0.32}, {0.35, -0.70});
  tube({-0.46, -0.32}, {-0.02, -0.32});
  brush.shape(rounded(-0.34, -0.86, -0.08, -0.78, 0.038), tones.dark);
  brush.line({{-0.20, -0.70}, {-0.21, -0.80}}, 0.035, tones.dark);
  brush.line({{0.30, -0.90}, {0.22, -0.96}, {0.14, -0.93}}, 0.045, tones.dark);
  brush.disc(-0.02, -0.32, 0.065, tones.light);
  brush.form(rounded(0.36, -0.86, 0.62, -0.66, 0.03), tones.second, 0.03);
  brush.dots({{0.42, -0.90}, {0.50, -0.93}, {0.57, -0.89}}, 0.05, tones.glow);
}

}  // namespace stoker::painting
