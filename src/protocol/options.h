// Named values that go to an engine as they are: num_ctx, temperature, width.
//
// Purpose: what an operator writes as load_options and run_options, in the order in which it was written.
// Threading, ownership: values.
// Limits: kOptionsMax per list.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace stoker::protocol {

inline constexpr std::size_t kOptionsMax = 64;

using OptionValue = std::variant<bool, std::int64_t, double, std::string>;
using Options = std::vector<std::pair<std::string, OptionValue>>;

inline const OptionValue* find_option(const Options& options, std::string_view name) {
  for (const auto& [key, value] : options) {
    if (key == name) return &value;
  }
  return nullptr;
}

}  // namespace stoker::protocol
