#include "tests/engines/comfyui_server/media.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace stoker::engines::comfyui {
namespace {

using namespace std::string_view_literals;

constexpr std::uint32_t kSideMax = 16384;

std::string big_endian(std::uint32_t number) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(number >> shift));
  return bytes;
}

std::string png_chunk(std::string_view type, std::string_view data) {
  const std::string body = std::string(type) + std::string(data);
  const auto* bytes = reinterpret_cast<const Bytef*>(body.data());
  const auto sum = crc32(0, bytes, static_cast<uInt>(body.size()));
  return big_endian(static_cast<std::uint32_t>(data.size())) + body +
         big_endian(static_cast<std::uint32_t>(sum));
}

std::string deflated(std::string_view plain) {
  uLongf size = compressBound(static_cast<uLong>(plain.size()));
  std::string packed(size, '\0');
  compress2(reinterpret_cast<Bytef*>(packed.data()), &size,
            reinterpret_cast<const Bytef*>(plain.data()), static_cast<uLong>(plain.size()), 1);
  packed.resize(size);
  return packed;
}

std::string box(std::string_view type, std::string_view data) {
  return big_endian(static_cast<std::uint32_t>(data.size() + 8)) + std::string(type) +
         std::string(data);
}

// The head of a film without tracks: 1 s at 1000 units a second.
std::string movie_header() {
  std::string data(12, '\0');      // version, flags, times
  data += big_endian(1000);        // units a second
  data += big_endian(1000);        // duration
  data += big_endian(0x00010000);  // speed 1
  data += "\x01\x00"sv;            // volume 1
  data += std::string(10, '\0');
  for (const std::uint32_t entry : {0x10000U, 0U, 0U, 0U, 0x10000U, 0U, 0U, 0U, 0x40000000U})
    data += big_endian(entry);
  data += std::string(24, '\0');
  data += big_endian(1);  // the next track
  return box("moov", box("mvhd", data));
}

}  // namespace

std::string png_picture(PictureSize size, std::uint32_t rgb, std::string_view workflow) {
  const std::uint32_t width = std::clamp(size.width, 1U, kSideMax);
  const std::uint32_t height = std::clamp(size.height, 1U, kSideMax);
  const std::string rows(
      (static_cast<std::size_t>(width) / 8 + (width % 8 != 0 ? 1 : 0) + 1) * height, '\0');
  std::string colour;
  for (const int shift : {16, 8, 0}) colour.push_back(static_cast<char>(rgb >> shift));
  std::string file("\x89PNG\r\n\x1a\n"sv);
  file += png_chunk("IHDR", big_endian(width) + big_endian(height) + std::string("\1\3\0\0\0"sv));
  file += png_chunk("PLTE", colour + std::string(3, '\0'));
  if (!workflow.empty())
    file += png_chunk("tEXt", "prompt" + std::string(1, '\0') + std::string(workflow));
  file += png_chunk("IDAT", deflated(rows));
  file += png_chunk("IEND", "");
  return file;
}

PictureSize png_size(std::string_view bytes) {
  if (!bytes.starts_with("\x89PNG\r\n\x1a\n"sv) || bytes.size() < 24) return {};
  const auto number = [&](std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i)
      value = (value << 8U) | static_cast<unsigned char>(bytes[at + i]);
    return value;
  };
  return {.width = number(16), .height = number(20)};
}

std::string jpeg_preview() {
  std::string file("\xFF\xD8"sv);
  file += std::string("\xFF\xDB\x00\x43\x00"sv) + std::string(64, '\1');  // all factors 1
  file += "\xFF\xC0\x00\x0B\x08\x00\x08\x00\x08\x01\x01\x11\x00"sv;       // 8 × 8, grey
  file += std::string("\xFF\xC4\x00\x14\x00\x01"sv) + std::string(15, '\0') + std::string(1, '\0');
  file += std::string("\xFF\xC4\x00\x14\x10\x01"sv) + std::string(15, '\0') + std::string(1, '\0');
  file += "\xFF\xDA\x00\x08\x01\x01\x00\x00\x3F\x00\x3F"sv;
  file += "\xFF\xD9"sv;
  return file;
}

std::string webp_picture() {
  // 1 × 1, lossless.
  return std::string(
      "RIFF\x1A\x00\x00\x00WEBPVP8L\x0D\x00\x00\x00\x2F\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88\xFE\x07\x00"sv);
}

std::string mp3_sound() {
  std::string file("ID3\x04\x00\x00\x00\x00\x00\x00"sv);
  // Silence: 128 kbit/s, 44.1 kHz, 417 bytes a frame.
  for (int frame = 0; frame < 4; ++frame)
    file += std::string("\xFF\xFB\x90\x00"sv) + std::string(413, '\0');
  return file;
}

std::string flac_sound() {
  std::string file("fLaC\x80\x00\x00\x22"sv);
  file += "\x10\x00\x10\x00\x00\x00\x00\x00\x00\x00"sv;  // blocks of 4096
  file += "\x0A\xC4\x42\xF0\x00\x00\x00\x00"sv;          // 44.1 kHz, 2 channels, 16 bit, no samples
  return file + std::string(16, '\0');
}

std::string opus_sound() {
  std::string file("OggS\x00\x02"sv);
  file += std::string(8, '\0') + std::string("\x01\x00\x00\x00"sv) + std::string(8, '\0');
  file += "\x01\x13"sv;
  return file + std::string("OpusHead\x01\x02\x38\x01\x80\xBB\x00\x00\x00\x00\x00"sv);
}

std::string mp4_clip() {
  return box("ftyp", "isom\x00\x00\x02\x00isomiso2mp41"sv) + box("mdat", "") + movie_header();
}

std::string webm_clip() {
  return std::string("\x1A\x45\xDF\xA3\x8B\x42\x82\x84webm\x42\x87\x81\x04"sv);
}

std::string_view mime_of(std::string_view file_name) {
  static constexpr auto kTypes = std::to_array<std::pair<std::string_view, std::string_view>>({
      {".png", "image/png"},
      {".jpg", "image/jpeg"},
      {".jpeg", "image/jpeg"},
      {".webp", "image/webp"},
      {".gif", "image/gif"},
      {".mp4", "video/mp4"},
      {".webm", "video/webm"},
      {".mp3", "audio/mpeg"},
      {".flac", "audio/flac"},
      {".opus", "audio/ogg"},
      {".wav", "audio/x-wav"},
      {".txt", "text/plain"},
  });
  for (const auto& [extension, mime] : kTypes) {
    if (file_name.ends_with(extension)) return mime;
  }
  return "application/octet-stream";
}

}  // namespace stoker::engines::comfyui
