// What engines write into their results beside the picture or sound: workflows with prompts, names of files, programs.
//
// Purpose: a result goes to the board, to a family, to an exhibition; the prompt of a child, or what the machine is
//   called, must not travel inside it. Pixels, samples, colours and timing stay as they are, byte for byte.
// Threading: pure functions.
// Limits: one pass over the container; nothing is decoded.
// Formats: png (text, time and unknown ancillary chunks), jpeg (comments and application segments but colour profiles),
//   webp (EXIF, XMP), mp4 (udta, meta, uuid boxes become free space), mp3 (ID3 tags), flac (comments, pictures and
//   application blocks become padding), wav (all but format, data and facts). ogg and webm are not touched.
// Errors: none. A container that cannot be followed is given back as it came.
#pragma once

#include <string>

#include "domain/media_format.h"

namespace stoker::pipeline {

std::string without_metadata(MediaFormat format, std::string bytes);

}  // namespace stoker::pipeline
