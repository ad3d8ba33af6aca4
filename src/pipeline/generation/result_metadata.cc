#include "pipeline/generation/result_metadata.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace stoker::pipeline {
namespace {

using std::operator""sv;

constexpr int kBoxDepthMax = 8;

std::optional<std::uint64_t> big_endian(std::string_view bytes, std::size_t at, std::size_t count) {
  if (at > bytes.size() || bytes.size() - at < count) return std::nullopt;
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < count; ++i)
    value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

std::optional<std::uint32_t> little_endian(std::string_view bytes, std::size_t at) {
  if (at > bytes.size() || bytes.size() - at < 4) return std::nullopt;
  std::uint32_t value = 0;
  for (std::size_t i = 4; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

template <std::size_t N>
bool is_one_of(std::string_view name, const std::array<std::string_view, N>& names) {
  return std::ranges::find(names, name) != names.end();
}

// ── png ──────────────────────────────────────────────────────────────────────────────────────────

constexpr std::array kPngKept = {"IHDR"sv, "PLTE"sv, "IDAT"sv, "IEND"sv, "tRNS"sv, "gAMA"sv,
                                 "cHRM"sv, "sRGB"sv, "iCCP"sv, "cICP"sv, "sBIT"sv, "bKGD"sv,
                                 "pHYs"sv, "acTL"sv, "fcTL"sv, "fdAT"sv};

std::optional<std::string> clean_png(std::string_view bytes) {
  constexpr std::size_t kSignature = 8;
  constexpr std::size_t kAround = 12;  // length, name and checksum
  std::string out(bytes.substr(0, kSignature));
  std::size_t at = kSignature;
  while (at < bytes.size()) {
    const auto length = big_endian(bytes, at, 4);
    if (!length || bytes.size() - at < kAround || *length > bytes.size() - at - kAround)
      return std::nullopt;
    const std::string_view chunk = bytes.substr(at, static_cast<std::size_t>(*length) + kAround);
    const std::string_view name = chunk.substr(4, 4);
    if (is_one_of(name, kPngKept)) out += chunk;
    at += chunk.size();
    if (name == "IEND") return out;  // what follows is nobody's picture
  }
  return std::nullopt;
}

// ── jpeg ─────────────────────────────────────────────────────────────────────────────────────────

std::optional<std::string> clean_jpeg(std::string_view bytes) {
  constexpr unsigned char kComment = 0xFE;
  constexpr unsigned char kStartOfScan = 0xDA;
  std::string out(bytes.substr(0, 2));
  std::size_t at = 2;
  while (true) {
    const auto marker = big_endian(bytes, at, 2);
    const auto length = big_endian(bytes, at + 2, 2);
    if (!marker || *marker >> 8 != 0xFF || !length || *length < 2) return std::nullopt;
    const std::size_t size = static_cast<std::size_t>(*length) + 2;
    if (size > bytes.size() - at) return std::nullopt;
    const auto kind = static_cast<unsigned char>(*marker);
    if (kind == kStartOfScan) return out.append(bytes.substr(at));
    const std::string_view segment = bytes.substr(at, size);
    const bool is_application = kind >= 0xE1 && kind <= 0xEF;
    const bool is_colour =
        segment.substr(4).starts_with("ICC_PROFILE"sv) || segment.substr(4).starts_with("Adobe"sv);
    if (kind != kComment && (!is_application || is_colour)) out += segment;
    at += size;
  }
}

// ── webp and wav ─────────────────────────────────────────────────────────────────────────────────

constexpr std::array kWebpDropped = {"EXIF"sv, "XMP "sv};
constexpr std::array kWavKept = {"fmt "sv, "data"sv, "fact"sv};

std::optional<std::string> clean_riff(std::string_view bytes, MediaFormat format) {
  constexpr std::size_t kHead = 12;
  if (bytes.size() < kHead) return std::nullopt;
  std::string out(bytes.substr(0, kHead));
  std::size_t at = kHead;
  while (at < bytes.size()) {
    const auto length = little_endian(bytes, at + 4);
    if (!length || bytes.size() - at < 8 || *length > bytes.size() - at - 8) return std::nullopt;
    const std::size_t padded = 8 + static_cast<std::size_t>(*length) + (*length & 1U);
    const std::string_view name = bytes.substr(at, 4);
    const bool keep =
        format == MediaFormat::wav ? is_one_of(name, kWavKept) : !is_one_of(name, kWebpDropped);
    if (keep) out += bytes.substr(at, padded);
    // The flags of an extended file say which parts follow: EXIF is 0x08, XMP 0x04.
    if (keep && name == "VP8X" && *length >= 1)
      out[out.size() - padded + 8] = static_cast<char>(out[out.size() - padded + 8] & ~0x0C);
    at += std::min(padded, bytes.size() - at);
  }
  const auto size = static_cast<std::uint32_t>(out.size() - 8);
  for (std::size_t i = 0; i < 4; ++i) out[4 + i] = static_cast<char>(size >> (8 * i) & 0xFF);
  return out;
}

// ── mp4 ──────────────────────────────────────────────────────────────────────────────────────────

constexpr std::array kBoxesInside = {"moov"sv, "trak"sv, "mdia"sv, "minf"sv, "stbl"sv};
constexpr std::array kBoxesFreed = {"udta"sv, "meta"sv, "uuid"sv};

// Freed boxes keep their place and size, because others point to offsets behind them.
bool free_boxes(std::string& bytes, std::size_t begin, std::size_t end, int depth) {
  if (depth > kBoxDepthMax) return false;
  std::size_t at = begin;
  while (at < end) {
    const auto short_size = big_endian(bytes, at, 4);
    if (!short_size || end - at < 8) return false;
    std::uint64_t size = *short_size;
    std::size_t head = 8;
    if (size == 1) {
      const auto long_size = big_endian(bytes, at + 8, 8);
      if (!long_size) return false;
      size = *long_size;
      head = 16;
    }
    if (size == 0) size = end - at;  // to the end of the file
    if (size < head || size > end - at) return false;
    const std::string_view name = std::string_view(bytes).substr(at + 4, 4);
    const std::size_t next = at + static_cast<std::size_t>(size);
    if (is_one_of(name, kBoxesFreed)) {
      bytes.replace(at + 4, 4, "free");
      std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(at + head),
                bytes.begin() + static_cast<std::ptrdiff_t>(next), '\0');
    } else if (is_one_of(name, kBoxesInside) && !free_boxes(bytes, at + head, next, depth + 1)) {
      return false;
    }
    at = next;
  }
  return true;
}

std::optional<std::string> clean_mp4(std::string_view bytes) {
  std::string out(bytes);
  if (!free_boxes(out, 0, out.size(), 0)) return std::nullopt;
  return out;
}

// ── mp3 and flac ─────────────────────────────────────────────────────────────────────────────────

std::optional<std::string> clean_mp3(std::string_view bytes) {
  constexpr std::size_t kHead = 10;
  constexpr std::size_t kOldTag = 128;
  if (bytes.starts_with("ID3"sv)) {
    const auto size = big_endian(bytes, 6, 4);
    if (!size || (*size & 0x80808080U) != 0) return std::nullopt;
    // Seven bits in each byte.
    const std::size_t length = (*size & 0x7FU) | (*size >> 8 & 0x7FU) << 7 |
                               (*size >> 16 & 0x7FU) << 14 | (*size >> 24 & 0x7FU) << 21;
    if (kHead + length >= bytes.size()) return std::nullopt;
    bytes.remove_prefix(kHead + length);
  }
  if (bytes.size() > kOldTag && bytes.substr(bytes.size() - kOldTag).starts_with("TAG"sv))
    bytes.remove_suffix(kOldTag);
  return std::string(bytes);
}

std::optional<std::string> clean_flac(std::string_view bytes) {
  constexpr unsigned kPadding = 1;
  std::string out(bytes);
  std::size_t at = 4;
  while (true) {
    const auto head = big_endian(out, at, 4);
    if (!head) return std::nullopt;
    const std::size_t length = *head & 0xFFFFFFU;
    const auto kind = static_cast<unsigned>(*head >> 24 & 0x7FU);
    const bool is_last = (*head >> 31) != 0;
    if (length > out.size() - at - 4) return std::nullopt;
    const bool tells = kind == 2 || kind == 4 || kind == 6;  // application, comments, picture
    if (tells) {
      out[at] = static_cast<char>((is_last ? 0x80U : 0U) | kPadding);
      std::fill_n(out.begin() + static_cast<std::ptrdiff_t>(at + 4), length, '\0');
    }
    at += 4 + length;
    if (is_last) return out;
  }
}

std::optional<std::string> cleaned(MediaFormat format, std::string_view bytes) {
  switch (format) {
    case MediaFormat::png:
      return clean_png(bytes);
    case MediaFormat::jpeg:
      return clean_jpeg(bytes);
    case MediaFormat::webp:
    case MediaFormat::wav:
      return clean_riff(bytes, format);
    case MediaFormat::mp4:
      return clean_mp4(bytes);
    case MediaFormat::mp3:
      return clean_mp3(bytes);
    case MediaFormat::flac:
      return clean_flac(bytes);
    case MediaFormat::webm:
    case MediaFormat::ogg:
    case MediaFormat::plain_text:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

std::string without_metadata(MediaFormat format, std::string bytes) {
  auto clean = cleaned(format, bytes);
  return clean ? *std::move(clean) : std::move(bytes);
}

}  // namespace stoker::pipeline
