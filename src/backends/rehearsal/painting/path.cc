#include "backends/rehearsal/painting/path.h"

namespace stoker::painting {
namespace {

constexpr int kPiecesPerCurve = 12;
constexpr int kPiecesPerCircle = 64;

Point between(Point p0, Point p1, Point p2, Point p3, double t) {
  const double t2 = t * t;
  const double t3 = t2 * t;
  return (p1 * 2.0 + (p2 - p0) * t + (p0 * 2.0 - p1 * 5.0 + p2 * 4.0 - p3) * t2 +
          (p1 * 3.0 - p0 - p2 * 3.0 + p3) * t3) *
         0.5;
}

}  // namespace

Contour blob(std::span<const Point> points) {
  Contour out;
  const std::size_t n = points.size();
  out.reserve(n * kPiecesPerCurve);
  for (std::size_t i = 0; i < n; ++i) {
    for (int piece = 0; piece < kPiecesPerCurve; ++piece) {
      out.push_back(between(points[(i + n - 1) % n], points[i], points[(i + 1) % n],
                            points[(i + 2) % n], static_cast<double>(piece) / kPiecesPerCurve));
    }
  }
  return out;
}

Contour curve(std::span<const Point> points) {
  Contour out;
  const std::size_t n = points.size();
  if (n < 2) return {points.begin(), points.end()};
  out.reserve(n * kPiecesPerCurve);
  for (std::size_t i = 0; i + 1 < n; ++i) {
    const Point before = i == 0 ? points[0] : points[i - 1];
    const Point after = i + 2 < n ? points[i + 2] : points[n - 1];
    for (int piece = 0; piece < kPiecesPerCurve; ++piece) {
      out.push_back(between(before, points[i], points[i + 1], after,
                            static_cast<double>(piece) / kPiecesPerCurve));
    }
  }
  out.push_back(points[n - 1]);
  return out;
}

Contour arc(Point centre, double rx, double ry, double from, double to) {
  Contour out;
  const int pieces =
      std::max(2, static_cast<int>(std::ceil(kPiecesPerCircle * std::abs(to - from) / (2 * kPi))));
  out.reserve(static_cast<std::size_t>(pieces) + 1);
  for (int i = 0; i <= pieces; ++i) {
    const double angle = from + (to - from) * i / pieces;
    out.push_back({centre.x + rx * std::cos(angle), centre.y + ry * std::sin(angle)});
  }
  return out;
}

Contour ellipse(Point centre, double rx, double ry) {
  return arc(centre, rx, ry, 0, 2 * kPi);
}

Contour rectangle(double left, double top, double right, double bottom) {
  return {{left, top}, {right, top}, {right, bottom}, {left, bottom}};
}

Contour rounded(double left, double top, double right, double bottom, double radius) {
  Contour out;
  const auto corner = [&](double x, double y, double from) {
    for (const Point p : arc({x, y}, radius, radius, from, from + kPi / 2)) out.push_back(p);
  };
  corner(right - radius, top + radius, -kPi / 2);
  corner(right - radius, bottom - radius, 0);
  corner(left + radius, bottom - radius, kPi / 2);
  corner(left + radius, top + radius, kPi);
  return out;
}

Contour star(Point centre, double outer, double inner, int points, double turn) {
  Contour out;
  for (int i = 0; i < points * 2; ++i) {
    const double radius = i % 2 == 0 ? outer : inner;
    const double angle = turn + kPi * i / points - kPi / 2;
    out.push_back({centre.x + radius * std::cos(angle), centre.y + radius * std::sin(angle)});
  }
  return out;
}

}  // namespace stoker::painting
