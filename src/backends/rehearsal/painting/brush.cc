#include "backends/rehearsal/painting/brush.h"

#include <cmath>

namespace stoker::painting {
namespace {

constexpr double kShade = 0.20;

Contour moved(Contour contour, double dx, double dy) {
  for (Point& p : contour) p = p + Point{dx, dy};
  return contour;
}

}  // namespace

Contour Brush::placed(const Contour& contour) const {
  Contour out;
  out.reserve(contour.size());
  for (const Point p : contour) out.push_back(placing_(p));
  return out;
}

Brush Brush::at(double x, double y, double scale, double turn) const {
  Placing part = placing_;
  const Point origin = placing_({x, y});
  part.x = origin.x;
  part.y = origin.y;
  part.scale_x *= scale;
  part.scale_y *= scale;
  part.turn += placing_.scale_x < 0 ? -turn : turn;
  return {canvas_, part};
}

Brush Brush::mirrored() const {
  Placing other = placing_;
  other.scale_x = -other.scale_x;
  return {canvas_, other};
}

void Brush::shape(const Contour& contour, Colour colour) const {
  canvas_.fill(placed(contour), colour);
}

void Brush::inside(const Contour& contour, const Contour& bounds, Colour colour) const {
  canvas_.fill_inside(placed(contour), placed(bounds), colour);
}

void Brush::form(const Contour& contour, Colour colour, double depth) const {
  const Contour whole = placed(contour);
  canvas_.fill(whole, darker(colour, kShade));
  // The light comes from the upper left of the picture, whichever way the figure looks.
  const double reach = depth * std::abs(placing_.scale_x);
  canvas_.fill_inside(moved(whole, -reach, -reach * 0.6), whole, colour);
}

void Brush::line(Points points, double width, Colour colour) const {
  line(curve({points.begin(), points.size()}), width, colour);
}

void Brush::line(const Contour& points, double width, Colour colour) const {
  canvas_.stroke(placed(points), width * std::abs(placing_.scale_x), colour);
}

void Brush::eye(double x, double y, double r, Colour white, Colour black) const {
  disc(x, y, r, white);
  disc(x + r * 0.18, y + r * 0.05, r * 0.58, black);
  disc(x - r * 0.05, y - r * 0.22, r * 0.18, white);
}

void Brush::dots(Points points, double r, Colour colour) const {
  for (const Point p : points) disc(p.x, p.y, r, colour);
}

}  // namespace stoker::painting
