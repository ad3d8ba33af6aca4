// Samples as a FLAC file. FLAC because every browser on a tablet plays it, and the same samples
// give the same bytes.
#pragma once

#include <span>
#include <string>

#include "base/error.h"

namespace stoker::painting {

inline constexpr int kSampleRate = 32000;
inline constexpr int kChannels = 2;

// Interleaved stereo, from -1 to 1. Errors: internal when the encoder refuses.
Result<std::string> flac_file(std::span<const float> samples);

}  // namespace stoker::painting
