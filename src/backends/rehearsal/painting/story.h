// A short friendly text about what a prompt speaks of, in the language of the prompt.
//
// Purpose: the text result of a rehearsal; its first line says that it is one. The sentences are
//   the work that a model would do, so they live here and not among the words of the pages.
// Threading: pure.
#pragma once

#include <cstdint>
#include <string>

#include "backends/rehearsal/painting/motifs.h"

namespace stoker::painting {

std::string tell_story(const Reading& reading, std::uint64_t seed);

}  // namespace stoker::painting
