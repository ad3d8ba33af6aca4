// The kinds of numbers that GGUF tensors consist of, with the size of their blocks.
//
// Threading: a constant table. Errors: nullopt for a number that is not in it: never used,
// withdrawn, or newer.
// Source: github.com/ggml-org/llama.cpp, gguf-py/gguf/constants.py, GGMLQuantizationType and
// GGML_QUANT_SIZES.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace stoker::staging {

struct GgmlType {
  std::uint32_t number = 0;
  std::string_view word;  // "Q4_K"
  std::uint64_t block_elements = 0;
  std::uint64_t block_bytes = 0;
};

std::optional<GgmlType> ggml_type(std::uint32_t number);

}  // namespace stoker::staging
