// The mark in the corner, in letters of its own: eleven of them are enough for both words.
#include <cmath>
#include <string_view>

#include "backends/rehearsal/painting/brush.h"
#include "backends/rehearsal/painting/scene.h"

namespace stoker::painting {
namespace {

constexpr double kLetter = 0.62;   // width of a letter whose height is 1
constexpr double kAdvance = 0.90;  // from one letter to the next
constexpr double kStroke = 0.15;
constexpr char kWords[] = "REHEARSAL*PROBELAUF";

// Half a letter: a bowl from `top` to `bottom` that hangs on the stem.
Contour bowl(double top, double bottom, double width) {
  const double r = (bottom - top) / 2;
  Contour path{{0, top}};
  for (const Point p : arc({width - r, top + r}, r, r, -kPi / 2, kPi / 2)) path.push_back(p);
  path.push_back({0, bottom});
  return path;
}

Contour letter_u() {
  Contour path{{0, 0}};
  for (const Point p : arc({kLetter / 2, 0.68}, kLetter / 2, 0.32, kPi, 0)) path.push_back(p);
  path.push_back({kLetter, 0});
  return path;
}

Contour letter_s() {
  const double w = kLetter;
  const Point points[] = {{w * 0.93, 0.16}, {w * 0.52, 0.0}, {w * 0.06, 0.24}, {w * 0.50, 0.49},
                          {w * 0.94, 0.75}, {w * 0.48, 1.0}, {0.03, 0.84}};
  return curve(points);
}

void letter(const Brush& brush, char c, Colour ink) {
  const auto line = [&](Contour points) { brush.line(points, kStroke, ink); };
  const double w = kLetter;
  switch (c) {
    case 'R':
      line({{0, 1}, {0, 0}});
      line(bowl(0, 0.54, w * 0.95));
      line({{w * 0.45, 0.54}, {w, 1}});
      break;
    case 'P':
      line({{0, 1}, {0, 0}});
      line(bowl(0, 0.56, w));
      break;
    case 'B':
      line({{0, 1}, {0, 0}});
      line(bowl(0, 0.48, w * 0.90));
      line(bowl(0.48, 1, w));
      break;
    case 'E':
      line({{w * 0.92, 0}, {0, 0}, {0, 1}, {w * 0.92, 1}});
      line({{0, 0.48}, {w * 0.78, 0.48}});
      break;
    case 'F':
      line({{w * 0.92, 0}, {0, 0}, {0, 1}});
      line({{0, 0.50}, {w * 0.78, 0.50}});
      break;
    case 'H':
      line({{0, 0}, {0, 1}});
      line({{w, 0}, {w, 1}});
      line({{0, 0.5}, {w, 0.5}});
      break;
    case 'A':
      line({{0, 1}, {w / 2, 0}, {w, 1}});
      line({{w * 0.19, 0.68}, {w * 0.81, 0.68}});
      break;
    case 'L':
      line({{0, 0}, {0, 1}, {w * 0.88, 1}});
      break;
    case 'O':
      line(ellipse({w / 2, 0.5}, w * 0.56, 0.5));
      break;
    case 'U':
      line(letter_u());
      break;
    case 'S':
      line(letter_s());
      break;
    default:
      brush.disc(w / 2, 0.5, 0.11, ink);
  }
}

}  // namespace

void paint_mark(Canvas& canvas, double width, double height, double size) {
  const double cap = 13.0 * size;
  const double pad = 10.0 * size;
  const double text = cap * kAdvance * (sizeof(kWords) - 1) - cap * (kAdvance - kLetter);
  const double left = width - text - pad * 3.2;
  const double top = height - cap - pad * 2.6;
  const Brush page(canvas, {});
  page.shape(rounded(left, top, left + text + pad * 2.4, top + cap + pad * 1.8, pad * 0.9),
             {0.08, 0.07, 0.10, 0.58});
  const Brush line(canvas, {left + pad * 1.2, top + pad * 0.9, cap, cap, 0});
  double at = 0;
  for (const char c : std::string_view(kWords)) {
    letter(line.at(at, 0, 1), c, {1, 0.99, 0.95, 0.95});
    at += kAdvance;
  }
}

}  // namespace stoker::painting
