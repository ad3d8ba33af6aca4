#include "staging/weight_names.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace stoker::staging {
namespace {

constexpr std::string_view kGgufEnding = ".gguf";
constexpr std::string_view kOf = "-of-";
constexpr std::size_t kDigits = 5;
constexpr std::array<std::string_view, 2> kSafetensorsEndings = {".safetensors", ".sft"};
constexpr std::array<std::string_view, 5> kOpaqueEndings = {".ckpt", ".pt", ".pth", ".bin", ".pkl"};

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

std::optional<std::uint32_t> five_digits(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.size() != kDigits || error != std::errc() || end != text.data() + text.size())
    return std::nullopt;
  return number;
}

std::string with_five_digits(std::uint32_t number) {
  std::string digits = std::to_string(number);
  if (digits.size() < kDigits) digits.insert(0, kDigits - digits.size(), '0');
  return digits;
}

}  // namespace

WeightName weight_name(std::string_view file_name) {
  const std::string name = lower(file_name);
  const auto ends = [&name](std::string_view ending) {
    return name.size() > ending.size() && name.ends_with(ending);
  };
  if (ends(kGgufEnding)) return WeightName::gguf;
  if (std::ranges::any_of(kSafetensorsEndings, ends)) return WeightName::safetensors;
  if (std::ranges::any_of(kOpaqueEndings, ends)) return WeightName::opaque;
  return WeightName::none;
}

std::optional<SplitName> split_name(std::string_view file_name) {
  if (!file_name.ends_with(kGgufEnding)) return std::nullopt;
  file_name.remove_suffix(kGgufEnding.size());
  constexpr std::size_t kTail = 1 + kDigits + kOf.size() + kDigits;
  if (file_name.size() <= kTail) return std::nullopt;
  const std::string_view tail = file_name.substr(file_name.size() - kTail);
  if (tail.front() != '-' || tail.substr(1 + kDigits, kOf.size()) != kOf) return std::nullopt;
  const auto number = five_digits(tail.substr(1, kDigits));
  const auto count = five_digits(tail.substr(kTail - kDigits));
  if (!number || !count || *number == 0 || *number > *count) return std::nullopt;
  return SplitName{.stem = std::string(file_name.substr(0, file_name.size() - kTail)),
                   .number = *number,
                   .count = *count};
}

std::string split_file_name(const SplitName& split, std::uint32_t number) {
  return split.stem + "-" + with_five_digits(number) + std::string(kOf) +
         with_five_digits(split.count) + std::string(kGgufEnding);
}

std::optional<std::string> plain_variant(std::string_view file_name) {
  const std::size_t ending = file_name.rfind('.');
  if (ending == std::string_view::npos || ending == 0) return std::nullopt;
  const std::size_t variant = file_name.rfind('.', ending - 1);
  if (variant == std::string_view::npos || variant == 0) return std::nullopt;
  return std::string(file_name.substr(0, variant)) + std::string(file_name.substr(ending));
}

bool is_plain_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
}

}  // namespace stoker::staging
