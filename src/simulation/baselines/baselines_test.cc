// What each baseline decides in one small workshop, and all of them in all the workshops of tests/scenarios.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "simulation/metrics.h"
#include "simulation/policies.h"
#include "simulation/scenario_for_tests.h"

namespace stoker::simulation {
namespace {

using Lines = std::vector<std::string>;

// Text models of 40 and 10 MiB, generation models of 30 and 60, room for 90; both orders of two texts and a picture.
constexpr const char* kWorkshop =
    R"({"format":"stoker-scenario/1","name":"small","horizon_s":200,"device":{"vram_mib":100,"reserve_mib":10},
 "backends":[{"id":"llm","kind":"text","slots":2},{"id":"media","kind":"generation","slots":1}],
 "models":[{"id":"chat","backend":"llm","kind":"text","vram_mib":40,"load_s":10},
  {"id":"check","backend":"llm","kind":"text","vram_mib":10,"load_s":3},
  {"id":"draw","backend":"media","kind":"generation","vram_mib":30,"load_s":5},
  {"id":"film","backend":"media","kind":"generation","vram_mib":60,"load_s":8}],
 "plan":{"phases":[{"start_s":50,"end_s":150}],"focus":["check","chat","draw","film"],"pinned":["check"]},
 "patience_s":{"text":60,"generation":90},
 "participants":[
  {"id":"a","first_offset_s":0,"phase_offsets_s":[0],"ideas":[{"think_s":20,"steps":[{"model":"check","work_s":2},{"model":"chat","work_s":6},{"model":"draw","work_s":9}]},{"think_s":500,"steps":[{"model":"check","work_s":1}]}]},
  {"id":"b","first_offset_s":2,"phase_offsets_s":[0],"ideas":[{"think_s":500,"steps":[{"model":"chat","work_s":5,"read_s":4},{"model":"film","work_s":12}]}]},
  {"id":"c","first_offset_s":30,"phase_offsets_s":[0],"ideas":[{"think_s":500,"steps":[{"model":"chat","work_s":4},{"model":"draw","work_s":7}]}]}],
 "initial_resident":[],"incidents":[]})";

Lines decisions_of(const std::string& policy_name, const std::string& text) {
  const auto scenario = parse_scenario(text);
  EXPECT_TRUE(scenario) << scenario_error_text(scenario.error());
  const auto policy = make_policy(policy_name);
  return play(*scenario, *policy)
      .only({"load_started", "load_failed", "evicted", "step_started", "refused", "gave_up"});
}

TEST(Baselines, MixedKeepAlivesMakeTheEnginesFightForRoom) {
  EXPECT_EQ(decisions_of("memo", kWorkshop),
            (Lines{"50 load_started check",        "53 step_started a.0.0",
                   "53 load_started chat",         "63 step_started b.0.0",
                   "63 step_started a.0.1",        "70.25 evicted chat keep_alive",
                   "70.25 load_started draw",      "75.25 step_started a.0.2",
                   "80 load_started chat",         "90 step_started c.0.0",
                   "94 evicted draw room",         "94 evicted check room",
                   "94 evicted chat room",         "94 load_started film",
                   "102 step_started b.0.1",       "104.25 load_started check",
                   "107.25 step_started a.1.0",    "114.666667 evicted film room",
                   "114.666667 load_started draw", "119.666667 step_started c.0.1"}));
}

TEST(Baselines, AFixedKeepAliveHoldsTextModelsLonger) {
  EXPECT_EQ(decisions_of("ollama_5m", kWorkshop),
            (Lines{"50 load_started check", "53 step_started a.0.0", "53 load_started chat",
                   "63 step_started b.0.0", "63 step_started a.0.1", "70.25 load_started draw",
                   "75.25 step_started a.0.2", "80 step_started c.0.0",
                   "86.666667 evicted check room", "86.666667 evicted chat room",
                   "86.666667 load_started film", "94.666667 step_started b.0.1",
                   "106.666667 step_started c.0.1", "106.916667 evicted film room",
                   "106.916667 load_started check", "109.916667 step_started a.1.0"}));
}

