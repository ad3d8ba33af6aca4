// Sounds and melodies that fit a prompt: a few seconds of rain, waves, wind, birds or bells, or a
// small tune.
//
// Threading: pure. Limits: kSoundSeconds and kTuneSeconds of stereo samples between -1 and 1.
#pragma once

#include <cstdint>
#include <vector>

#include "backends/rehearsal/painting/motifs.h"

namespace stoker::painting {

inline constexpr double kSoundSeconds = 4.0;
inline constexpr double kTuneSeconds = 8.0;

// Interleaved stereo at kSampleRate. A part of 1 is the whole length.
std::vector<float> play_sound(const Reading& reading, std::uint64_t seed, double part);
std::vector<float> play_tune(const Reading& reading, std::uint64_t seed, double part);

}  // namespace stoker::painting
