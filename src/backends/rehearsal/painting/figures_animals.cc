// Figures that walk and sit.
#include <cmath>

#include "backends/rehearsal/painting/figures.h"

namespace stoker::painting {
namespace {

double breath(double time) {
  return 1.0 + 0.012 * std::sin(time * 2 * kPi);
}

// Two closed or open eyes; blinks once in a round of time.
void two_eyes(const Brush& brush, double x, double y, double r, const Tones& tones, double time) {
  if (time > 0.46 && time < 0.52) {
    brush.line({{-x - r, y}, {-x, y + r * 0.4}, {-x + r, y}}, r * 0.5, tones.dark);
    brush.line({{x - r, y}, {x, y + r * 0.4}, {x + r, y}}, r * 0.5, tones.dark);
    return;
  }
  for (const double side : {-x, x}) {
    brush.disc(side, y, r, tones.dark);
    brush.disc(side - r * 0.25, y - r * 0.3, r * 0.32, tones.light);
  }
}

void snout_line(const Brush& brush, double x, double y, double size, const Tones& tones) {
  brush.soft({{x - size, y - size * 0.5}, {x + size, y - size * 0.5}, {x, y + size * 0.7}},
             tones.dark);
  brush.line({{x - size * 1.5, y + size * 1.6},
              {x - size * 0.6, y + size * 2.0},
              {x, y + size * 0.9},
              {x + size * 0.6, y + size * 2.0},
              {x + size * 1.5, y + size * 1.6}},
             size * 0.42, tones.dark);
}

}  // namespace

void paint_owl(const Brush& still, const Tones& tones, double time) {
  const Brush brush = still.at(0, 0, breath(time));
  brush.box(-0.46, -0.04, 0.46, 0.02, mix(tones.dark, hex(0x8a5a3c), 0.6));
  const Contour body = blob(std::vector<Point>{{-0.30, -0.08},
                                               {-0.38, -0.45},
                                               {-0.34, -0.78},
                                               {-0.33, -1.0},
                                               {-0.15, -0.89},
                                               {0.15, -0.89},
                                               {0.33, -1.0},
                                               {0.34, -0.78},
                                               {0.38, -0.45},
                                               {0.30, -0.08},
                                               {0.0, 0.0}});
  brush.form(body, tones.main, 0.06);
  brush.soft(
      {{-0.20, -0.07}, {-0.24, -0.34}, {0.0, -0.48}, {0.24, -0.34}, {0.20, -0.07}, {0.0, -0.03}},
      mix(tones.main, tones.light, 0.65));
  for (int row = 0; row < 3; ++row) {
    for (int i = -1; i <= 1; ++i) {
      const double x = i * 0.12 + (row % 2 == 0 ? 0 : 0.06);
      const double y = -0.33 + row * 0.085;
      if (std::abs(x) < 0.17)
        brush.line({{x - 0.035, y}, {x, y + 0.035}, {x + 0.035, y}}, 0.016, tones.main);
    }
  }
  for (const double side : {-1.0, 1.0}) {
    brush.solid_soft(
        {{side * 0.36, -0.58}, {side * 0.45, -0.32}, {side * 0.34, -0.10}, {side * 0.27, -0.30}},
        darker(tones.main, 0.22), 0.02);
    brush.disc(side * 0.145, -0.68, 0.155, tones.light);
  }
  two_eyes(brush, 0.125, -0.68, 0.075, tones, time);
  brush.poly({{-0.05, -0.60}, {0.05, -0.60}, {0.0, -0.50}}, hex(0xe8953a));
  for (const double x : {-0.14, -0.07, 0.07, 0.14}) brush.disc(x, -0.025, 0.034, hex(0xe8953a));
}

void paint_cat(const Brush& brush, const Tones& tones, double time) {
  const double wag = 0.06 * std::sin(time * 2 * kPi);
  brush.line({{0.22, -0.06}, {0.42, -0.08}, {0.48 + wag, -0.30}, {0.40 + wag, -0.46}}, 0.085,
             darker(tones.main, 0.1));
  brush.solid_soft({{-0.24, 0.0},
                    {-0.27, -0.24},
                    {-0.18, -0.50},
                    {0.0, -0.60},
                    {0.18, -0.50},
                    {0.27, -0.24},
                    {0.25, 0.0},
                    {0.0, 0.02}},
                   tones.main, 0.06);
  brush.soft({{-0.11, -0.02}, {-0.13, -0.26}, {0.0, -0.46}, {0.13, -0.26}, {0.11, -0.02}},
             mix(tones.main, tones.light, 0.7));
  brush.solid_poly({{-0.29, -0.70}, {-0.27, -1.0}, {-0.07, -0.86}}, tones.main, 0.03);
  brush.solid_poly({{0.29, -0.70}, {0.27, -1.0}, {0.07, -0.86}}, tones.main, 0.03);
  brush.poly({{-0.24, -0.78}, {-0.235, -0.93}, {-0.13, -0.86}}, hex(0xe9a3a0));
  brush.poly({{0.24, -0.78}, {0.235, -0.93}, {0.13, -0.86}}, hex(0xe9a3a0));
  brush.form(ellipse({0, -0.68}, 0.30, 0.23), tones.main, 0.06);
  brush.oval(0, -0.595, 0.125, 0.085, mix(tones.main, tones.light, 0.7));
  for (const double x : {-0.06, 0.0, 0.06})
    brush.line({{x, -0.90}, {x * 0.8, -0.82}}, 0.022, darker(tones.main, 0.35));
  two_eyes(brush, 0.125, -0.70, 0.046, tones, time);
  snout_line(brush, 0, -0.62, 0.028, tones);
  for (const double side : {-1.0, 1.0}) {
    brush.line({{side * 0.15, -0.60}, {side * 0.34, -0.64}}, 0.010, clear(tones.dark, 0.7));
    brush.line({{side * 0.15, -0.57}, {side * 0.34, -0.56}}, 0.010, clear(tones.dark, 0.7));
  }
  brush.oval(-0.11, -0.015, 0.085, 0.045, mix(tones.main, tones.light, 0.7));
  brush.oval(0.11, -0.015, 0.085, 0.045, mix(tones.main, tones.light, 0.7));
}

void paint_dog(const Brush& brush, const Tones& tones, double time) {
  const double wag = 0.10 * std::sin(time * 6 * kPi);
  brush.line({{0.24, -0.14}, {0.40, -0.28}, {0.46 + wag, -0.46}}, 0.08, tones.main);
  brush.solid_soft({{-0.24, 0.0},
                    {-0.26, -0.26},
                    {-0.16, -0.52},
                    {0.02, -0.60},
                    {0.20, -0.46},
                    {0.31, -0.22},
                    {0.28, 0.0},
                    {0.0, 0.02}},
                   tones.main, 0.06);
  brush.soft({{-0.12, -0.02}, {-0.15, -0.30}, {-0.03, -0.50}, {0.10, -0.30}, {0.08, -0.02}},
             mix(tones.main, tones.light, 0.7));
  brush.form(rounded(-0.28, -0.94, 0.26, -0.50, 0.20), tones.main, 0.06);
  const Colour ear = darker(tones.main, 0.35);
  brush.solid_soft({{-0.20, -0.93}, {-0.38, -0.86}, {-0.42, -0.60}, {-0.31, -0.56}, {-0.23, -0.72}},
                   ear, 0.03);
  brush.solid_soft({{0.18, -0.93}, {0.36, -0.86}, {0.40, -0.60}, {0.29, -0.56}, {0.21, -0.72}}, ear,
                   0.03);
  brush.oval(-0.01, -0.615, 0.155, 0.105, mix(tones.main, tones.light, 0.75));
  brush.oval(0.11, -0.76, 0.085, 0.095, mix(tones.main, tones.light, 0.55));
  two_eyes(brush, 0.115, -0.755, 0.042, tones, time);
  snout_line(brush, -0.01, -0.665, 0.045, tones);
  brush.soft({{-0.045, -0.565}, {0.025, -0.565}, {0.02, -0.48}, {-0.04, -0.48}}, hex(0xd9706b));
  brush.box(-0.19, -0.515, 0.17, -0.465, tones.second);
  brush.disc(-0.01, -0.455, 0.035, tones.glow);
  brush.oval(-0.13, -0.015, 0.095, 0.045, mix(tones.main, tones.light, 0.7));
  brush.oval(0.11, -0.015, 0.095, 0.045, mix(tones.main, tones.light, 0.7));
}

void paint_fox(const Brush& brush, const Tones& tones, double time) {
  const double wag = 0.04 * std::sin(time * 2 * kPi);
  brush.solid_soft({{0.16, -0.02},
                    {0.42, 0.0},
                    {0.62, -0.20 + wag},
                    {0.66, -0.52 + wag},
                    {0.50, -0.40 + wag},
                    {0.34, -0.20},
                    {0.18, -0.16}},
                   tones.main, 0.05);
  brush.soft({{0.66, -0.54 + wag}, {0.675, -0.36 + wag}, {0.58, -0.33 + wag}, {0.54, -0.42 + wag}},
             tones.light);
  brush.solid_soft({{-0.22, 0.0},
                    {-0.23, -0.26},
                    {-0.10, -0.52},
                    {0.06, -0.52},
                    {0.24, -0.24},
                    {0.26, 0.0},
                    {0.0, 0.02}},
                   tones.main, 0.06);
  brush.soft({{-0.13, -0.30}, {-0.02, -0.50}, {0.09, -0.30}, {-0.02, -0.14}}, tones.light);
  for (const double side : {-1.0, 1.0}) {
    brush.solid_poly(
        {{side * 0.31 - 0.02, -0.68}, {side * 0.25 - 0.02, -1.0}, {side * 0.05 - 0.02, -0.82}},
        tones.main, 0.03);
    brush.poly(
        {{side * 0.255 - 0.02, -0.77}, {side * 0.225 - 0.02, -0.92}, {side * 0.13 - 0.02, -0.83}},
        tones.dark);
  }
  brush.solid_soft({{-0.36, -0.66},
                    {-0.20, -0.84},
                    {-0.02, -0.86},
                    {0.16, -0.84},
                    {0.32, -0.66},
                    {0.14, -0.52},
                    {-0.02, -0.42},
                    {-0.18, -0.52}},
                   tones.main, 0.05);
  brush.soft({{-0.34, -0.64}, {-0.20, -0.66}, {-0.06, -0.54}, {-0.02, -0.43}, {-0.18, -0.52}},
             tones.light);
  brush.soft({{0.30, -0.64}, {0.16, -0.66}, {0.02, -0.54}, {-0.02, -0.43}, {0.14, -0.52}},
             tones.light);
  two_eyes(brush.at(-0.02, 0, 1), 0.135, -0.69, 0.036, tones, time);
  brush.disc(-0.02, -0.45, 0.045, tones.dark);
  brush.oval(-0.11, -0.02, 0.08, 0.045, tones.dark);
  brush.oval(0.09, -0.02, 0.08, 0.045, tones.dark);
}

void paint_bear(const Brush& brush, const Tones& tones, double time) {
  const Colour muzzle = mix(tones.main, tones.light, 0.65);
  for (const double side : {-1.0, 1.0}) {
    brush.form(ellipse({side * 0.17, -0.05}, 0.14, 0.075), tones.main, 0.03);
    brush.solid_soft(
        {{side * 0.26, -0.52}, {side * 0.41, -0.36}, {side * 0.38, -0.20}, {side * 0.25, -0.28}},
        tones.main, 0.03);
    brush.form(ellipse({side * 0.22, -0.93}, 0.095, 0.095), tones.main, 0.03);
    brush.disc(side * 0.22, -0.925, 0.050, muzzle);
  }
  const Brush body = brush.at(0, 0, breath(time));
  body.solid_soft({{-0.27, -0.06},
                   {-0.33, -0.30},
                   {-0.24, -0.56},
                   {0.24, -0.56},
                   {0.33, -0.30},
                   {0.27, -0.06},
                   {0.0, 0.0}},
                  tones.main, 0.06);
  body.oval(0, -0.27, 0.19, 0.20, muzzle);
  brush.form(ellipse({0, -0.75}, 0.29, 0.25), tones.main, 0.06);
  brush.oval(0, -0.67, 0.135, 0.10, muzzle);
  two_eyes(brush, 0.12, -0.80, 0.036, tones, time);
  snout_line(brush, 0, -0.71, 0.040, tones);
  brush.oval(-0.18, -0.035, 0.06, 0.035, muzzle);
  brush.oval(0.18, -0.035, 0.06, 0.035, muzzle);
}

void paint_rabbit(const Brush& brush, const Tones& tones, double time) {
  const double flick = 0.06 * std::sin(time * 2 * kPi);
  for (const double side : {-1.0, 1.0}) {
    const Brush ear = brush.at(side * 0.10, -0.66, 1, side * 0.20 + (side > 0 ? flick : 0));
    ear.form(ellipse({0, -0.19}, 0.075, 0.20), tones.main, 0.03);
    ear.oval(0, -0.18, 0.038, 0.145, hex(0xe9a3a0));
  }
  brush.disc(0.25, -0.11, 0.085, tones.light);
  brush.solid_soft({{-0.23, 0.0},
                    {-0.24, -0.22},
                    {-0.12, -0.44},
                    {0.12, -0.44},
                    {0.25, -0.22},
                    {0.23, 0.0},
                    {0.0, 0.02}},
                   tones.main, 0.05);
  brush.oval(0, -0.18, 0.125, 0.16, mix(tones.main, tones.light, 0.7));
  brush.form(ellipse({0, -0.55}, 0.225, 0.19), tones.main, 0.05);
  two_eyes(brush, 0.10, -0.58, 0.038, tones, time);
  snout_line(brush, 0, -0.51, 0.026, tones);
  brush.disc(-0.145, -0.50, 0.035, clear(hex(0xe9a3a0), 0.8));
  brush.disc(0.145, -0.50, 0.035, clear(hex(0xe9a3a0), 0.8));
  brush.oval(-0.12, -0.01, 0.11, 0.05, mix(tones.main, tones.light, 0.35));
  brush.oval(0.12, -0.01, 0.11, 0.05, mix(tones.main, tones.light, 0.35));
}

void paint_hedgehog(const Brush& brush, const Tones& tones, double time) {
  const Colour skin = mix(tones.light, hex(0xc99a6b), 0.55);
  const Colour spines = mix(tones.main, hex(0x6b4a35), 0.45);
  Contour coat;
  for (int i = 0; i <= 26; ++i) {
    const double a = kPi * 0.97 + i * kPi * 1.06 / 26;
    const double r = i % 2 == 0 ? 1.0 : 0.86;
    coat.push_back({0.12 + 0.62 * r * std::cos(a), -0.16 + 0.78 * r * std::sin(a)});
  }
  brush.form(coat, spines, 0.05);
  for (int i = 0; i < 9; ++i) {
    const double a = kPi * (1.08 + 0.105 * i);
    brush.line({{0.12 + 0.30 * std::cos(a), -0.20 + 0.40 * std::sin(a)},
                {0.12 + 0.40 * std::cos(a), -0.20 + 0.54 * std::sin(a)}},
               0.022, mix(spines, tones.light, 0.35));
  }
  const double sniff = 0.012 * std::sin(time * 4 * kPi);
  brush.solid_soft({{-0.28, -0.06},
                    {-0.20, -0.40},
                    {-0.44, -0.44},
                    {-0.62, -0.30},
                    {-0.82, -0.20 + sniff},
                    {-0.72, -0.08},
                    {-0.48, -0.02}},
                   skin, 0.04);
  brush.oval(0.10, -0.055, 0.52, 0.075, skin);
  brush.disc(-0.81, -0.20 + sniff, 0.055, tones.dark);
  brush.disc(-0.52, -0.30, 0.042, tones.dark);
  brush.disc(-0.535, -0.315, 0.014, tones.light);
  brush.oval(-0.28, -0.40, 0.075, 0.085, darker(skin, 0.15));
  for (const double x : {-0.32, -0.08, 0.24, 0.44})
    brush.oval(x, 0.0, 0.075, 0.04, darker(skin, 0.3));
}

void paint_elephant(const Brush& brush, const Tones& tones, double time) {
  const double swing = 0.05 * std::sin(time * 2 * kPi);
  const Colour skin = tones.main;
  brush.line({{0.60, -0.50}, {0.70, -0.38}, {0.69, -0.26}}, 0.035, darker(skin, 0.2));
  for (const double x : {-0.10, 0.42})
    brush.form(rounded(x - 0.11, -0.36, x + 0.11, 0.0, 0.05), darker(skin, 0.2), 0.03);
  brush.solid_soft({{-0.36, -0.30},
                    {-0.30, -0.74},
                    {0.06, -0.88},
                    {0.44, -0.80},
                    {0.64, -0.50},
                    {0.58, -0.24},
                    {0.10, -0.18}},
                   skin, 0.06);
  for (const double x : {-0.24, 0.30}) {
    brush.form(rounded(x - 0.12, -0.40, x + 0.12, 0.0, 0.05), skin, 0.04);
    for (const double toe : {-0.06, 0.0, 0.06})
      brush.oval(x + toe, -0.015, 0.024, 0.022, tones.light);
  }
  brush.line({{-0.62, -0.56}, {-0.76, -0.36}, {-0.76 + swing, -0.16}, {-0.88 + swing, -0.06}},
             0.125, skin);
  brush.solid_poly({{-0.58, -0.44}, {-0.80, -0.36}, {-0.55, -0.36}}, tones.light, 0.02);
  brush.form(ellipse({-0.46, -0.66}, 0.29, 0.28), skin, 0.05);
  brush.solid_soft({{-0.32, -0.90},
                    {-0.06, -0.92},
                    {0.06, -0.66},
                    {-0.06, -0.42},
                    {-0.26, -0.44},
                    {-0.34, -0.66}},
                   mix(skin, tones.light, 0.16), 0.05);
  brush.soft({{-0.26, -0.80}, {-0.10, -0.80}, {-0.04, -0.64}, {-0.12, -0.50}, {-0.25, -0.54}},
             mix(skin, hex(0xe9a3a0), 0.55));
  brush.disc(-0.56, -0.70, 0.040, tones.dark);
  brush.disc(-0.57, -0.715, 0.013, tones.light);
}

void paint_snail(const Brush& brush, const Tones& tones, double time) {
  const double creep = 0.03 * std::sin(time * 2 * kPi);
  const Colour skin = mix(tones.light, hex(0xc99a6b), 0.6);
  for (const double x : {-0.62, -0.48}) {
    brush.line({{x + 0.04, -0.42}, {x - 0.03 - creep, -0.72}}, 0.030, skin);
    brush.disc(x - 0.03 - creep, -0.75, 0.05, tones.dark);
  }
  brush.solid_soft({{-0.74, -0.30},
                    {-0.66, -0.50},
                    {-0.46, -0.48},
                    {-0.34, -0.20},
                    {0.30, -0.14},
                    {0.78 + creep, 0.0},
                    {0.10, 0.02},
                    {-0.60, 0.0},
                    {-0.76, -0.12}},
                   skin, 0.04);
  brush.form(ellipse({0.12, -0.46}, 0.44, 0.42), tones.main, 0.08);
  Contour spiral;
  for (int i = 0; i <= 60; ++i) {
    const double a = i * 0.26;
    const double r = 0.36 * (1.0 - i / 66.0);
    spiral.push_back({0.12 + r * std::cos(a + 0.9), -0.46 + r * std::sin(a + 0.9)});
  }
  brush.line(spiral, 0.055, mix(tones.main, tones.light, 0.55));
  brush.line({{-0.68, -0.22}, {-0.62, -0.18}, {-0.56, -0.20}}, 0.020, tones.dark);
}

void paint_frog(const Brush& still, const Tones& tones, double time) {
  const Brush brush = still.at(0, 0, breath(time * 2));
  const Colour shade = darker(tones.main, 0.16);
  for (const double side : {-1.0, 1.0}) {
    brush.solid_soft(
        {{side * 0.30, -0.02}, {side * 0.62, -0.08}, {side * 0.58, -0.34}, {side * 0.32, -0.30}},
        shade, 0.03);
    brush.solid_soft(
        {{side * 0.30, 0.0}, {side * 0.70, 0.02}, {side * 0.66, -0.07}, {side * 0.36, -0.08}},
        tones.main, 0.02);
    brush.form(ellipse({side * 0.24, -0.82}, 0.15, 0.15), tones.main, 0.03);
    brush.eye(side * 0.24, -0.83, 0.095, tones.light, tones.dark);
  }
  brush.solid_soft({{-0.38, 0.0},
                    {-0.44, -0.34},
                    {-0.42, -0.66},
                    {-0.20, -0.78},
                    {0.20, -0.78},
                    {0.42, -0.66},
                    {0.44, -0.34},
                    {0.38, 0.0},
                    {0.0, 0.02}},
                   tones.main, 0.06);
  brush.soft({{-0.26, -0.02}, {-0.28, -0.26}, {0.0, -0.38}, {0.28, -0.26}, {0.26, -0.02}},
             mix(tones.main, tones.light, 0.7));
  brush.line({{-0.30, -0.56}, {-0.14, -0.47}, {0.14, -0.47}, {0.30, -0.56}}, 0.032, tones.dark);
  brush.disc(-0.33, -0.50, 0.05, clear(hex(0xe9a3a0), 0.8));
  brush.disc(0.33, -0.50, 0.05, clear(hex(0xe9a3a0), 0.8));
}

void paint_lion(const Brush& brush, const Tones& tones, double time) {
  const double wag = 0.08 * std::sin(time * 2 * kPi);
  const Colour mane = darker(mix(tones.main, hex(0xb5562c), 0.65), 0.08);
  brush.line({{0.26, -0.06}, {0.46, -0.14}, {0.50 + wag, -0.38}}, 0.055, tones.main);
  brush.disc(0.50 + wag, -0.42, 0.08, mane);
  brush.solid_soft({{-0.24, 0.0},
                    {-0.25, -0.28},
                    {-0.12, -0.50},
                    {0.12, -0.50},
                    {0.27, -0.26},
                    {0.27, 0.0},
                    {0.0, 0.02}},
                   tones.main, 0.06);
  brush.form(star({0, -0.65}, 0.42, 0.345, 13, time * 0.05), mane, 0.05);
  for (const double side : {-1.0, 1.0}) brush.disc(side * 0.20, -0.84, 0.075, tones.main);
  brush.form(ellipse({0, -0.65}, 0.255, 0.235), tones.main, 0.05);
  brush.oval(0, -0.575, 0.125, 0.09, mix(tones.main, tones.light, 0.7));
  two_eyes(brush, 0.11, -0.70, 0.038, tones, time);
  snout_line(brush, 0, -0.61, 0.038, tones);
  brush.oval(-0.12, -0.015, 0.09, 0.045, mix(tones.main, tones.light, 0.4));
  brush.oval(0.12, -0.015, 0.09, 0.045, mix(tones.main, tones.light, 0.4));
}

}  // namespace stoker::painting
