#include "backends/rehearsal/painting/canvas.h"

#include <agg_conv_stroke.h>
#include <agg_path_storage.h>
#include <agg_pixfmt_rgba.h>
#include <agg_rasterizer_scanline_aa.h>
#include <agg_renderer_base.h>
#include <agg_renderer_scanline.h>
#include <agg_rendering_buffer.h>
#include <agg_scanline_boolean_algebra.h>
#include <agg_scanline_storage_aa.h>
#include <agg_scanline_u.h>

#include <algorithm>

namespace stoker::painting {
namespace {

using Pixels = agg::pixfmt_rgba32_plain;
using Base = agg::renderer_base<Pixels>;
using Scanner = agg::rasterizer_scanline_aa<>;

agg::rgba8 paint_of(Colour c) {
  const auto channel = [](double v) {
    return static_cast<agg::int8u>(std::clamp(v, 0.0, 1.0) * 255.0 + 0.5);
  };
  return {channel(c.r), channel(c.g), channel(c.b), channel(c.a)};
}

void add(Scanner& scanner, const Contour& contour, double scale) {
  if (contour.size() < 3) return;
  scanner.move_to_d(contour[0].x * scale, contour[0].y * scale);
  for (std::size_t i = 1; i < contour.size(); ++i)
    scanner.line_to_d(contour[i].x * scale, contour[i].y * scale);
  scanner.close_polygon();
}

}  // namespace

struct Canvas::Raster {
  Raster(std::uint8_t* bytes, unsigned width, unsigned height)
      : buffer(bytes, width, height, static_cast<int>(width * 4)), pixels(buffer), base(pixels) {
    scanner.clip_box(0, 0, width, height);
    inside.clip_box(0, 0, width, height);
  }

  void render(Scanner& shape, Colour colour) {
    agg::render_scanlines_aa_solid(shape, line, base, paint_of(colour));
  }

  agg::rendering_buffer buffer;
  Pixels pixels;
  Base base;
  Scanner scanner;
  Scanner inside;
  agg::scanline_u8 line;
};

Canvas::Canvas(unsigned width, unsigned height, double scale)
    : width_(std::clamp(width, 1U, kCanvasSideMax)),
      height_(std::clamp(height, 1U, kCanvasSideMax)),
      scale_(scale),
      pixels_(std::size_t{width_} * height_ * 4),
      raster_(std::make_unique<Raster>(pixels_.data(), width_, height_)) {}

Canvas::~Canvas() = default;

void Canvas::fill_all(Colour colour) {
  raster_->base.clear(paint_of(colour));
}

void Canvas::fill(const Contour& contour, Colour colour) {
  raster_->scanner.reset();
  raster_->scanner.filling_rule(agg::fill_non_zero);
  add(raster_->scanner, contour, scale_);
  raster_->render(raster_->scanner, colour);
}

void Canvas::fill_with_holes(std::span<const Contour> contours, Colour colour) {
  raster_->scanner.reset();
  raster_->scanner.filling_rule(agg::fill_even_odd);
  for (const Contour& contour : contours) add(raster_->scanner, contour, scale_);
  raster_->render(raster_->scanner, colour);
}

void Canvas::stroke(const Contour& contour, double width, Colour colour) {
  if (contour.size() < 2) return;
  agg::path_storage path;
  path.move_to(contour[0].x * scale_, contour[0].y * scale_);
  for (std::size_t i = 1; i < contour.size(); ++i)
    path.line_to(contour[i].x * scale_, contour[i].y * scale_);
  agg::conv_stroke<agg::path_storage> outline(path);
  outline.width(width * scale_);
  outline.line_cap(agg::round_cap);
  outline.line_join(agg::round_join);
  raster_->scanner.reset();
  raster_->scanner.filling_rule(agg::fill_non_zero);
  raster_->scanner.add_path(outline);
  raster_->render(raster_->scanner, colour);
}

void Canvas::fill_inside(const Contour& contour, const Contour& inside, Colour colour) {
  raster_->scanner.reset();
  raster_->scanner.filling_rule(agg::fill_non_zero);
  add(raster_->scanner, contour, scale_);
  raster_->inside.reset();
  raster_->inside.filling_rule(agg::fill_non_zero);
  add(raster_->inside, inside, scale_);
  agg::scanline_u8 one;
  agg::scanline_u8 two;
  agg::scanline_u8 both;
  agg::renderer_scanline_aa_solid<Base> renderer(raster_->base);
  renderer.color(paint_of(colour));
  agg::sbool_intersect_shapes_aa(raster_->scanner, raster_->inside, one, two, both, renderer);
}

}  // namespace stoker::painting
