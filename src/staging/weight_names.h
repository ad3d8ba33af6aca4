// What the names of weight files say.
//
// Threading: pure functions. Limits: none of them allocates more than the name. Errors: none;
// nullopt where a name says nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stoker::staging {

enum class WeightName : std::uint8_t { none, safetensors, gguf, opaque };

// By the ending, in any case.
WeightName weight_name(std::string_view file_name);

// NAME-00002-of-00005.gguf
struct SplitName {
  std::string stem;          // "NAME"
  std::uint32_t number = 0;  // from 1
  std::uint32_t count = 0;

  friend bool operator==(const SplitName&, const SplitName&) = default;
};
std::optional<SplitName> split_name(std::string_view file_name);
std::string split_file_name(const SplitName& split, std::uint32_t number);

// model.fp16.safetensors -> model.safetensors; nullopt for a name with no more than one point.
std::optional<std::string> plain_variant(std::string_view file_name);

// A name that stays in its folder: no separator, not ".." and not empty.
bool is_plain_name(std::string_view name);

}  // namespace stoker::staging
