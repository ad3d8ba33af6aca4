#include "assets/assets.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <string>

namespace stoker::assets {
namespace {

std::string unpacked(std::string_view packed, std::size_t size) {
  std::string text(size + 1, '\0');
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  text.resize(stream.total_out);
  inflateEnd(&stream);
  return text;
}

TEST(Assets, HasTheFirstPageAndTheTexts) {
  const Asset* page = find_asset("web/index.html");
  ASSERT_NE(page, nullptr);
  EXPECT_EQ(page->type, "text/html; charset=utf-8");
  EXPECT_TRUE(page->raw.starts_with("<!doctype html>") || page->raw.starts_with("<!DOCTYPE html>"));
  const Asset* words = find_asset("messages/de.json");
  ASSERT_NE(words, nullptr);
  EXPECT_EQ(words->raw.front(), '{');
}

TEST(Assets, FindsNothingUnderAnotherName) {
  EXPECT_EQ(find_asset(""), nullptr);
  EXPECT_EQ(find_asset("web/"), nullptr);
  EXPECT_EQ(find_asset("web/index.htm"), nullptr);
  EXPECT_EQ(find_asset("web/../web/index.html"), nullptr);
}

TEST(Assets, FindsEachByItsName) {
  ASSERT_FALSE(all_assets().empty());
  EXPECT_TRUE(std::ranges::is_sorted(all_assets(), {}, &Asset::name));
  for (const Asset& asset : all_assets()) EXPECT_EQ(find_asset(asset.name), &asset) << asset.name;
}

TEST(Assets, PacksTheSameBytes) {
  std::size_t packed = 0;
  for (const Asset& asset : all_assets()) {
    EXPECT_EQ(asset.hash.size(), 24u) << asset.name;
    if (asset.gzip.empty()) continue;
    ++packed;
    EXPECT_LT(asset.gzip.size(), asset.raw.size()) << asset.name;
    EXPECT_TRUE(unpacked(asset.gzip, asset.raw.size()) == asset.raw) << asset.name;
  }
  EXPECT_GT(packed, 0u);
}

}  // namespace
}  // namespace stoker::assets