TEST(Baselines, OneModelAtATimeSwapsForEachTurn) {
  EXPECT_EQ(
      decisions_of("llama_swap_group", kWorkshop),
      (Lines{
          "50 load_started check",     "53 step_started a.0.0",     "55 evicted check swap",
          "55 load_started chat",      "65 step_started b.0.0",     "65 step_started a.0.1",
          "72.25 evicted chat swap",   "72.25 load_started draw",   "77.25 step_started a.0.2",
          "86.25 evicted draw swap",   "86.25 load_started film",   "94.25 step_started b.0.1",
          "106.25 evicted film swap",  "106.25 load_started chat",  "116.25 step_started c.0.0",
          "120.25 evicted chat swap",  "120.25 load_started check", "123.25 step_started a.1.0",
          "124.25 evicted check swap", "124.25 load_started draw",  "129.25 step_started c.0.1"}));
}

TEST(Baselines, TextModelsStayBesideOneGenerationModel) {
  EXPECT_EQ(decisions_of("llama_swap_matrix", kWorkshop),
            (Lines{"50 load_started check", "53 load_started chat", "53 step_started a.0.0",
                   "63 step_started b.0.0", "63 step_started a.0.1", "70.25 load_started draw",
                   "75.25 step_started a.0.2", "80 step_started c.0.0",
                   "86.916667 step_started c.0.1", "93.916667 evicted draw swap",
                   "93.916667 evicted check swap", "93.916667 evicted chat swap",
                   "93.916667 load_started film", "101.916667 step_started b.0.1",
                   "106.916667 load_started check", "109.916667 step_started a.1.0"}));
}

TEST(Baselines, TheLeastRecentlyUsedModelGoes) {
  EXPECT_EQ(decisions_of("lru_fifo", kWorkshop),
            (Lines{"50 load_started check",        "53 step_started a.0.0",
                   "53 load_started chat",         "63 step_started b.0.0",
                   "63 step_started a.0.1",        "70.25 load_started draw",
                   "75.25 step_started a.0.2",     "75.25 evicted check room",
                   "75.25 evicted chat room",      "75.25 load_started film",
                   "83.25 evicted film room",      "83.25 load_started chat",
                   "93.25 step_started c.0.0",     "97.25 evicted draw room",
                   "97.25 evicted chat room",      "97.25 load_started film",
                   "105.25 step_started b.0.1",    "105.25 load_started check",
                   "108.25 step_started a.1.0",    "109.916667 evicted check room",
                   "109.916667 load_started draw", "117.916667 step_started c.0.1"}));
}

TEST(Baselines, AnnouncedModelsAreThereAtTheStart) {
  EXPECT_EQ(
      decisions_of("static_pin_warm", kWorkshop),
      (Lines{"0 load_started check", "3 load_started chat", "13 load_started draw",
             "50 step_started a.0.0", "52 step_started b.0.0", "52 step_started a.0.1",
             "59.25 step_started a.0.2", "68.25 evicted chat room", "68.25 evicted draw room",
             "68.25 load_started film", "76.25 step_started b.0.1", "88.25 evicted film room",
             "88.25 load_started chat", "98.25 step_started c.0.0", "98.25 step_started a.1.0",
             "102.5 load_started draw", "107.5 step_started c.0.1"}));
}

TEST(Baselines, WhatDoesNotFitBesideThePinsIsRefused) {
  EXPECT_EQ(decisions_of("static_pin_refuse", kWorkshop),
            (Lines{"0 load_started check", "3 load_started chat", "13 load_started draw",
                   "50 step_started a.0.0", "52 step_started b.0.0", "52 step_started a.0.1",
                   "59.25 step_started a.0.2", "62.25 refused b.0.1", "80 step_started c.0.0",
                   "84 step_started c.0.1", "88.25 step_started a.1.0"}));
}

