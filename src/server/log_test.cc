#include "server/log.h"

#include <gtest/gtest.h>

namespace stoker::server {
namespace {

TEST(Log, WritesOneJsonObjectPerLine) {
  const Fields fields = Fields().add("route", "/healthz").add("status", 200).add_ms("ms", 1.25);
  EXPECT_EQ(
      log_line(1'795'000'000'123, LogLevel::info, "http", fields.text()),
      R"({"at":"2026-11-18T11:06:40.123Z","level":"info","event":"http","route":"/healthz","status":200,"ms":1.2})");
  EXPECT_EQ(log_line(0, LogLevel::error, "stopped", ""),
            R"({"at":"1970-01-01T00:00:00.000Z","level":"error","event":"stopped"})");
}

TEST(Log, KeepsALineOneLineWhateverItHolds) {
  EXPECT_EQ(json_quoted("a\"b\\c\nd\x01"), R"("a\"b\\c\u000ad\u0001")");
  EXPECT_EQ(json_quoted("gr\xc3\xbcn"), "\"gr\xc3\xbcn\"");
  EXPECT_EQ(json_quoted("x\xc3"), "\"x?\"");
  EXPECT_EQ(json_quoted("\xff"), "\"?\"");
}

TEST(Log, KnowsItsLevels) {
  EXPECT_EQ(log_level_from_name("warning"), LogLevel::warning);
  EXPECT_EQ(log_level_from_name("loud"), std::nullopt);
  const Log quiet(LogLevel::off);
  EXPECT_FALSE(quiet.wants(LogLevel::error));
}

}  // namespace
}  // namespace stoker::server
