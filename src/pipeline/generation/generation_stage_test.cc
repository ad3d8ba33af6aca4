#include "pipeline/generation/generation_stage.h"

#include <gtest/gtest.h>

namespace stoker::pipeline {
namespace {

RunReport report_of(Medium medium, std::string bytes) {
  RunReport report;
  report.outputs.push_back({medium, "x/y", "bin", std::move(bytes)});
  return report;
}

TEST(GenerationStage, TakesThePictureByItsBytesNotByItsName) {
  const auto results =
      accept_answer(report_of(Medium::image, "\x89PNG\r\n\x1a\nrest"), Medium::image, 1000);
  ASSERT_TRUE(results.has_value());
  EXPECT_EQ(results->front().format, MediaFormat::png);
}

TEST(GenerationStage, RefusesNothingEmptyWrongOrTooLarge) {
  EXPECT_EQ(accept_answer({}, Medium::image, 1000).error().code, ErrorCode::internal);
  EXPECT_EQ(accept_answer(report_of(Medium::image, ""), Medium::image, 1000).error().code,
            ErrorCode::internal);
  EXPECT_EQ(accept_answer(report_of(Medium::image, "<html>"), Medium::image, 1000).error().code,
            ErrorCode::internal);
  EXPECT_EQ(accept_answer(report_of(Medium::text, "a long story"), Medium::text, 5).error().code,
            ErrorCode::too_large);
}

TEST(GenerationStage, AVideoMayBeLargerThanAPicture) {
  GenerationOrder order;
  order.medium = Medium::video;
  const std::size_t video = call_of(order).output_bytes_max;
  order.medium = Medium::image;
  EXPECT_GT(video, call_of(order).output_bytes_max);
}

}  // namespace
}  // namespace stoker::pipeline
