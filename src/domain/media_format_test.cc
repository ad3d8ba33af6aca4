#include "domain/media_format.h"

#include <gtest/gtest.h>

#include <string>

namespace stoker {
namespace {

TEST(MediaFormat, ExtensionsReadBack) {
  for (int i = 0; i < kMediaFormatCount; ++i) {
    const auto format = static_cast<MediaFormat>(i);
    EXPECT_EQ(format_from_extension(format_extension(format)), format);
  }
  EXPECT_EQ(format_from_extension("exe"), std::nullopt);
}

TEST(MediaFormat, BytesDecideNotNames) {
  EXPECT_EQ(sniff_format("\x89PNG\r\n\x1a\n...."), MediaFormat::png);
  EXPECT_EQ(sniff_format(std::string("RIFF\x10\0\0\0WEBPVP8 ", 16)), MediaFormat::webp);
  EXPECT_EQ(sniff_format("OggS rest"), MediaFormat::ogg);
  EXPECT_EQ(sniff_format("Ein Märchen.\n"), MediaFormat::plain_text);
  EXPECT_EQ(sniff_format(std::string_view("MZ\0\0", 4)), std::nullopt);
  EXPECT_EQ(sniff_format("\xC3"), std::nullopt) << "cut inside a character";
}

TEST(MediaFormat, APictureIsNoSound) {
  EXPECT_TRUE(format_suits(MediaFormat::webp, Medium::video));
  EXPECT_FALSE(format_suits(MediaFormat::png, Medium::audio));
  EXPECT_FALSE(format_suits(MediaFormat::png, Medium::text));
}

}  // namespace
}  // namespace stoker
