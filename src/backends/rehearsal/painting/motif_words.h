// The words that name motifs. Only the reader of prompts needs them.
#pragma once

#include <span>
#include <string_view>

#include "backends/rehearsal/painting/motifs.h"

namespace stoker::painting {

struct Stem {
  std::string_view word;  // lower case, umlauts as two letters
  Motif motif;
};

// In German and English; of two stems that fit a word equally well the earlier one counts.
std::span<const Stem> known_stems();

}  // namespace stoker::painting
