// File formats of results, as a closed list, so that a journal of numbers can name them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "domain/medium.h"

namespace stoker {

enum class MediaFormat : std::uint8_t {
  png,
  jpeg,
  webp,
  mp4,
  webm,
  ogg,
  flac,
  wav,
  mp3,
  plain_text
};

inline constexpr int kMediaFormatCount = 10;

std::string_view format_mime(MediaFormat format);
std::string_view format_extension(MediaFormat format);
std::optional<MediaFormat> format_from_extension(std::string_view extension);

// What the first bytes say; nullopt: none of ours. Text is anything that is valid UTF-8 without control bytes.
std::optional<MediaFormat> sniff_format(std::string_view bytes);

// Whether results of this medium may come in this format.
bool format_suits(MediaFormat format, Medium medium);

}  // namespace stoker
