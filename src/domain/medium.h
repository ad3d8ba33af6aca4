// What a model makes.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace stoker {

enum class Medium : std::uint8_t { text, image, video, audio, music };

inline constexpr int kMediumCount = 5;

std::string_view medium_name(Medium medium);
std::optional<Medium> medium_from_name(std::string_view name);

}  // namespace stoker
