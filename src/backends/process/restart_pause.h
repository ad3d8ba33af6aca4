// How long to wait before an engine that ended is started again.
//
// Purpose: 1 s, doubled with each end up to 60 s; an engine that was ready for five minutes has earned a fresh beginning.
// Threading, ownership: a value; time is an argument.
#pragma once

#include <algorithm>
#include <optional>

#include "base/time.h"

namespace stoker {

inline constexpr Duration kRestartPauseMin = seconds(1);
inline constexpr Duration kRestartPauseMax = seconds(60);
inline constexpr Duration kRestartForgiven = minutes(5);

class RestartPause {
 public:
  void ready(Instant now) { ready_since_ = now; }

  // The engine ended, or did not become ready.
  Duration ended(Instant now) {
    if (ready_since_ && now - *ready_since_ >= kRestartForgiven) next_ = kRestartPauseMin;
    ready_since_.reset();
    const Duration pause = next_;
    next_ = std::min(next_ * 2, kRestartPauseMax);
    return pause;
  }

 private:
  Duration next_ = kRestartPauseMin;
  std::optional<Instant> ready_since_;
};

}  // namespace stoker
