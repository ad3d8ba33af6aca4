// Makes the files of a rehearsal: a picture, a film, a sound, a melody or a text that fits the
// prompt.
//
// Purpose: people look at real results while nothing is generated. The same order gives the same
//   bytes.
// Threading: pure and free of shared state; meant to be called off the loop.
// Limits: only the first kPromptBytesRead bytes of a prompt are read; any bytes will do, valid
//   UTF-8 or not.
// Errors: internal when an encoder refuses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "backends/backend.h"
#include "backends/rehearsal/rehearsal_options.h"

namespace stoker {

inline constexpr std::size_t kPromptBytesRead = 8000;

struct PaintOrder {
  Medium medium = Medium::image;
  std::string prompt;
  std::uint64_t seed = 0;
  std::string model;
  RehearsalDetail detail = RehearsalDetail::full;
};

Result<RunOutput> paint(const PaintOrder& order);

}  // namespace stoker
