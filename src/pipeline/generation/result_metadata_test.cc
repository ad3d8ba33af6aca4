#include "pipeline/generation/result_metadata.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace stoker::pipeline {
namespace {

using std::operator""s;

std::string big(std::size_t value, int count) {
  std::string out;
  for (int i = count; i-- > 0;) out += static_cast<char>(value >> (8 * i) & 0xFF);
  return out;
}

std::string little(std::size_t value) {
  std::string out;
  for (int i = 0; i < 4; ++i) out += static_cast<char>(value >> (8 * i) & 0xFF);
  return out;
}

std::string png_chunk(const std::string& name, const std::string& data) {
  return big(data.size(), 4) + name + data + "crc!";
}
std::string riff_chunk(const std::string& name, const std::string& data) {
  return name + little(data.size()) + data + (data.size() % 2 == 1 ? "\0"s : ""s);
}
std::string riff(const std::string& kind, const std::string& chunks) {
  return "RIFF" + little(chunks.size() + 4) + kind + chunks;
}
std::string box(const std::string& name, const std::string& data) {
  return big(data.size() + 8, 4) + name + data;
}
std::string segment(unsigned char kind, const std::string& data) {
  return "\xFF"s + static_cast<char>(kind) + big(data.size() + 2, 2) + data;
}

const std::string kSecret = "a dragon that looks like my sister";

TEST(ResultMetadata, APictureLosesItsWorkflowAndNothingElse) {
  const std::string head =
      "\x89PNG\r\n\x1a\n" + png_chunk("IHDR", "size") + png_chunk("gAMA", "1234");
  const std::string tail = png_chunk("IDAT", "pixels") + png_chunk("IEND", "");
  const std::string told = head + png_chunk("tEXt", "prompt\0"s + kSecret) +
                           png_chunk("eXIf", kSecret) + png_chunk("iTXt", kSecret) + tail + kSecret;
  EXPECT_EQ(without_metadata(MediaFormat::png, told), head + tail);
  EXPECT_EQ(without_metadata(MediaFormat::png, head + tail), head + tail);
}

TEST(ResultMetadata, AJpegKeepsItsColours) {
  const std::string colours = segment(0xE2, "ICC_PROFILE\0profile"s);
  const std::string scan = segment(0xDA, "12") + "entropy\xFF\xD9";
  const std::string told = "\xFF\xD8" + segment(0xE0, "JFIF") + segment(0xE1, "Exif" + kSecret) +
                           colours + segment(0xFE, kSecret) + scan;
  EXPECT_EQ(without_metadata(MediaFormat::jpeg, told),
            "\xFF\xD8" + segment(0xE0, "JFIF") + colours + scan);
}

TEST(ResultMetadata, AWebpSaysTheTruthAboutItsParts) {
  const std::string all_flags = "\x1C\0\0\0size12"s;
  const std::string without = "\x10\0\0\0size12"s;
  const std::string picture = riff_chunk("VP8 ", "pixel");
  EXPECT_EQ(
      without_metadata(MediaFormat::webp,
                       riff("WEBP", riff_chunk("VP8X", all_flags) + picture +
                                        riff_chunk("EXIF", kSecret) + riff_chunk("XMP ", kSecret))),
      riff("WEBP", riff_chunk("VP8X", without) + picture));
}

TEST(ResultMetadata, AWavKeepsFormatAndSound) {
  const std::string sound = riff_chunk("fmt ", "0123456789abcdef") + riff_chunk("data", "samples!");
  EXPECT_EQ(without_metadata(MediaFormat::wav, riff("WAVE", sound + riff_chunk("LIST", kSecret))),
            riff("WAVE", sound));
}

TEST(ResultMetadata, AFilmKeepsItsOffsets) {
  const std::string film = box("ftyp", "isom") +
                           box("moov", box("mvhd", "1") + box("trak", box("udta", kSecret)) +
                                           box("udta", box("meta", kSecret))) +
                           box("mdat", "frames");
  const std::string clean = without_metadata(MediaFormat::mp4, film);
  EXPECT_EQ(clean.size(), film.size());
  EXPECT_EQ(clean.find(kSecret), std::string::npos);
  EXPECT_EQ(clean.find("frames"), film.find("frames"));
  EXPECT_NE(clean.find("free"), std::string::npos);
}

TEST(ResultMetadata, SoundsLoseTheirTags) {
  const std::string frames = "\xFF\xFB\x90\x00frames";
  const std::string tag = "ID3\x04\0\0"s + "\0\0\0"s + static_cast<char>(kSecret.size()) + kSecret;
  const std::string old_tag = "TAG" + std::string(125, 'x');
  EXPECT_EQ(without_metadata(MediaFormat::mp3, tag + frames + old_tag), frames);

  const std::string info = "\0"s + big(4, 3) + "info";
  const auto comments = [](const std::string& kind, const std::string& text) {
    return kind + big(text.size(), 3) + text;
  };
  const std::string flac = "fLaC" + info + comments("\x84", kSecret) + "audio";
  EXPECT_EQ(without_metadata(MediaFormat::flac, flac),
            "fLaC" + info + comments("\x81", std::string(kSecret.size(), '\0')) + "audio");
}

TEST(ResultMetadata, WhatCannotBeFollowedStaysAsItCame) {
  std::mt19937 chance(7);
  for (const MediaFormat format :
       {MediaFormat::png, MediaFormat::jpeg, MediaFormat::webp, MediaFormat::wav, MediaFormat::mp4,
        MediaFormat::mp3, MediaFormat::flac}) {
    EXPECT_EQ(without_metadata(format, ""), "");
    EXPECT_EQ(without_metadata(format, "fLaC"), "fLaC");
    for (int round = 0; round < 2000; ++round) {
      std::string noise(chance() % 64, '\0');
      for (char& c : noise) c = static_cast<char>(chance());
      EXPECT_LE(without_metadata(format, noise).size(), noise.size() + 16);
    }
  }
}

}  // namespace
}  // namespace stoker::pipeline