TEST(Baselines, AnIdleTextModelGoesWhenItsKeepAliveEnds) {
  ScenarioFile file;
  file.horizon = "2000";
  file.participants =
      "[" + person("a", "0", idea("chat", "2", "", "600") + "," + idea("draw", "1")) + "]";
  EXPECT_EQ(decisions_of("ollama_5m", file.text()),
            (Lines{"0 load_started chat", "10 step_started a.0.0", "312 evicted chat keep_alive",
                   "612 load_started draw", "616 step_started a.1.0"}));
}

TEST(Baselines, ALoadDiesWithTheClientThatAskedForIt) {
  ScenarioFile file;
  file.participants = "[" + person("a", "0", idea("chat", "2", R"(,"withdraw_s":6)")) + "," +
                      person("b", "1", idea("chat", "2")) + "]";
  EXPECT_EQ(decisions_of("memo", file.text()),
            (Lines{"0 load_started chat", "6 gave_up a.0.0", "6 load_failed chat aborted",
                   "6 load_started chat", "16 step_started b.0.0"}));
  EXPECT_EQ(decisions_of("lru_fifo", file.text()),
            (Lines{"0 load_started chat", "6 gave_up a.0.0", "10 step_started b.0.0"}));
}

TEST(Baselines, ANameNobodyKnowsMakesNoPolicy) {
  EXPECT_EQ(make_policy("nobody"), nullptr);
  EXPECT_EQ(make_policy(""), nullptr);
  for (const std::string_view name : policy_names()) {
    ASSERT_NE(make_policy(name), nullptr) << name;
    EXPECT_EQ(make_policy(name)->name(), name);
  }
}

std::vector<std::string> development_scenarios() {
  std::vector<std::string> files;
  for (const char* folder : {"workshops", "instances"}) {
    const std::string path = std::string(STOKER_SOURCE_DIR "/tests/scenarios/") + folder;
    for (const auto& entry : std::filesystem::directory_iterator(path))
      files.push_back(entry.path().string());
  }
  std::ranges::sort(files);
  return files;
}

struct WholeRun {
  std::string log;
  RunRecord record;
};

WholeRun play_whole(const Scenario& scenario, const std::string& policy_name) {
  const auto policy = make_policy(policy_name);
  RunLog log(scenario.name, scenario.setting, policy->name(), "test");
  RunRecord record = World(scenario, *policy, &log).run();
  return {log.take(), std::move(record)};
}

class EveryPolicy : public testing::TestWithParam<std::string> {};

TEST_P(EveryPolicy, PlaysEveryWorkshopToItsEnd) {
  const std::vector<std::string> files = development_scenarios();
  ASSERT_GE(files.size(), 43U);
  for (const std::string& file : files) {
    const auto scenario = parse_scenario(file_text(file));
    ASSERT_TRUE(scenario) << file << ": " << scenario_error_text(scenario.error());
    const RunRecord record = play_whole(*scenario, GetParam()).record;
    for (const StepFacts& step : record.steps) ASSERT_NE(step.outcome, StepOutcome::open) << file;
    const Metrics metrics = metrics_of(*scenario, record);
    EXPECT_EQ(metrics.results + metrics.failures + metrics.withdrawn, record.ideas.size());
    EXPECT_GT(metrics.results, 0U) << file;
  }
}

TEST_P(EveryPolicy, GivesTheSameBytesTwice) {
  for (const char* file : {"workshops/faults.s1.json", "workshops/two_groups.s2.json",
                           "workshops/burst.s3.json", "instances/I8.json"}) {
    const auto scenario =
        parse_scenario(file_text(STOKER_SOURCE_DIR "/tests/scenarios/" + std::string(file)));
    ASSERT_TRUE(scenario) << file;
    EXPECT_EQ(play_whole(*scenario, GetParam()).log, play_whole(*scenario, GetParam()).log) << file;
  }
}

std::vector<std::string> names_of_policies() {
  std::vector<std::string> names;
  for (const std::string_view name : policy_names()) names.emplace_back(name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Policies, EveryPolicy, testing::ValuesIn(names_of_policies()),
                         [](const auto& name) { return name.param; });

}  // namespace
}  // namespace stoker::simulation
