// The small parts that the world keeps its state in.
//
// Threading: values.
#pragma once

#include <cstdint>
#include <limits>

#include "base/bytes.h"
#include "base/time.h"
#include "simulation/setting.h"

namespace stoker::simulation {

// Progress is counted in seconds of work, as fractions: rates are no whole numbers.
constexpr double seconds_of(Instant at) {
  return static_cast<double>(at.us) / 1e6;
}

// The nearest whole microsecond of a time in seconds; what lies exactly between two goes to the even one. Times that no
// scenario can reach become kNever.
inline constexpr Instant kNever{std::numeric_limits<std::int64_t>::max()};
Instant nearest_instant(double at_s);

struct LoadInProgress {
  ModelIndex model = 0;
  Instant started;
};

// How a load will end.
struct LoadDraw {
  Instant ends;
  bool fails = false;
};

// Other processes take memory or give it back.
struct ForeignEdge {
  Instant at;
  MiB change;
};

struct ModelState {
  Instant last_used;
  std::uint32_t running = 0;
  std::uint32_t loads = 0;  // started so far
  bool resident = false;
  bool loading = false;
  bool was_resident = false;
};

inline constexpr double kNoCrash = -1;

// Of the job with the same index.
struct Progress {
  std::uint32_t draw = 0;
  double left_s = 0;
  double crash_left_s = kNoCrash;  // the run crashes when so much is left
};

}  // namespace stoker::simulation
