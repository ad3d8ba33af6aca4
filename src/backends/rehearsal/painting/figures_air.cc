// Figures that fly.
#include <cmath>
#include <tuple>

#include "backends/rehearsal/painting/figures.h"

namespace stoker::painting {

void paint_bird(const Brush& still, const Tones& tones, double time) {
  const double flap = std::sin(time * 6 * kPi);
  const Brush brush = still.at(0, 0.04 * flap, 1);
  brush.solid_soft({{0.30, -0.50}, {0.66, -0.66}, {0.74, -0.50}, {0.62, -0.36}, {0.36, -0.36}},
                   darker(tones.main, 0.15), 0.02);
  brush.solid_soft({{0.00, -0.52},
                    {0.14, -0.80 - 0.22 * flap},
                    {0.40, -1.02 - 0.30 * flap},
                    {0.36, -0.66 - 0.1 * flap},
                    {0.26, -0.46}},
                   darker(tones.main, 0.25), 0.02);
  brush.solid_soft({{-0.58, -0.52},
                    {-0.44, -0.68},
                    {-0.22, -0.66},
                    {0.08, -0.58},
                    {0.42, -0.46},
                    {0.10, -0.20},
                    {-0.26, -0.22},
                    {-0.50, -0.36}},
                   tones.main, 0.05);
  brush.soft({{-0.34, -0.32}, {-0.08, -0.30}, {0.18, -0.28}, {-0.06, -0.20}, {-0.26, -0.23}},
             tones.light);
  brush.solid_soft({{-0.16, -0.48},
                    {-0.10, -0.78 - 0.22 * flap},
                    {0.12, -1.0 - 0.34 * flap},
                    {0.20, -0.66 - 0.1 * flap},
                    {0.14, -0.40}},
                   tones.second, 0.03);
  brush.poly({{-0.56, -0.56}, {-0.76, -0.46}, {-0.55, -0.42}}, hex(0xe8953a));
  brush.disc(-0.42, -0.54, 0.040, tones.dark);
  brush.disc(-0.43, -0.555, 0.013, tones.light);
}

void paint_butterfly(const Brush& still, const Tones& tones, double time) {
  const double open = 0.78 + 0.22 * std::sin(time * 6 * kPi);
  const Brush brush = still.at(0, 0.03 * std::sin(time * 2 * kPi), 1, 0.25);
  for (const double side : {-1.0, 1.0}) {
    const auto x = [&](double v) { return side * v * open; };
    brush.solid_soft(
        {{x(0.03), -0.52}, {x(0.22), -0.88}, {x(0.54), -0.98}, {x(0.60), -0.72}, {x(0.40), -0.50}},
        tones.main, 0.04);
    brush.solid_soft(
        {{x(0.03), -0.46}, {x(0.34), -0.46}, {x(0.48), -0.26}, {x(0.34), -0.08}, {x(0.12), -0.22}},
        tones.second, 0.04);
    brush.oval(x(0.40), -0.76, 0.085 * open, 0.095, tones.light);
    brush.oval(x(0.40), -0.76, 0.045 * open, 0.050, tones.dark);
    brush.oval(x(0.31), -0.28, 0.050 * open, 0.060, tones.light);
    brush.line({{side * 0.015, -0.74}, {side * 0.07, -0.90}, {side * 0.14, -0.95}}, 0.016,
               tones.dark);
  }
  brush.shape(rounded(-0.034, -0.76, 0.034, -0.24, 0.034), tones.dark);
}

void paint_bee(const Brush& still, const Tones& tones, double time) {
  const Brush brush = still.at(0, 0.05 * std::sin(time * 4 * kPi), 1);
  const double buzz = 0.04 * std::sin(time * 16 * kPi);
  const Brush wing = brush.at(0.02, -0.66, 1, -0.4 + buzz);
  wing.form(ellipse({0.08, -0.20}, 0.15, 0.24), clear(tones.light, 0.92), 0.03);
  brush.at(0.16, -0.64, 1, 0.25 + buzz)
      .form(ellipse({0.08, -0.17}, 0.13, 0.21), clear(tones.light, 0.85), 0.03);
  brush.poly({{0.52, -0.46}, {0.70, -0.40}, {0.52, -0.34}}, tones.dark);
  const Contour body = ellipse({0.06, -0.42}, 0.50, 0.31);
  brush.form(body, hex(0xeec04a), 0.05);
  for (const double x : {0.02, 0.24, 0.44})
    brush.inside(rectangle(x - 0.055, -0.8, x + 0.055, 0), body, tones.dark);
  brush.form(ellipse({-0.42, -0.44}, 0.22, 0.22), hex(0xeec04a), 0.04);
  brush.eye(-0.48, -0.48, 0.075, tones.light, tones.dark);
  brush.line({{-0.55, -0.36}, {-0.48, -0.32}, {-0.41, -0.35}}, 0.022, tones.dark);
  for (const double x : {-0.46, -0.36})
    brush.line({{x, -0.62}, {x - 0.06, -0.78}}, 0.022, tones.dark);
}

void paint_balloon(const Brush& still, const Tones& tones, double time) {
  const Brush brush = still.at(0.01 * std::sin(time * 2 * kPi), 0.015 * std::sin(time * 2 * kPi), 1,
                               0.02 * std::sin(time * 2 * kPi));
  for (const double x : {-0.10, 0.10})
    brush.line(Contour{{x * 1.7, -0.38}, {x * 0.8, -0.13}}, 0.010, tones.dark);
  const Contour bag = blob(std::vector<Point>{{-0.09, -0.26},
                                              {-0.27, -0.46},
                                              {-0.36, -0.70},
                                              {-0.25, -0.93},
                                              {0.0, -1.02},
                                              {0.25, -0.93},
                                              {0.36, -0.70},
                                              {0.27, -0.46},
                                              {0.09, -0.26}});
  brush.shape(bag, tones.main);
  const auto stripe = [&](double at, double width, Colour colour) {
    brush.inside(blob(std::vector<Point>{{at * 0.2 - width * 0.2, -1.05},
                                         {at * 0.2 + width * 0.2, -1.05},
                                         {at + width, -0.70},
                                         {at * 0.4 + width * 0.4, -0.24},
                                         {at * 0.4 - width * 0.4, -0.24},
                                         {at - width, -0.70}}),
                 bag, colour);
  };
  stripe(-0.255, 0.055, tones.light);
  stripe(0, 0.070, tones.light);
  stripe(0.255, 0.055, tones.light);
  brush.inside(rectangle(-0.5, -0.60, 0.5, -0.52), bag, tones.second);
  brush.inside(
      blob(std::vector<Point>{
          {0.08, -1.1}, {0.30, -0.8}, {0.16, -0.4}, {0.04, -0.2}, {0.6, -0.2}, {0.6, -1.1}}),
      bag, clear(tones.dark, 0.16));
  brush.form(rounded(-0.095, -0.14, 0.095, 0.0, 0.025), mix(hex(0xa8703f), tones.dark, 0.15), 0.03);
  brush.box(-0.105, -0.15, 0.105, -0.12, darker(hex(0xa8703f), 0.3));
}

void paint_kite(const Brush& still, const Tones& tones, double time) {
  const double phase = time * 2 * kPi;
  const Brush brush =
      still.at(0.03 * std::sin(phase), 0.02 * std::cos(phase), 1, 0.35 + 0.06 * std::sin(phase));
  const double tail = 0.07 * std::sin(phase * 2);
  brush.line({{0, -0.30}, {0.06 + tail, -0.16}, {-0.06, -0.02}, {0.05 - tail, 0.14}, {-0.03, 0.30}},
             0.018, tones.dark);
  for (const Point p : {Point{0.04 + tail, -0.14}, {-0.05, 0.0}, {0.04 - tail, 0.15}}) {
    brush.poly({{p.x, p.y}, {p.x - 0.09, p.y - 0.05}, {p.x - 0.09, p.y + 0.05}}, tones.second);
    brush.poly({{p.x, p.y}, {p.x + 0.09, p.y - 0.05}, {p.x + 0.09, p.y + 0.05}}, tones.second);
  }
  brush.poly({{0, -1.0}, {-0.30, -0.68}, {0, -0.68}}, tones.main);
  brush.poly({{0, -1.0}, {0.30, -0.68}, {0, -0.68}}, tones.light);
  brush.poly({{-0.30, -0.68}, {0, -0.28}, {0, -0.68}}, tones.glow);
  brush.poly({{0.30, -0.68}, {0, -0.28}, {0, -0.68}}, tones.second);
  brush.line(Contour{{0, -1.0}, {0, -0.28}}, 0.014, tones.dark);
  brush.line(Contour{{-0.30, -0.68}, {0.30, -0.68}}, 0.014, tones.dark);
}

void paint_rocket(const Brush& still, const Tones& tones, double time) {
  const double fire = 0.05 * std::sin(time * 12 * kPi);
  const Brush brush = still.at(0, 0.015 * std::sin(time * 2 * kPi), 1, 0.45);
  brush.soft({{-0.11, -0.26}, {-0.15, -0.10}, {0.0, 0.10 + fire}, {0.15, -0.10}, {0.11, -0.26}},
             hex(0xe8853a));
  brush.soft({{-0.065, -0.26}, {-0.075, -0.12}, {0.0, 0.0 + fire}, {0.075, -0.12}, {0.065, -0.26}},
             hex(0xf6d36b));
  brush.solid_soft({{-0.14, -0.52}, {-0.32, -0.32}, {-0.30, -0.16}, {-0.12, -0.28}}, tones.main,
                   0.03);
  brush.solid_soft({{0.14, -0.52}, {0.32, -0.32}, {0.30, -0.16}, {0.12, -0.28}}, tones.main, 0.03);
  const Contour body = blob(std::vector<Point>{{-0.12, -0.24},
                                               {-0.19, -0.52},
                                               {-0.15, -0.80},
                                               {0.0, -1.02},
                                               {0.15, -0.80},
                                               {0.19, -0.52},
                                               {0.12, -0.24}});
  brush.form(body, tones.light, 0.05);
  brush.inside(rectangle(-0.3, -1.2, 0.3, -0.80), body, tones.main);
  brush.inside(rectangle(-0.3, -0.34, 0.3, -0.27), body, tones.second);
  brush.disc(0, -0.60, 0.098, tones.dark);
  brush.disc(0, -0.60, 0.072, tones.glow);
  brush.oval(-0.025, -0.625, 0.022, 0.030, lighter(tones.glow, 0.7));
  brush.shape(rounded(-0.025, -0.36, 0.025, -0.14, 0.024), tones.main);
}

void paint_planet(const Brush& brush, const Tones& tones, double time) {
  const double tilt = -0.32;
  const Brush ring = brush.at(0, -0.50, 1, tilt);
  const auto half_ring = [&](double from, double to) {
    for (const auto& [radius, width, share] : {std::tuple{0.80, 0.055, 0.0}, {0.70, 0.030, 0.5}}) {
      ring.line(arc({0, 0}, radius, radius * 0.24, from, to), width,
                mix(tones.glow, tones.light, share));
    }
  };
  half_ring(kPi, 2 * kPi);
  const Contour globe = ellipse({0, 0}, 0.46, 0.46);
  ring.shape(globe, tones.main);
  for (int i = 0; i < 7; ++i) {
    const double y = -0.42 + i * 0.13 + 0.01 * std::sin(time * 2 * kPi + i);
    const Colour band = i % 3 == 0   ? tones.light
                        : i % 3 == 1 ? tones.second
                                     : mix(tones.main, tones.glow, 0.5);
    ring.inside(blob(std::vector<Point>{{-0.6, y},
                                        {-0.2, y + 0.03},
                                        {0.2, y - 0.01},
                                        {0.6, y + 0.03},
                                        {0.6, y + 0.075},
                                        {0.2, y + 0.045},
                                        {-0.2, y + 0.085},
                                        {-0.6, y + 0.05}}),
                globe, band);
  }
  Contour shade = arc({0, 0}, 0.46, 0.46, -kPi * 0.30, kPi * 0.78);
  for (const Point p : arc({-0.16, -0.12}, 0.54, 0.54, kPi * 0.72, -kPi * 0.20)) shade.push_back(p);
  ring.inside(shade, globe, clear(tones.dark, 0.28));
  half_ring(0, kPi);
}

void paint_ufo(const Brush& still, const Tones& tones, double time) {
  const double phase = time * 2 * kPi;
  const Brush brush =
      still.at(0.04 * std::sin(phase), -0.10 + 0.03 * std::cos(phase), 1, 0.06 * std::sin(phase));
  brush.poly({{-0.28, -0.34}, {0.28, -0.34}, {0.62, 0.36}, {-0.62, 0.36}}, clear(tones.glow, 0.28));
  brush.form(arc({0, -0.58}, 0.34, 0.40, kPi, 2 * kPi),
             clear(mix(tones.light, hex(0x9fd8d8), 0.6), 0.95), 0.05);
  brush.disc(0, -0.68, 0.13, hex(0x7fbf6a));
  brush.eye(0, -0.70, 0.075, tones.light, tones.dark);
  brush.form(ellipse({0, -0.46}, 0.86, 0.22), tones.main, 0.05);
  brush.oval(0, -0.36, 0.40, 0.09, darker(tones.main, 0.35));
  for (int i = 0; i < 5; ++i) {
    const bool lit = (static_cast<int>(time * 10) + i) % 2 == 0;
    brush.disc(-0.60 + i * 0.30, -0.46 + 0.05 * (2 - std::abs(i - 2)), 0.055,
               lit ? tones.glow : tones.second);
  }
}

void paint_star(const Brush& still, const Tones& tones, double time) {
  const double twinkle = 1.0 + 0.05 * std::sin(time * 4 * kPi);
  const Brush brush = still.at(0, -0.5, twinkle).at(0, 0.5, 1);
  brush.form(star({0, -0.5}, 0.50, 0.24, 5, 0.12), tones.glow, 0.05);
  brush.disc(-0.09, -0.53, 0.032, tones.dark);
  brush.disc(0.10, -0.52, 0.032, tones.dark);
  brush.line({{-0.06, -0.42}, {0.0, -0.39}, {0.07, -0.41}}, 0.024, tones.dark);
}

}  // namespace stoker::painting
