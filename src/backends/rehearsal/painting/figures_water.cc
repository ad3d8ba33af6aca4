// Figures of the coast and the sea.
#include <cmath>

#include "backends/rehearsal/painting/figures.h"

namespace stoker::painting {

void paint_lighthouse(const Brush& brush, const Tones& tones, double) {
  brush.solid_soft(
      {{-0.42, 0.06}, {-0.30, -0.06}, {-0.05, -0.13}, {0.20, -0.10}, {0.40, 0.06}, {0.0, 0.12}},
      mix(tones.dark, tones.second, 0.25));
  const Contour tower{{-0.145, -0.08}, {0.145, -0.08}, {0.090, -0.70}, {-0.090, -0.70}};
  brush.shape(tower, tones.light);
  brush.inside(rectangle(-0.3, -0.30, 0.3, -0.18), tower, tones.main);
  brush.inside(rectangle(-0.3, -0.55, 0.3, -0.43), tower, tones.main);
  brush.inside(rectangle(0.045, -0.8, 0.3, 0), tower, clear(tones.dark, 0.22));
  brush.box(-0.022, -0.40, 0.022, -0.335, tones.dark);
  brush.box(-0.022, -0.16, 0.022, -0.08, tones.dark);
  brush.box(-0.135, -0.735, 0.135, -0.695, tones.dark);
  brush.box(-0.082, -0.85, 0.082, -0.735, tones.glow);
  for (const double x : {-0.085, -0.006, 0.073}) brush.box(x, -0.85, x + 0.013, -0.735, tones.dark);
  brush.solid_poly({{-0.115, -0.85}, {0.115, -0.85}, {0.0, -0.985}}, tones.main, 0.04);
  brush.disc(0, -0.99, 0.018, tones.dark);
}

void paint_boat(const Brush& still, const Tones& tones, double time) {
  const Brush brush =
      still.at(0, 0.01 * std::sin(time * 2 * kPi), 1.0, 0.05 * std::sin(time * 2 * kPi));
  brush.line({{0.0, -0.20}, {0.01, -0.97}}, 0.022, tones.dark);
  brush.shape(curve(Contour{{-0.03, -0.92}, {-0.17, -0.62}, {-0.36, -0.31}}), tones.light);
  brush.poly({{-0.03, -0.92}, {-0.03, -0.30}, {-0.36, -0.31}},
             mix(tones.light, tones.second, 0.25));
  Contour sail = curve(Contour{{0.04, -0.94}, {0.28, -0.62}, {0.42, -0.28}});
  sail.push_back({0.04, -0.27});
  brush.form(sail, tones.light, 0.05);
  const Contour hull{{-0.50, -0.22}, {0.52, -0.24}, {0.39, 0.0}, {-0.36, 0.0}};
  brush.form(hull, tones.main, 0.05);
  brush.inside(rectangle(-0.6, -0.185, 0.6, -0.15), hull, tones.light);
  const double wave = 0.02 * std::sin(time * 4 * kPi);
  brush.poly({{0.01, -0.97}, {0.15, -0.93 + wave}, {0.01, -0.89}}, tones.main);
}

void paint_whale(const Brush& still, const Tones& tones, double time) {
  const Brush brush =
      still.at(0, 0.012 * std::sin(time * 2 * kPi), 1.0, 0.02 * std::sin(time * 2 * kPi));
  const double spout = 0.03 * std::sin(time * 4 * kPi);
  const Colour water = mix(tones.light, tones.second, 0.15);
  for (const double side : {-1.0, 1.0}) {
    brush.line({{-0.38, -0.72},
                {-0.38 + side * 0.03, -0.90},
                {-0.38 + side * 0.15, -0.97 - spout},
                {-0.38 + side * 0.20, -0.86 - spout}},
               0.035, water);
  }
  const double wag = 0.03 * std::sin(time * 2 * kPi);
  brush.solid_soft({{0.66, -0.40},
                    {0.82, -0.56},
                    {0.84, -0.76 + wag},
                    {0.97, -0.62 + wag},
                    {1.16, -0.62 + wag},
                    {1.03, -0.46 + wag},
                    {0.86, -0.30}},
                   tones.main, 0.03);
  const Contour body = blob(std::vector<Point>{{-1.02, -0.30},
                                               {-0.93, -0.56},
                                               {-0.62, -0.72},
                                               {-0.15, -0.73},
                                               {0.32, -0.61},
                                               {0.72, -0.46},
                                               {0.92, -0.40},
                                               {0.82, -0.18},
                                               {0.42, 0.02},
                                               {-0.15, 0.08},
                                               {-0.70, 0.06},
                                               {-0.96, -0.10}});
  brush.form(body, tones.main, 0.05);
  const Contour belly = blob(std::vector<Point>{{-1.10, -0.24},
                                                {-0.80, -0.19},
                                                {-0.45, -0.16},
                                                {-0.05, -0.06},
                                                {0.30, 0.10},
                                                {-0.40, 0.25},
                                                {-1.05, 0.15}});
  brush.inside(belly, body, tones.light);
  for (int i = 0; i < 4; ++i) {
    const double x = -0.80 + i * 0.19;
    brush.line({{x, -0.10 + i * 0.012}, {x + 0.05, -0.03}, {x + 0.14, 0.03}}, 0.014,
               clear(tones.dark, 0.45));
  }
  brush.solid_soft({{-0.25, -0.18}, {-0.08, -0.19}, {0.10, -0.02}, {0.16, 0.12}, {-0.10, 0.06}},
                   darker(tones.main, 0.22), 0.03);
  brush.eye(-0.66, -0.33, 0.055, tones.light, tones.dark);
}

void paint_fish(const Brush& still, const Tones& tones, double time) {
  const Brush brush = still.at(0, 0.03 * std::sin(time * 2 * kPi), 1.0);
  const double wag = 0.07 * std::sin(time * 6 * kPi);
  brush.solid_soft({{0.36, -0.48},
                    {0.60, -0.72 + wag},
                    {0.76, -0.76 + wag},
                    {0.66, -0.46 + wag},
                    {0.76, -0.18 + wag},
                    {0.58, -0.24 + wag}},
                   tones.second, 0.03);
  brush.solid_soft({{-0.22, -0.74}, {0.02, -0.98}, {0.24, -0.92}, {0.24, -0.70}}, tones.second,
                   0.03);
  brush.solid_soft({{-0.10, -0.22}, {0.02, -0.03}, {0.16, -0.06}, {0.14, -0.26}}, tones.second,
                   0.03);
  const Contour body = blob(std::vector<Point>{{-0.66, -0.44},
                                               {-0.44, -0.70},
                                               {-0.08, -0.80},
                                               {0.26, -0.68},
                                               {0.46, -0.48},
                                               {0.24, -0.26},
                                               {-0.10, -0.16},
                                               {-0.46, -0.24}});
  brush.form(body, tones.main, 0.05);
  for (const double x : {-0.16, 0.06, 0.25}) {
    brush.inside(blob(std::vector<Point>{{x, -0.95},
                                         {x + 0.09, -0.95},
                                         {x + 0.13, -0.5},
                                         {x + 0.09, -0.05},
                                         {x, -0.05},
                                         {x + 0.04, -0.5}}),
                 body, tones.light);
  }
  brush.eye(-0.42, -0.53, 0.075, tones.light, tones.dark);
  brush.line({{-0.61, -0.38}, {-0.54, -0.35}, {-0.47, -0.37}}, 0.022, tones.dark);
}

void paint_octopus(const Brush& brush, const Tones& tones, double time) {
  const double phase = time * 2 * kPi;
  for (int i = 0; i < 6; ++i) {
    const double side = i - 2.5;
    const double x = side * 0.10;
    const double sway = 0.05 * std::sin(phase + i);
    const double out = side * 0.24;
    brush.line({{x, -0.42},
                {x + out * 0.4, -0.24},
                {out + sway, -0.10},
                {out * 1.25 + sway, 0.0},
                {out * 1.5 + sway, -0.08}},
               0.105 - 0.006 * std::abs(side), i % 2 == 0 ? tones.main : darker(tones.main, 0.14));
  }
  brush.solid_soft({{-0.32, -0.44},
                    {-0.40, -0.72},
                    {-0.25, -0.95},
                    {0.0, -1.0},
                    {0.25, -0.95},
                    {0.40, -0.72},
                    {0.32, -0.44},
                    {0.0, -0.34}},
                   tones.main, 0.07);
  brush.dots({{-0.20, -0.84}, {-0.10, -0.90}, {0.22, -0.86}}, 0.035,
             mix(tones.main, tones.light, 0.45));
  brush.eye(-0.13, -0.60, 0.085, tones.light, tones.dark);
  brush.eye(0.13, -0.60, 0.085, tones.light, tones.dark);
  brush.line({{-0.07, -0.46}, {0.0, -0.43}, {0.07, -0.46}}, 0.024, tones.dark);
}

void paint_jellyfish(const Brush& still, const Tones& tones, double time) {
  const double phase = time * 2 * kPi;
  const Brush brush = still.at(0, 0.04 * std::sin(phase), 1.0);
  for (int i = 0; i < 6; ++i) {
    const double x = -0.25 + i * 0.10;
    const double sway = 0.05 * std::sin(phase + i * 0.9);
    brush.line(
        {{x, -0.55}, {x + sway, -0.40}, {x - sway, -0.22}, {x + sway, -0.02 - 0.03 * (i % 3)}},
        0.035, i % 2 == 0 ? tones.second : mix(tones.main, tones.light, 0.4));
  }
  Contour dome = arc({0, -0.58}, 0.38, 0.42, kPi, 2 * kPi);
  for (int i = 0; i < 4; ++i) {
    for (const Point p : arc({0.285 - i * 0.19, -0.58}, 0.095, 0.06, 0, kPi)) dome.push_back(p);
  }
  brush.form(dome, tones.main, 0.07);
  brush.oval(-0.16, -0.82, 0.09, 0.05, mix(tones.main, tones.light, 0.55));
  brush.disc(-0.11, -0.66, 0.032, tones.dark);
  brush.disc(0.11, -0.66, 0.032, tones.dark);
  brush.line({{-0.05, -0.60}, {0.0, -0.58}, {0.05, -0.60}}, 0.02, tones.dark);
}

void paint_turtle(const Brush& still, const Tones& tones, double time) {
  const Brush brush = still.at(0, 0.02 * std::sin(time * 2 * kPi), 1.0);
  const Colour skin = mix(tones.second, tones.light, 0.25);
  const double paddle = 0.06 * std::sin(time * 2 * kPi);
  brush.solid_soft({{0.30, -0.30}, {0.62, -0.24 + paddle}, {0.74, -0.06 + paddle}, {0.40, -0.12}},
                   skin, 0.03);
  brush.solid_soft({{-0.40, -0.30}, {-0.30, 0.02 - paddle}, {-0.08, 0.14 - paddle}, {-0.08, -0.20}},
                   skin, 0.03);
  brush.solid_soft({{-0.52, -0.30}, {-0.66, -0.52}, {-0.92, -0.56}, {-0.98, -0.36}, {-0.76, -0.24}},
                   skin, 0.04);
  Contour shell =
      curve(Contour{{-0.62, -0.24}, {-0.48, -0.66}, {-0.04, -0.86}, {0.42, -0.64}, {0.64, -0.22}});
  brush.form(shell, tones.main, 0.06);
  brush.box(-0.64, -0.26, 0.66, -0.18, darker(tones.main, 0.28));
  const Colour plate = mix(tones.main, tones.light, 0.32);
  for (const Point p : {Point{-0.32, -0.42}, {-0.02, -0.60}, {0.30, -0.42}, {-0.02, -0.36}}) {
    brush.shape(star(p, 0.115, 0.10, 3, 0), plate);
  }
  brush.disc(-0.84, -0.45, 0.036, tones.dark);
  brush.line({{-0.95, -0.35}, {-0.88, -0.33}, {-0.82, -0.35}}, 0.016, tones.dark);
}

void paint_penguin(const Brush& still, const Tones& tones, double time) {
  const Brush brush = still.at(0, 0, 1.0, 0.04 * std::sin(time * 2 * kPi));
  const Colour coat = mix(tones.dark, tones.main, 0.25);
  const Colour beak = hex(0xe8953a);
  brush.oval(-0.13, -0.02, 0.12, 0.045, beak);
  brush.oval(0.13, -0.02, 0.12, 0.045, beak);
  brush.solid_soft({{-0.28, -0.55}, {-0.42, -0.30}, {-0.36, -0.20}, {-0.24, -0.34}}, coat, 0.02);
  brush.solid_soft({{0.28, -0.55}, {0.42, -0.32}, {0.37, -0.20}, {0.24, -0.34}}, coat, 0.02);
  brush.solid_soft({{-0.29, -0.10},
                    {-0.31, -0.45},
                    {-0.24, -0.82},
                    {0.0, -0.98},
                    {0.24, -0.82},
                    {0.31, -0.45},
                    {0.29, -0.10},
                    {0.0, -0.01}},
                   coat, 0.06);
  brush.soft({{-0.20, -0.10},
              {-0.22, -0.42},
              {-0.18, -0.74},
              {-0.06, -0.78},
              {0.0, -0.72},
              {0.06, -0.78},
              {0.18, -0.74},
              {0.22, -0.42},
              {0.20, -0.10},
              {0.0, -0.03}},
             tones.light);
  brush.disc(-0.085, -0.73, 0.034, tones.dark);
  brush.disc(0.085, -0.73, 0.034, tones.dark);
  brush.poly({{-0.06, -0.67}, {0.06, -0.67}, {0.0, -0.59}}, beak);
  brush.poly({{-0.24, -0.56}, {0.24, -0.56}, {0.21, -0.47}, {-0.21, -0.47}}, tones.main);
  brush.poly({{0.08, -0.50}, {0.18, -0.50}, {0.16, -0.26}, {0.08, -0.26}},
             darker(tones.main, 0.15));
}

void paint_duck(const Brush& still, const Tones& tones, double time) {
  const Brush brush = still.at(0, 0.02 * std::sin(time * 2 * kPi), 1.0);
  brush.solid_soft({{-0.42, -0.34},
                    {-0.10, -0.44},
                    {0.24, -0.48},
                    {0.58, -0.62},
                    {0.52, -0.20},
                    {0.26, 0.02},
                    {-0.24, 0.02},
                    {-0.44, -0.14}},
                   tones.main, 0.06);
  brush.solid_soft({{-0.46, -0.30},
                    {-0.52, -0.66},
                    {-0.40, -0.92},
                    {-0.18, -0.90},
                    {-0.08, -0.66},
                    {-0.10, -0.36}},
                   tones.main, 0.05);
  brush.solid_soft({{-0.06, -0.34}, {0.20, -0.38}, {0.42, -0.34}, {0.18, -0.10}, {-0.02, -0.16}},
                   darker(tones.main, 0.14), 0.03);
  brush.soft({{-0.52, -0.76}, {-0.72, -0.68}, {-0.70, -0.62}, {-0.48, -0.62}}, hex(0xe8853a));
  brush.disc(-0.36, -0.76, 0.038, tones.dark);
}

}  // namespace stoker::painting
