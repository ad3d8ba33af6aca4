// How one rehearsal engine behaves.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/time.h"
#include "domain/ids.h"
#include "domain/model.h"

namespace stoker {

// Whose manners the engine imitates.
enum class RehearsalStyle : std::uint8_t {
  ollama,   // text: several slots, each model on its own, loads beside running work
  comfyui,  // pictures, films, sound: one worker; with `self` a load takes its turn
};

// How much care the results get. Nobody looks at them in a simulation.
enum class RehearsalDetail : std::uint8_t { full, sketch };

struct RehearsalOptions {
  BackendId id;
  RehearsalStyle style = RehearsalStyle::comfyui;
  EvictionGranularity granularity = EvictionGranularity::model;
  std::uint32_t slots = 1;
  std::uint32_t loaded_max = 0;    // models held at once, 0: as many as fit
  std::uint32_t waiting_max = 64;  // runs that wait inside the engine; more are refused
  double speed = 1.0;              // 60: a minute passes in a second
  std::uint64_t seed = 1;
  double time_sigma = 0.12;  // spread of load and run times (sigma of the logarithm), 0: exact
  double vram_spread =
      0.01;  // measured size differs from the planned one by up to this share, 0: exact
  Duration answer_delay = milliseconds(5);    // of short answers; divided by speed
  Duration unload_delay = milliseconds(600);  // until an unload is confirmed; divided by speed
  Duration down_delay = milliseconds(300);  // until a call to a dead engine fails; divided by speed
  std::size_t attempts_kept = 64;           // finished runs that `join` can still deliver
  RehearsalDetail detail = RehearsalDetail::full;

  // A load with granularity `self` goes through the one worker, as a dummy request does.
  bool loads_take_a_slot() const {
    return style == RehearsalStyle::comfyui && granularity == EvictionGranularity::self;
  }
  Duration scaled(Duration d) const {
    return microseconds(
        static_cast<std::int64_t>(static_cast<double>(d.us) / (speed > 0 ? speed : 1.0)));
  }
};

}  // namespace stoker
