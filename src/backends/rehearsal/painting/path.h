// Outlines of shapes: closed or open runs of points, curves already cut into short straight pieces.
//
// Limits: a path holds what one shape needs; callers keep their point lists small.
#pragma once

#include <cmath>
#include <initializer_list>
#include <span>
#include <vector>

namespace stoker::painting {

struct Point {
  double x = 0;
  double y = 0;
};

constexpr Point operator+(Point a, Point b) {
  return {a.x + b.x, a.y + b.y};
}
constexpr Point operator-(Point a, Point b) {
  return {a.x - b.x, a.y - b.y};
}
constexpr Point operator*(Point p, double k) {
  return {p.x * k, p.y * k};
}

inline constexpr double kPi = 3.14159265358979323846;

// Where a shape goes: scaled, mirrored by a negative x scale, turned, moved. Applied in this order.
struct Placing {
  double x = 0;
  double y = 0;
  double scale_x = 1;
  double scale_y = 1;
  double turn = 0;  // radians, clockwise on the screen

  Point operator()(Point p) const {
    const double sx = p.x * scale_x;
    const double sy = p.y * scale_y;
    return {x + sx * std::cos(turn) - sy * std::sin(turn),
            y + sx * std::sin(turn) + sy * std::cos(turn)};
  }
};

using Contour = std::vector<Point>;

// A smooth closed curve through the points (Catmull-Rom).
Contour blob(std::span<const Point> points);
// A smooth open curve through the points.
Contour curve(std::span<const Point> points);
Contour ellipse(Point centre, double rx, double ry);
// Part of an ellipse from one angle to another, without the centre.
Contour arc(Point centre, double rx, double ry, double from, double to);
Contour rectangle(double left, double top, double right, double bottom);
Contour rounded(double left, double top, double right, double bottom, double radius);
Contour star(Point centre, double outer, double inner, int points, double turn);

}  // namespace stoker::painting
