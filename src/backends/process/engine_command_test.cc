#include "backends/process/engine_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/process/restart_pause.h"

namespace stoker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

std::string refusal(const EngineCommand& command, EngineShare share) {
  const auto checked = check_engine_command(command, share);
  return checked ? "" : checked.error().detail;
}

TEST(EngineCommand, FillsItsPlaceholders) {
  const EngineCommand command{
      .argv = {"llama-server", "--model", "{file}", "--alias={model}", "--port", "{port}", "{x}{"},
      .environment = {{"OLLAMA_HOST", "{host}:{port}"}, {"{port}", "kept"}},
      .working_directory = "/srv/{model}"};
  const net::ChildCommand child =
      child_command(command, {.port = 8123, .model = "qwen", .file = "/models/a b.gguf"});
  EXPECT_THAT(child.argv, ElementsAre("llama-server", "--model", "/models/a b.gguf", "--alias=qwen",
                                      "--port", "8123", "{x}{"));
  EXPECT_THAT(child.environment,
              ElementsAre(Pair("OLLAMA_HOST", "127.0.0.1:8123"), Pair("{port}", "kept")));
  EXPECT_EQ(child.working_directory, "/srv/qwen");
}

TEST(EngineCommand, WhatAPlaceholderBecomesIsNotFilledAgain) {
  const net::ChildCommand child =
      child_command({.argv = {"{model}"}}, {.port = 1, .model = "{file}{port}", .file = "x"});
  EXPECT_THAT(child.argv, ElementsAre("{file}{port}"));
}

TEST(EngineCommand, IsRefusedWithAReason) {
  EXPECT_THAT(refusal({}, EngineShare::shared), HasSubstr("no program"));
  EXPECT_THAT(refusal({.argv = {"x"}}, EngineShare::shared), HasSubstr("{port}"));
  EXPECT_THAT(refusal({.argv = {"x", "{port}", "{model}"}}, EngineShare::shared),
              HasSubstr("one process per model"));
  EXPECT_THAT(refusal({.argv = {"x", "{port}"}}, EngineShare::per_model), HasSubstr("{model}"));
  EXPECT_THAT(refusal({.argv = {"x", "{model}"}, .port = 1}, EngineShare::per_model),
              HasSubstr("{port}"));
  EXPECT_THAT(refusal({.argv = {"x", "{port}"}, .ready = {.path = "health"}}, EngineShare::shared),
              HasSubstr("slash"));
}

TEST(EngineCommand, IsTakenWithAPortOfItsOwnOrAFreeOne) {
  EXPECT_EQ(refusal({.argv = {"x"}, .port = 8188}, EngineShare::shared), "");
  EXPECT_EQ(refusal({.argv = {"x"}, .environment = {{"P", "{port}"}}}, EngineShare::shared), "");
  EXPECT_EQ(refusal({.argv = {"x", "{port}", "{file}"}}, EngineShare::per_model), "");
}

TEST(RestartPause, DoublesToAMinuteAndForgivesAfterFiveReadyMinutes) {
  RestartPause pause;
  Instant now{};
  for (const int expected_s : {1, 2, 4, 8, 16, 32, 60, 60}) {
    EXPECT_EQ(pause.ended(now), seconds(expected_s));
  }
  pause.ready(now);
  EXPECT_EQ(pause.ended(now + minutes(4)), seconds(60));
  pause.ready(now);
  EXPECT_EQ(pause.ended(now + minutes(5)), seconds(1));
  EXPECT_EQ(pause.ended(now + minutes(50)), seconds(2)) << "it was not ready in between";
}

}  // namespace
}  // namespace stoker
