// Colours as flat illustration needs them: mixed, lightened, darkened; all channels from 0 to 1.
#pragma once

#include <cstdint>

namespace stoker::painting {

struct Colour {
  double r = 0;
  double g = 0;
  double b = 0;
  double a = 1;
};

// 0xe8b04b as it stands in a palette.
constexpr Colour hex(std::uint32_t rgb, double alpha = 1.0) {
  return {((rgb >> 16) & 255U) / 255.0, ((rgb >> 8) & 255U) / 255.0, (rgb & 255U) / 255.0, alpha};
}

// t = 0 gives `from`, t = 1 gives `to`.
constexpr Colour mix(Colour from, Colour to, double t) {
  return {from.r + (to.r - from.r) * t, from.g + (to.g - from.g) * t, from.b + (to.b - from.b) * t,
          from.a + (to.a - from.a) * t};
}

constexpr Colour lighter(Colour c, double t) {
  return mix(c, {1, 1, 1, c.a}, t);
}
constexpr Colour darker(Colour c, double t) {
  return mix(c, {0.05, 0.03, 0.10, c.a}, t);
}
constexpr Colour clear(Colour c, double alpha) {
  return {c.r, c.g, c.b, alpha};
}

}  // namespace stoker::painting
