// A file that an engine made, as a result.
#pragma once

#include <string>

#include "backends/backend.h"

namespace stoker {

// The bytes decide what it is, not the engine's word. Errors: internal with param "output" for another kind of file than
// this medium has.
Result<RunOutput> media_output(std::string bytes, Medium medium);

}  // namespace stoker
