// Figures that grow.
#include <cmath>

#include "backends/rehearsal/painting/figures.h"

namespace stoker::painting {

void paint_tree(const Brush& brush, const Tones& tones, double time) {
  const double sway = 0.012 * std::sin(time * 2 * kPi);
  const Colour trunk = mix(tones.dark, hex(0x8a5a3c), 0.6);
  brush.shape(blob(std::vector<Point>{{-0.09, 0.01},
                                      {-0.045, -0.25},
                                      {-0.05, -0.50},
                                      {0.05, -0.50},
                                      {0.045, -0.25},
                                      {0.09, 0.01}}),
              trunk);
  brush.line({{0.0, -0.30}, {0.12, -0.44}}, 0.035, trunk);
  const Brush crown = brush.at(sway, 0, 1);
  crown.solid_soft({{-0.38, -0.42},
                    {-0.42, -0.62},
                    {-0.28, -0.80},
                    {-0.16, -0.95},
                    {0.06, -1.0},
                    {0.26, -0.90},
                    {0.38, -0.72},
                    {0.42, -0.52},
                    {0.28, -0.38},
                    {0.06, -0.36},
                    {-0.18, -0.36}},
                   tones.main, 0.10);
  const Colour leaf = mix(tones.main, tones.light, 0.30);
  crown.oval(-0.16, -0.78, 0.12, 0.085, leaf);
  crown.oval(0.10, -0.60, 0.09, 0.06, leaf);
  crown.oval(-0.22, -0.54, 0.07, 0.045, leaf);
}

void paint_pine(const Brush& brush, const Tones& tones, double time) {
  const double sway = 0.008 * std::sin(time * 2 * kPi);
  brush.box(-0.045, -0.16, 0.045, 0.01, mix(tones.dark, hex(0x8a5a3c), 0.6));
  for (int i = 0; i < 4; ++i) {
    const double base = -0.13 - i * 0.195;
    const double half = 0.335 - i * 0.066;
    const double x = sway * i;
    brush.solid_poly({{x - half, base},
                      {x, base - 0.34},
                      {x + half, base},
                      {x + half * 0.45, base - 0.03},
                      {x, base + 0.012},
                      {x - half * 0.45, base - 0.03}},
                     mix(tones.main, tones.light, 0.05 * i), 0.07);
  }
}

void paint_palm(const Brush& brush, const Tones& tones, double time) {
  const double sway = 0.02 * std::sin(time * 2 * kPi);
  const Colour trunk = mix(tones.light, hex(0x9a6a42), 0.75);
  brush.line({{-0.14, 0.0}, {-0.09, -0.28}, {0.02, -0.56}, {0.10 + sway, -0.76}}, 0.075, trunk);
  for (int i = 1; i < 6; ++i) {
    const double y = -0.13 * i;
    const double x = -0.13 + 0.018 * i + 0.006 * i * i;
    brush.line({{x - 0.03, y + 0.012}, {x + 0.04, y - 0.012}}, 0.014, darker(trunk, 0.3));
  }
  const Brush crown = brush.at(0.10 + sway, -0.77, 1);
  for (int i = 0; i < 7; ++i) {
    const double angle = kPi * (0.90 + i * 0.2) + 0.05 * std::sin(time * 2 * kPi + i);
    const Brush leaf = crown.at(0, 0, 1, angle);
    const bool left = std::cos(angle) < 0;
    const double droop = left ? -0.13 : 0.13;
    leaf.solid_soft({{0, 0.015},
                     {0.18, -0.055 + droop * 0.2},
                     {0.42, droop * 0.9},
                     {0.50, droop * 1.5},
                     {0.36, droop * 0.85 + 0.06},
                     {0.18, 0.05 + droop * 0.25}},
                    i % 2 == 0 ? tones.main : darker(tones.main, 0.12), 0.02);
  }
  crown.dots({{-0.035, 0.035}, {0.045, 0.045}, {0.005, 0.07}}, 0.035, hex(0x6b4630));
}

void paint_cactus(const Brush& brush, const Tones& tones, double) {
  brush.form(rounded(-0.12, -0.98, 0.12, 0.02, 0.118), tones.main, 0.06);
  brush.line({{-0.10, -0.42}, {-0.27, -0.44}, {-0.30, -0.52}, {-0.30, -0.72}}, 0.125, tones.main);
  brush.line({{0.10, -0.30}, {0.27, -0.32}, {0.30, -0.42}, {0.30, -0.60}}, 0.125,
             darker(tones.main, 0.1));
  for (const double x : {-0.05, 0.05})
    brush.line({{x, -0.90}, {x, -0.04}}, 0.012, mix(tones.main, tones.light, 0.45));
  for (int i = 0; i < 5; ++i) {
    const double a = i * 2 * kPi / 5;
    brush.disc(0.02 + 0.05 * std::cos(a), -0.99 + 0.05 * std::sin(a), 0.042, hex(0xe58aa6));
  }
  brush.disc(0.02, -0.99, 0.03, tones.glow);
}

void paint_flower(const Brush& still, const Tones& tones, double time) {
  const double sway = 0.035 * std::sin(time * 2 * kPi);
  const Colour green = hex(0x4f8f5a);
  still.line({{0, 0.01}, {0.03, -0.30}, {sway, -0.68}}, 0.04, darker(green, 0.1));
  still.solid_soft({{0.02, -0.22}, {0.18, -0.42}, {0.30, -0.42}, {0.22, -0.26}}, green, 0.02);
  still.solid_soft({{0.02, -0.14}, {-0.14, -0.34}, {-0.27, -0.33}, {-0.18, -0.18}}, green, 0.02);
  const Brush head = still.at(sway, -0.73, 1, sway);
  for (int i = 0; i < 8; ++i) {
    const Brush petal = head.at(0, 0, 1, i * kPi / 4);
    petal.form(ellipse({0, -0.17}, 0.078, 0.125),
               i % 2 == 0 ? tones.main : mix(tones.main, tones.light, 0.22), 0.03);
  }
  head.form(ellipse({0, 0}, 0.10, 0.10), tones.glow, 0.03);
}

void paint_mushroom(const Brush& brush, const Tones& tones, double) {
  brush.form(blob(std::vector<Point>{{-0.16, 0.0},
                                     {-0.11, -0.28},
                                     {-0.12, -0.55},
                                     {0.12, -0.55},
                                     {0.11, -0.28},
                                     {0.17, 0.0},
                                     {0.0, 0.02}}),
             tones.light, 0.05);
  Contour cap = arc({0, -0.46}, 0.48, 0.50, kPi, 2 * kPi);
  for (const Point p : arc({0, -0.46}, 0.48, 0.09, 0, kPi)) cap.push_back(p);
  brush.form(cap, tones.main, 0.08);
  const Contour under = ellipse({0, -0.44}, 0.46, 0.065);
  brush.inside(under, cap, darker(tones.main, 0.35));
  for (const double x : {-0.22, -0.08, 0.08, 0.22}) {
    brush.line({{x * 0.6, -0.475}, {x * 1.2, -0.40}}, 0.012, clear(tones.light, 0.45));
  }
  brush.oval(-0.23, -0.62, 0.075, 0.060, tones.light);
  brush.oval(0.04, -0.80, 0.090, 0.065, tones.light);
  brush.oval(0.26, -0.64, 0.060, 0.055, tones.light);
  brush.oval(0.03, -0.60, 0.048, 0.040, tones.light);
  brush.oval(-0.18, -0.81, 0.042, 0.034, tones.light);
}

}  // namespace stoker::painting
