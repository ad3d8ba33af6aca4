// Figures of tales: large animals, dragons, people, ghosts.
#include <cmath>

#include "backends/rehearsal/painting/figures.h"

namespace stoker::painting {

namespace {

void dragon_head(const Brush& brush, const Tones& tones, double time) {
  brush.solid_soft({{-0.08, -0.98},
                    {-0.26, -1.0},
                    {-0.40, -0.88},
                    {-0.58, -0.80},
                    {-0.58, -0.68},
                    {-0.34, -0.66},
                    {-0.12, -0.72},
                    {0.0, -0.84}},
                   tones.main, 0.04);
  brush.poly({{-0.14, -0.96}, {-0.04, -1.12}, {-0.02, -0.92}}, tones.light);
  brush.eye(-0.28, -0.87, 0.060, tones.light, tones.dark);
  brush.disc(-0.53, -0.77, 0.018, tones.dark);
  brush.line({{-0.56, -0.70}, {-0.42, -0.70}, {-0.30, -0.74}}, 0.016, tones.dark);
  const double fire = 0.04 * std::sin(time * 8 * kPi);
  brush.soft({{-0.60, -0.72}, {-0.78, -0.80 - fire}, {-0.98 - fire, -0.66}, {-0.80, -0.60 + fire}},
             hex(0xe8853a));
  brush.soft({{-0.62, -0.71}, {-0.74, -0.74}, {-0.86, -0.67}, {-0.74, -0.65}}, hex(0xf6d36b));
}

}  // namespace

void paint_horse(const Brush& brush, const Tones& tones, double time) {
  const double toss = 0.03 * std::sin(time * 2 * kPi);
  const Colour coat = mix(tones.main, tones.light, 0.55);
  const Colour mane = tones.second;
  brush.solid_soft(
      {{0.44, -0.56}, {0.60, -0.50}, {0.66 + toss, -0.26}, {0.56 + toss, -0.10}, {0.52, -0.32}},
      mane, 0.03);
  for (const double x : {-0.18, 0.36})
    brush.form(rounded(x - 0.055, -0.36, x + 0.055, 0.0, 0.03), darker(coat, 0.18), 0.02);
  brush.solid_soft({{-0.36, -0.42},
                    {-0.24, -0.60},
                    {0.16, -0.58},
                    {0.46, -0.60},
                    {0.52, -0.40},
                    {0.36, -0.26},
                    {0.0, -0.24},
                    {-0.28, -0.28}},
                   coat, 0.05);
  for (const double x : {-0.27, 0.26}) {
    brush.form(rounded(x - 0.06, -0.38, x + 0.06, 0.0, 0.03), coat, 0.03);
    brush.box(x - 0.06, -0.05, x + 0.06, 0.0, tones.dark);
  }
  brush.solid_soft({{-0.34, -0.34},
                    {-0.44, -0.66 + toss},
                    {-0.42, -0.92 + toss},
                    {-0.26, -0.92 + toss},
                    {-0.14, -0.62},
                    {-0.08, -0.46}},
                   coat, 0.04);
  brush.solid_soft({{-0.30, -0.94 + toss},
                    {-0.18, -0.86 + toss},
                    {-0.08, -0.62},
                    {-0.02, -0.50},
                    {-0.16, -0.54},
                    {-0.26, -0.76 + toss}},
                   mane, 0.03);
  brush.solid_soft({{-0.30, -0.92 + toss},
                    {-0.46, -0.88 + toss},
                    {-0.70, -0.66 + toss},
                    {-0.66, -0.56 + toss},
                    {-0.52, -0.58 + toss},
                    {-0.30, -0.68 + toss}},
                   coat, 0.04);
  brush.solid_poly({{-0.32, -0.88 + toss}, {-0.28, -1.0 + toss}, {-0.22, -0.88 + toss}}, coat,
                   0.02);
  brush.disc(-0.46, -0.77 + toss, 0.030, tones.dark);
  brush.disc(-0.655, -0.635 + toss, 0.014, tones.dark);
}

void paint_unicorn(const Brush& brush, const Tones& tones, double time) {
  const double toss = 0.03 * std::sin(time * 2 * kPi);
  brush.poly({{-0.44, -0.86 + toss}, {-0.53, -1.12 + toss}, {-0.36, -0.90 + toss}}, tones.glow);
  paint_horse(brush, tones, time);
}

void paint_dragon(const Brush& still, const Tones& tones, double time) {
  const double flap = 0.10 * std::sin(time * 4 * kPi);
  const Brush brush = still.at(0, 0.015 * std::sin(time * 2 * kPi), 1);
  brush.solid_soft({{0.04, -0.52},
                    {0.18, -0.92 - flap},
                    {0.64, -1.0 - flap},
                    {0.52, -0.80 - flap * 0.5},
                    {0.58, -0.62},
                    {0.40, -0.60},
                    {0.36, -0.44}},
                   tones.second, 0.04);
  brush.solid_soft({{0.10, -0.04},
                    {0.44, 0.0},
                    {0.76, -0.14},
                    {0.84, -0.40},
                    {0.70, -0.26},
                    {0.46, -0.20},
                    {0.20, -0.26}},
                   tones.main, 0.04);
  brush.poly({{0.78, -0.38}, {0.86, -0.58}, {0.94, -0.36}}, tones.second);
  for (const double x : {-0.18, 0.16})
    brush.form(ellipse({x, -0.03}, 0.13, 0.055), darker(tones.main, 0.2), 0.02);
  const Contour body = blob(std::vector<Point>{{-0.28, -0.02},
                                               {-0.34, -0.30},
                                               {-0.20, -0.56},
                                               {-0.28, -0.76},
                                               {-0.16, -0.90},
                                               {0.02, -0.78},
                                               {0.10, -0.50},
                                               {0.30, -0.28},
                                               {0.26, -0.02},
                                               {0.0, 0.02}});
  brush.form(body, tones.main, 0.05);
  brush.inside(blob(std::vector<Point>{{-0.36, 0.0},
                                       {-0.38, -0.34},
                                       {-0.24, -0.58},
                                       {-0.08, -0.46},
                                       {-0.02, -0.20},
                                       {-0.04, 0.05}}),
               body, mix(tones.main, tones.light, 0.65));
  for (int i = 0; i < 4; ++i) {
    brush.line({{-0.32 + i * 0.02, -0.10 - i * 0.11}, {-0.10 - i * 0.01, -0.10 - i * 0.11}}, 0.014,
               clear(tones.dark, 0.35));
  }
  for (const Point p : {Point{0.05, -0.80}, {0.10, -0.62}, {0.22, -0.44}, {0.32, -0.26}}) {
    brush.poly({{p.x - 0.06, p.y + 0.05}, {p.x + 0.08, p.y - 0.06}, {p.x + 0.06, p.y + 0.09}},
               tones.second);
  }
  dragon_head(brush, tones, time);
}

void paint_dinosaur(const Brush& brush, const Tones& tones, double time) {
  const double nod = 0.025 * std::sin(time * 2 * kPi);
  for (const double x : {-0.06, 0.32})
    brush.form(rounded(x - 0.075, -0.24, x + 0.075, 0.0, 0.04), darker(tones.main, 0.2), 0.02);
  const Contour body = blob(std::vector<Point>{{-0.46, -0.84 + nod},
                                               {-0.36, -0.94 + nod},
                                               {-0.22, -0.90 + nod},
                                               {-0.16, -0.70},
                                               {-0.10, -0.50},
                                               {0.10, -0.46},
                                               {0.34, -0.44},
                                               {0.56, -0.28},
                                               {0.86, -0.10},
                                               {0.60, -0.12},
                                               {0.38, -0.12},
                                               {0.0, -0.12},
                                               {-0.24, -0.20},
                                               {-0.32, -0.46},
                                               {-0.32, -0.70},
                                               {-0.48, -0.76 + nod}});
  brush.form(body, tones.main, 0.045);
  for (const double x : {-0.18, 0.22}) {
    brush.form(rounded(x - 0.08, -0.26, x + 0.08, 0.0, 0.04), tones.main, 0.03);
    for (const double toe : {-0.04, 0.0, 0.04})
      brush.oval(x + toe, -0.012, 0.016, 0.016, tones.light);
  }
  const Colour spot = mix(tones.main, tones.second, 0.6);
  brush.oval(0.06, -0.36, 0.055, 0.045, spot);
  brush.oval(0.22, -0.33, 0.045, 0.038, spot);
  brush.oval(0.38, -0.28, 0.036, 0.030, spot);
  brush.oval(-0.08, -0.34, 0.040, 0.036, spot);
  brush.oval(-0.24, -0.58, 0.026, 0.030, spot);
  brush.disc(-0.34, -0.865 + nod, 0.026, tones.dark);
  brush.disc(-0.347, -0.873 + nod, 0.009, tones.light);
  brush.line({{-0.46, -0.79 + nod}, {-0.39, -0.775 + nod}, {-0.33, -0.785 + nod}}, 0.012,
             tones.dark);
}

void paint_ghost(const Brush& still, const Tones& tones, double time) {
  const double phase = time * 2 * kPi;
  const Brush brush = still.at(0, -0.06 + 0.03 * std::sin(phase), 1);
  Contour sheet = arc({0, -0.62}, 0.34, 0.36, kPi, 2 * kPi);
  for (int i = 0; i < 4; ++i) {
    const double x = 0.34 - i * 0.17;
    for (const Point p : arc({x - 0.085, -0.10 + 0.02 * std::sin(phase + i)}, 0.085, 0.075, 0, kPi))
      sheet.push_back(p);
  }
  brush.form(sheet, tones.light, 0.06);
  brush.oval(-0.12, -0.66, 0.055, 0.085, tones.dark);
  brush.oval(0.12, -0.66, 0.055, 0.085, tones.dark);
  brush.disc(-0.135, -0.69, 0.018, tones.light);
  brush.disc(0.105, -0.69, 0.018, tones.light);
  brush.oval(0, -0.47, 0.050, 0.065, mix(tones.dark, tones.main, 0.5));
  brush.disc(-0.20, -0.54, 0.040, clear(hex(0xe9a3a0), 0.8));
  brush.disc(0.20, -0.54, 0.040, clear(hex(0xe9a3a0), 0.8));
}

void paint_child(const Brush& brush, const Tones& tones, double time) {
  const double wave = 0.20 * std::sin(time * 4 * kPi);
  const Colour skin = hex(0xd9a27c);
  brush.line({{-0.06, -0.30}, {-0.07, -0.03}}, 0.075, tones.dark);
  brush.line({{0.06, -0.30}, {0.07, -0.03}}, 0.075, tones.dark);
  brush.oval(-0.085, -0.015, 0.06, 0.032, tones.second);
  brush.oval(0.085, -0.015, 0.06, 0.032, tones.second);
  brush.line({{-0.11, -0.58}, {-0.19, -0.40}}, 0.070, darker(tones.main, 0.15));
  const Brush arm = brush.at(0.11, -0.60, 1, wave);
  arm.line({{0, 0}, {0.15, -0.13}}, 0.070, darker(tones.main, 0.1));
  arm.disc(0.175, -0.155, 0.042, skin);
  brush.disc(-0.195, -0.375, 0.042, skin);
  brush.solid_soft(
      {{-0.15, -0.26}, {-0.13, -0.62}, {0.0, -0.68}, {0.13, -0.62}, {0.15, -0.26}, {0.0, -0.23}},
      tones.main, 0.04);
  brush.form(ellipse({0, -0.81}, 0.145, 0.155), skin, 0.03);
  Contour hair = arc({0, -0.84}, 0.16, 0.155, kPi * 0.92, kPi * 2.08);
  hair.push_back({0.06, -0.86});
  hair.push_back({-0.08, -0.90});
  brush.shape(hair, tones.dark);
  brush.disc(-0.055, -0.80, 0.018, tones.dark);
  brush.disc(0.055, -0.80, 0.018, tones.dark);
  brush.line({{-0.04, -0.74}, {0.0, -0.72}, {0.04, -0.74}}, 0.014, tones.dark);
}

void paint_snowman(const Brush& brush, const Tones& tones, double) {
  const Colour snow = mix(hex(0xf4f7fb), tones.light, 0.3);
  brush.line({{-0.20, -0.54}, {-0.42, -0.68}}, 0.028, tones.dark);
  brush.line({{0.20, -0.54}, {0.42, -0.66}}, 0.028, tones.dark);
  brush.form(ellipse({0, -0.22}, 0.31, 0.25), snow, 0.06);
  brush.form(ellipse({0, -0.52}, 0.22, 0.19), snow, 0.05);
  brush.form(ellipse({0, -0.77}, 0.16, 0.15), snow, 0.04);
  brush.form(rounded(-0.17, -0.68, 0.17, -0.61, 0.033), tones.main, 0.02);
  brush.solid_poly({{0.05, -0.64}, {0.14, -0.64}, {0.15, -0.42}, {0.07, -0.42}}, tones.main, 0.02);
  brush.box(-0.21, -0.90, 0.21, -0.865, tones.dark);
  brush.form(rectangle(-0.125, -1.05, 0.125, -0.88), tones.dark, 0.02);
  brush.box(-0.125, -0.935, 0.125, -0.90, tones.second);
  brush.dots({{-0.055, -0.80}, {0.055, -0.80}}, 0.020, tones.dark);
  brush.poly({{-0.01, -0.785}, {0.01, -0.745}, {-0.15, -0.745}}, hex(0xe8853a));
  brush.dots({{0, -0.54}, {0, -0.45}, {0, -0.30}}, 0.022, tones.dark);
}

}  // namespace stoker::painting
