// The generation stage: an order in, checked results out.
//
// Purpose: turns a step into one call of a backend, and what the backend answered into results that may be stored: at
//   least one, none empty or too large, and the bytes are really of the medium that was asked for. What engines write
//   into files beside the result (prompts, workflows) is taken out.
// Threading: pure functions.
// Errors: internal (an empty or wrong answer of the engine), too_large.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "base/error.h"
#include "domain/media_format.h"

namespace stoker::pipeline {

inline constexpr std::size_t kOutputsMax = 16;

struct GenerationOrder {
  AttemptId attempt;
  JobId job;
  ModelId model;
  Medium medium = Medium::text;
  std::string prompt;
  std::uint64_t seed = 0;
  Duration deadline;
};

RunCall call_of(GenerationOrder order);

struct GeneratedResult {
  MediaFormat format = MediaFormat::plain_text;
  std::string bytes;
};

Result<std::vector<GeneratedResult>> accept_answer(RunReport report, Medium wanted,
                                                   std::size_t bytes_max);

}  // namespace stoker::pipeline
