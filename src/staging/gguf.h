// Reads the header of a GGUF file: key-value pairs about the network, then name, shape, type and
// place of each tensor.
//
// Purpose: sizes without weights, and what an estimate of the key-value cache needs. Threading:
// pure but for the source.
// Limits: versions 2 and 3, little-endian; a header of kGgufHeaderMax bytes, of which long values
// are passed over; kTensorsMax tensors and kGgufKeyValuesMax pairs, some 50 bytes of memory for
// each; arrays nested kGgufArrayDepthMax deep. Time is linear in the header.
// Errors: bad_request with what is wrong; whatever the source says. Tensors may not overlap, must
// begin at the file's alignment and lie in the file; a type that is not known is refused because
// its size is not known either.
// Format: github.com/ggml-org/ggml, docs/gguf.md.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "staging/byte_source.h"
#include "staging/weight_facts.h"

namespace stoker::staging {

inline constexpr std::uint64_t kGgufHeaderMax = 256ULL * 1024 * 1024;
inline constexpr std::uint64_t kGgufKeyValuesMax = 65'536;
inline constexpr int kGgufArrayDepthMax = 4;

bool begins_like_gguf(std::string_view first_bytes);

Result<WeightFacts> parse_gguf(ByteSource& source);

}  // namespace stoker::staging
