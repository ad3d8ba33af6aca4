// Reads the header of a safetensors file: eight bytes of length, a JSON object with dtype, shape
// and place of each tensor.
//
// Purpose: sizes without weights. Threading: pure functions over the bytes handed in; nothing is
// kept.
// Limits: kSafetensorsHeaderMax is the format's own maximum; memory beyond the header is some 50
// bytes a tensor, whatever the file says (kTensorsMax, kSafetensorsRankMax, nesting of 16). Time is
// linear in the header.
// Errors: bad_request with what is wrong. A file that engines refuse is refused too: data that
// overlap, leave holes or end before or after the file, a length that does not follow from dtype
// and shape. A dtype that is not known is no error: its bytes are counted as the offsets say.
// Format: github.com/huggingface/safetensors, README and safetensors/src/tensor.rs.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "staging/weight_facts.h"

namespace stoker::staging {

inline constexpr std::uint64_t kSafetensorsHeaderMax = 100'000'000;
inline constexpr std::uint64_t kSafetensorsLengthBytes = 8;
inline constexpr std::size_t kSafetensorsRankMax = 32;

// How many bytes at the start of the file parse_safetensors_header wants to see, from the first
// eight of them.
Result<std::uint64_t> safetensors_head_bytes(std::string_view first_bytes, std::uint64_t file_size);

// `head` begins at the start of the file and holds at least safetensors_head_bytes; more is
// ignored.
Result<WeightFacts> parse_safetensors_header(std::string_view head, std::uint64_t file_size);

// Bits of one element; nullopt for a dtype that is not known.
std::optional<std::uint64_t> safetensors_dtype_bits(std::string_view dtype);

}  // namespace stoker::staging
