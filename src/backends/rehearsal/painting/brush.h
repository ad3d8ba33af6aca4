// Paints shapes in the small coordinates of one figure: base at the origin, height about 1, y
// downwards.
//
// Purpose: figures know nothing of where they stand, how large they are and which way they look.
// Threading: belongs to one painter, like its canvas.
#pragma once

#include <initializer_list>
#include <vector>

#include "backends/rehearsal/painting/canvas.h"
#include "backends/rehearsal/painting/colour.h"
#include "backends/rehearsal/painting/path.h"

namespace stoker::painting {

class Brush {
 public:
  using Points = std::initializer_list<Point>;

  Brush(Canvas& canvas, Placing placing) : canvas_(canvas), placing_(placing) {}

  // A brush for a part of the figure.
  Brush at(double x, double y, double scale, double turn = 0) const;
  Brush mirrored() const;

  void shape(const Contour& contour, Colour colour) const;
  // Two tones: the side away from the light is darker. `depth` is how far the shadow reaches in.
  void form(const Contour& contour, Colour colour, double depth = 0.06) const;
  void inside(const Contour& contour, const Contour& bounds, Colour colour) const;
  void poly(Points points, Colour colour) const { shape(Contour(points), colour); }
  void solid_poly(Points points, Colour colour, double depth = 0.06) const {
    form(Contour(points), colour, depth);
  }
  void soft(Points points, Colour colour) const {
    shape(blob({points.begin(), points.size()}), colour);
  }
  void solid_soft(Points points, Colour colour, double depth = 0.06) const {
    form(blob({points.begin(), points.size()}), colour, depth);
  }
  void disc(double x, double y, double r, Colour colour) const {
    shape(ellipse({x, y}, r, r), colour);
  }
  void oval(double x, double y, double rx, double ry, Colour colour) const {
    shape(ellipse({x, y}, rx, ry), colour);
  }
  void box(double left, double top, double right, double bottom, Colour colour) const {
    shape(rectangle(left, top, right, bottom), colour);
  }
  // A smooth line through the points.
  void line(Points points, double width, Colour colour) const;
  void line(const Contour& points, double width, Colour colour) const;
  // An eye that looks at you.
  void eye(double x, double y, double r, Colour white, Colour black) const;
  void dots(Points points, double r, Colour colour) const;

  const Placing& placing() const { return placing_; }
  Canvas& canvas() const { return canvas_; }

 private:
  Contour placed(const Contour& contour) const;

  Canvas& canvas_;
  Placing placing_;
};

}  // namespace stoker::painting
