#include "domain/media_format.h"

#include <array>

namespace stoker {
namespace {

struct Row {
  MediaFormat format;
  std::string_view mime;
  std::string_view extension;
};

constexpr std::array<Row, kMediaFormatCount> kTable = {{
    {MediaFormat::png, "image/png", "png"},
    {MediaFormat::jpeg, "image/jpeg", "jpg"},
    {MediaFormat::webp, "image/webp", "webp"},
    {MediaFormat::mp4, "video/mp4", "mp4"},
    {MediaFormat::webm, "video/webm", "webm"},
    {MediaFormat::ogg, "audio/ogg", "ogg"},
    {MediaFormat::flac, "audio/flac", "flac"},
    {MediaFormat::wav, "audio/wav", "wav"},
    {MediaFormat::mp3, "audio/mpeg", "mp3"},
    {MediaFormat::plain_text, "text/plain; charset=utf-8", "txt"},
}};

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

std::size_t utf8_length(unsigned char lead) {
  if (lead < 0x80U) return 1;
  if (lead >= 0xC2U && lead < 0xE0U) return 2;
  if (lead >= 0xE0U && lead < 0xF0U) return 3;
  if (lead >= 0xF0U && lead < 0xF5U) return 4;
  return 0;
}

bool is_text(std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size();) {
    const auto lead = static_cast<unsigned char>(bytes[i]);
    if (lead < 0x20U && lead != '\n' && lead != '\r' && lead != '\t') return false;
    const std::size_t length = utf8_length(lead);
    if (length == 0 || i + length > bytes.size()) return false;
    for (std::size_t k = 1; k < length; ++k) {
      if (!is_continuation(bytes[i + k])) return false;
    }
    i += length;
  }
  return true;
}

}  // namespace

std::string_view format_mime(MediaFormat format) {
  return kTable.at(static_cast<std::size_t>(format)).mime;
}

std::string_view format_extension(MediaFormat format) {
  return kTable.at(static_cast<std::size_t>(format)).extension;
}

std::optional<MediaFormat> format_from_extension(std::string_view extension) {
  for (const Row& row : kTable) {
    if (row.extension == extension) return row.format;
  }
  return std::nullopt;
}

std::optional<MediaFormat> sniff_format(std::string_view bytes) {
  using namespace std::string_view_literals;
  if (bytes.starts_with("\x89PNG\r\n\x1a\n"sv)) return MediaFormat::png;
  if (bytes.starts_with("\xFF\xD8\xFF"sv)) return MediaFormat::jpeg;
  if (bytes.starts_with("RIFF"sv) && bytes.substr(8).starts_with("WEBP"sv))
    return MediaFormat::webp;
  if (bytes.starts_with("RIFF"sv) && bytes.substr(8).starts_with("WAVE"sv)) return MediaFormat::wav;
  if (bytes.size() > 12 && bytes.substr(4).starts_with("ftyp"sv)) return MediaFormat::mp4;
  if (bytes.starts_with("\x1A\x45\xDF\xA3"sv)) return MediaFormat::webm;
  if (bytes.starts_with("OggS"sv)) return MediaFormat::ogg;
  if (bytes.starts_with("fLaC"sv)) return MediaFormat::flac;
  if (bytes.starts_with("ID3"sv) || bytes.starts_with("\xFF\xFB"sv)) return MediaFormat::mp3;
  if (is_text(bytes)) return MediaFormat::plain_text;
  return std::nullopt;
}

bool format_suits(MediaFormat format, Medium medium) {
  switch (medium) {
    case Medium::text:
      return format == MediaFormat::plain_text;
    case Medium::image:
      return format == MediaFormat::png || format == MediaFormat::jpeg ||
             format == MediaFormat::webp;
    case Medium::video:
      return format == MediaFormat::mp4 || format == MediaFormat::webm ||
             format == MediaFormat::webp;
    case Medium::audio:
    case Medium::music:
      return format == MediaFormat::ogg || format == MediaFormat::flac ||
             format == MediaFormat::wav || format == MediaFormat::mp3;
  }
  return false;
}

}  // namespace stoker
