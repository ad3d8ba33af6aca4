#include "controller/scaled_loop.h"

#include <algorithm>
#include <cmath>

namespace stoker {

ScaledLoop::ScaledLoop(Loop& real, double speed)
    : real_(real), speed_(std::clamp(speed, 1.0, kSpeedMax)), began_(real.now()) {}

Duration ScaledLoop::planned(Duration real) const {
  return microseconds(std::llround(static_cast<double>(real.us) * speed_));
}

Instant ScaledLoop::now() const {
  return began_ + planned(real_.now() - began_);
}

TimerId ScaledLoop::after(Duration delay, std::move_only_function<void()> task) {
  // Rounded up, so that a timer never runs before its planning time has come.
  const auto real_us = static_cast<std::int64_t>(std::ceil(static_cast<double>(delay.us) / speed_));
  return real_.after(microseconds(real_us), std::move(task));
}

}  // namespace stoker
