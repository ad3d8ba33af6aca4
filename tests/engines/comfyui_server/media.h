// Small valid files that the played engines hand out.
//
// Threading: pure functions. Limits: pictures up to 16384 × 16384, one colour, one bit per pixel.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace stoker::engines::comfyui {

struct PictureSize {
  std::uint32_t width = 8;
  std::uint32_t height = 8;
};

// A PNG of one colour; `workflow` goes into a tEXt chunk "prompt" unless it is empty.
std::string png_picture(PictureSize size, std::uint32_t rgb, std::string_view workflow = {});
// Of a PNG's head; 8 × 8 for anything else.
PictureSize png_size(std::string_view bytes);

std::string jpeg_preview();  // 8 × 8, grey
std::string webp_picture();
std::string mp3_sound();
std::string flac_sound();
std::string opus_sound();
std::string mp4_clip();
std::string webm_clip();

// "image/png" for "a.png"; application/octet-stream for what is unknown or dangerous.
std::string_view mime_of(std::string_view file_name);

}  // namespace stoker::engines::comfyui
