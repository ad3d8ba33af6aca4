// A picture in memory that shapes are painted on, anti-aliased.
//
// Purpose: the only place that knows the rasteriser (Anti-Grain Geometry).
// Threading: belongs to one painter; nothing is shared between canvases.
// Limits: kCanvasSideMax pixels a side. Points far outside are clipped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "backends/rehearsal/painting/colour.h"
#include "backends/rehearsal/painting/path.h"

namespace stoker::painting {

inline constexpr unsigned kCanvasSideMax = 2048;

class Canvas {
 public:
  // `scale` maps the coordinates of shapes to pixels.
  Canvas(unsigned width, unsigned height, double scale);
  ~Canvas();
  Canvas(const Canvas&) = delete;
  Canvas& operator=(const Canvas&) = delete;

  void fill_all(Colour colour);
  void fill(const Contour& contour, Colour colour);
  // Several outlines at once; where they overlap twice there is a hole.
  void fill_with_holes(std::span<const Contour> contours, Colour colour);
  void stroke(const Contour& contour, double width, Colour colour);
  // Fills only where `inside` is: stripes on a planet, shade on a tower.
  void fill_inside(const Contour& contour, const Contour& inside, Colour colour);

  unsigned width() const { return width_; }
  unsigned height() const { return height_; }
  // Four bytes a pixel, red first, row by row from the top.
  std::span<const std::uint8_t> rgba() const { return pixels_; }

 private:
  struct Raster;
  unsigned width_;
  unsigned height_;
  double scale_;
  std::vector<std::uint8_t> pixels_;
  std::unique_ptr<Raster> raster_;
};

}  // namespace stoker::painting
