// Bounds against known optima, in small cases worked out by hand, and against what policies reach.
#include "simulation/bounds.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <string>

#include "simulation/metrics.h"
#include "simulation/policies.h"
#include "simulation/scenario_for_tests.h"

namespace stoker::simulation {
namespace {

const std::string kScenarios = STOKER_SOURCE_DIR "/tests/scenarios/";

Scenario read(const std::string& path) {
  const auto scenario = parse_scenario(file_text(kScenarios + path));
  EXPECT_TRUE(scenario) << path;
  return scenario.value_or(Scenario{});
}

// One generation model of 1 s load, so that only people and the device count.
ScenarioFile pictures() {
  ScenarioFile file;
  file.models = R"([{"id":"draw","backend":"media","kind":"generation","vram_mib":30,"load_s":1}])";
  file.resident = R"(["draw"])";
  file.phases = R"([{"start_s":0,"end_s":100}])";
  file.horizon = "100";
  return file;
}

std::string ideas(int count, const std::string& one) {
  std::string all;
  for (int i = 0; i < count; ++i) all += (i > 0 ? "," : "") + one;
  return all;
}

// So many participants who all want the same.
std::string crowd(int count, const std::string& all_ideas) {
  std::string all;
  for (int i = 0; i < count; ++i)
    all += (i > 0 ? "," : "") + person("p" + std::to_string(i), "0", all_ideas);
  return "[" + all + "]";
}

// ── known optima ─────────────────────────────────────────────────────────────────────────────────

std::map<std::string, double> open_values(const Scenario& scenario) {
  const LoadBound loads = load_bounds(scenario).windows;
  const OpenTraceBound open = open_trace_bound(scenario).value_or(OpenTraceBound{});
  return {{"makespan_s", open.makespan_s},
          {"flow_sum_s", open.flow_sum_s},
          {"flow_max_s", open.flow_max_s},
          {"loads", static_cast<double>(loads.loads)},
          {"load_s", loads.load_s}};
}

TEST(Bounds, NeverExceedAKnownOptimum) {
  int compared = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kScenarios + "instances")) {
    const std::string file = entry.path().filename().string();
    const Scenario scenario = read("instances/" + file);
    const auto bounds = open_values(scenario);
    for (const auto& [metric, best] : scenario.optimum) {
      const auto bound = bounds.find(metric);
      ASSERT_NE(bound, bounds.end()) << file << " " << metric;
      EXPECT_LE(bound->second, best + 1e-9) << file << " " << metric;
      EXPECT_GT(bound->second, 0) << file << " " << metric;
      ++compared;
    }
  }
  EXPECT_GE(compared, 46);
}

TEST(Bounds, MeetTheOptimumWhereEachModelIsLoadedOnce) {
  const auto alternating = open_values(read("instances/I1.json"));
  EXPECT_DOUBLE_EQ(alternating.at("loads"), 2);
  EXPECT_DOUBLE_EQ(alternating.at("load_s"), 20);
  EXPECT_DOUBLE_EQ(alternating.at("makespan_s"), 50);
  EXPECT_DOUBLE_EQ(alternating.at("flow_max_s"), 50);
  const auto stranger = open_values(read("instances/I2.json"));
  EXPECT_DOUBLE_EQ(stranger.at("loads"), 1);
  EXPECT_DOUBLE_EQ(stranger.at("load_s"), 10);
  EXPECT_DOUBLE_EQ(stranger.at("makespan_s"), 30);
  EXPECT_DOUBLE_EQ(stranger.at("flow_max_s"), 30);
  const auto no_room = open_values(read("instances/I3a.json"));
  EXPECT_DOUBLE_EQ(no_room.at("makespan_s"), 125);
  const auto room = open_values(read("instances/I3b.json"));
  EXPECT_DOUBLE_EQ(room.at("makespan_s"), 100);
  EXPECT_DOUBLE_EQ(room.at("flow_sum_s"), 250);
}

// ── results ──────────────────────────────────────────────────────────────────────────────────────

TEST(ResultsBound, CountsWhatOnePersonCanDoAlone) {
  ScenarioFile file = pictures();
  // 4 s of work and 6 s of thinking: begins at 0, 10, .. 90.
  file.horizon = "99";
  file.participants = "[" + person("a", "0", ideas(30, idea("draw", "4", "", "6"))) + "]";
  const Scenario scenario = file.parsed();
  EXPECT_EQ(results_bound(scenario, Until::end).people, 10U);
  EXPECT_EQ(results_bound(scenario, Until::horizon).at_most, 10U);
  PlainPolicy policy;
  EXPECT_EQ(metrics_of(scenario, play(scenario, policy).record).results, 10U);
}

TEST(ResultsBound, SharesTheDeviceAmongPeople) {
  ScenarioFile file = pictures();
  file.participants = crowd(5, ideas(30, idea("draw", "4", "", "6")));
  const Scenario scenario = file.parsed();
  const ResultsBound by_horizon = results_bound(scenario, Until::horizon);
  EXPECT_EQ(by_horizon.people, 50U);
  EXPECT_EQ(by_horizon.at_most, 25U);  // 100 s of device, 4 s each
  PlainPolicy policy;
  EXPECT_GE(metrics_of(scenario, play(scenario, policy).record).results_by_horizon, 24U);
  // Everybody may have one idea in flight at the end.
  EXPECT_EQ(results_bound(scenario, Until::end).at_most, 30U);
}

TEST(ResultsBound, PrefersTheFastestMixOfTextAndGeneration) {
  ScenarioFile file;
  file.resident = R"(["chat","draw"])";
  file.phases = R"([{"start_s":0,"end_s":72}])";
  file.horizon = "72";
  const std::string chain =
      R"({"think_s":0,"steps":[{"model":"chat","work_s":6},{"model":"draw","work_s":4}]})";
  file.participants = crowd(12, ideas(20, chain));
  // Three texts beside a picture give 1.2 and 0.6 a second, pictures alone 1: an idea of 6 and 4 costs 4 + 6 / 3 s.
  EXPECT_EQ(results_bound(file.parsed(), Until::horizon).at_most, 12U);
  // Where the two kinds do not fit together, texts take turns: three at a time give 2 a second, 3 + 4 s an idea.
  file.device = R"({"vram_mib":60,"reserve_mib":0})";
  file.models = R"([{"id":"chat","backend":"llm","kind":"text","vram_mib":40,"load_s":10},
                    {"id":"draw","backend":"media","kind":"generation","vram_mib":30,"load_s":1}])";
  file.resident = R"(["chat"])";
  EXPECT_EQ(results_bound(file.parsed(), Until::horizon).at_most, 10U);
}

TEST(ResultsBound, DropsLongIdeasBecauseAPolicyMayRefuseThem) {
  ScenarioFile file = pictures();
  const std::string mixed = idea("draw", "90") + "," + ideas(3, idea("draw", "20"));
  file.participants = "[" + person("a", "0", mixed) + "]";
  EXPECT_EQ(results_bound(file.parsed(), Until::end).people, 3U + 0U);
  file.horizon = "59";
  EXPECT_EQ(results_bound(file.parsed(), Until::horizon).people, 2U);
}

TEST(ResultsBound, LeavesOutWhatNoPatienceIsLongEnoughFor) {
  ScenarioFile file = pictures();
  file.patience = R"({"text":100,"generation":10})";
  file.participants =
      "[" + person("a", "0", idea("draw", "11") + "," + idea("draw", "9", R"(,"withdraw_s":5)")) +
      "]";
  EXPECT_EQ(results_bound(file.parsed(), Until::end).people, 0U);
  EXPECT_FALSE(first_result_bound(file.parsed()).warm_s);
}

TEST(ResultsBound, MovesIdeasOutOfABreakToTheNextPhase) {
  ScenarioFile file = pictures();
  file.phases = R"([{"start_s":0,"end_s":10},{"start_s":50,"end_s":60}])";
  file.participants = "[" + person("a", "0", ideas(9, idea("draw", "5", "", "4")), "0,0") + "]";
  // Begins at 0, 9 (ends in the break), 50, 59 (ends after the phase).
  const Scenario scenario = file.parsed();
  EXPECT_EQ(results_bound(scenario, Until::end).at_most, 4U);
  PlainPolicy policy;
  EXPECT_EQ(metrics_of(scenario, play(scenario, policy).record).results, 4U);
}

TEST(ResultsBound, GrowsWithPeopleAndTimeAndShrinksWithWork) {
  Scenario scenario = read("workshops/two_groups.s1.json");
  const ResultsBound all = results_bound(scenario, Until::horizon);
  EXPECT_LE(all.at_most, all.people);
  EXPECT_LE(all.at_most, results_bound(scenario, Until::end).at_most);

  Scenario fewer = scenario;
  fewer.persons.pop_back();
  fewer.setting.participants.pop_back();
  EXPECT_LT(results_bound(fewer, Until::horizon).at_most, all.at_most);

  Scenario shorter = scenario;
  shorter.horizon = Instant{} + seconds(4000);
  EXPECT_LT(results_bound(shorter, Until::horizon).at_most, all.at_most);

  Scenario heavier = scenario;
  for (StepDraw& draw : heavier.steps) draw.work = draw.work * 2;
  EXPECT_LT(results_bound(heavier, Until::horizon).at_most, all.at_most);
}

TEST(ResultsBound, OnlyGetsWeakerWhereItKeepsLess) {
  Scenario scenario = read("workshops/two_groups.s1.json");
  const ResultsBound precise = results_bound(scenario, Until::horizon);
  // So many ideas of somebody who never comes leave little room for each.
  Person absent = scenario.persons.back();
  absent.first_offset = seconds(1'000'000);
  absent.first_idea = static_cast<std::uint32_t>(scenario.ideas.size());
  absent.ideas = 30'000;
  scenario.ideas.resize(scenario.ideas.size() + absent.ideas, scenario.ideas.back());
  scenario.persons.push_back(absent);
  scenario.setting.participants.push_back(scenario.setting.participants.back());
  const ResultsBound rough = results_bound(scenario, Until::horizon);
  EXPECT_GT(rough.at_most, precise.at_most);
  EXPECT_LT(rough.at_most, rough.people);
  EXPECT_GE(rough.people, precise.people);
}

// ── the first result ─────────────────────────────────────────────────────────────────────────────

TEST(FirstResultBound, AddsTheLoadsOfAChainUnlessTheyAreEarly) {
  ScenarioFile file;
  file.phases = R"([{"start_s":100,"end_s":1000}])";
  file.participants = "[" + person("a", "2", R"({"think_s":0,"steps":[
      {"model":"chat","work_s":3,"read_s":1},{"model":"draw","work_s":5}]})") +
                      "]";
  const FirstResultBound bound = first_result_bound(file.parsed());
  EXPECT_DOUBLE_EQ(*bound.warm_s, 2 + 3 + 1 + 5);
  // chat is there after 10 s, draw after 14: during the text.
  EXPECT_DOUBLE_EQ(*bound.cold_s, 2 + 10 + 4 + 5);
  PlainPolicy policy;
  const Scenario scenario = file.parsed();
  EXPECT_GE(*metrics_of(scenario, play(scenario, policy).record).first_result_s, *bound.cold_s);
}

TEST(FirstResultBound, TakesTheBestOfAllFirstIdeas) {
  ScenarioFile file;
  file.participants = "[" + person("a", "0", idea("film", "50") + "," + idea("draw", "8")) + "," +
                      person("b", "1", idea("draw", "9")) + "]";
  // a's second idea, if the first one is refused at once.
  EXPECT_DOUBLE_EQ(*first_result_bound(file.parsed()).warm_s, 4 + 8);
  file.resident = R"(["film"])";
  EXPECT_DOUBLE_EQ(*first_result_bound(file.parsed()).warm_s, 4 + 8);
  file.participants = "[" + person("a", "0", idea("film", "5")) + "]";
  EXPECT_DOUBLE_EQ(*first_result_bound(file.parsed()).warm_s, 5);
  file.participants = "[]";
  EXPECT_FALSE(first_result_bound(file.parsed()).cold_s);
}

// ── loads ────────────────────────────────────────────────────────────────────────────────────────

TEST(LoadBounds, FindReloadsThatPatienceForces) {
  ScenarioFile file;  // room for 100: film 70 and chat 40 do not fit together
  file.participants = "[" + person("a", "0", idea("film", "5")) + "," +
                      person("b", "200", idea("chat", "5")) + "," +
                      person("c", "400", idea("film", "5")) + "," +
                      person("d", "600", idea("chat", "5")) + "]";
  const LoadBounds bounds = load_bounds(file.parsed());
  EXPECT_EQ(bounds.first.loads, 2U);
  EXPECT_DOUBLE_EQ(bounds.first.load_s, 16);
  // Both until 300; both again from 400 to 700, when 100 of 110 MiB may be there already, the dearest first.
  EXPECT_EQ(bounds.windows.loads, 3U);
  EXPECT_EQ(bounds.windows.memory.count, 110 + 10);
  EXPECT_DOUBLE_EQ(bounds.windows.load_s, 16 + 6.0 * 10 / 70);
  file.patience = R"({"text":1000,"generation":1000})";
  EXPECT_EQ(load_bounds(file.parsed()).windows.loads, 2U);
}

TEST(LoadBounds, FollowAClosedLoopAsLongAsItIsCertain) {
  ScenarioFile file;
  file.patience = R"({"text":20,"generation":20})";
  const std::string rounds =
      ideas(2, idea("film", "5", "", "50") + "," + idea("chat", "5", "", "50"));
  file.participants = "[" + person("a", "0", rounds) + "]";
  EXPECT_EQ(load_bounds(file.parsed()).windows.loads, 3U);
  // The fourth idea begins between 171 and 210: then no longer certain.
  file.horizon = "200";
  EXPECT_EQ(load_bounds(file.parsed()).windows.loads, 2U);
  file.horizon = "1000";
  file.phases = R"([{"start_s":0,"end_s":200}])";
  EXPECT_EQ(load_bounds(file.parsed()).windows.loads, 2U);
  file.phases = R"([{"start_s":0,"end_s":1000}])";
  EXPECT_EQ(load_bounds(file.parsed()).windows.loads, 3U);
  // Nor is anything after an idea that may be left.
  file.participants =
      "[" + person("a", "0", idea("film", "5", R"(,"withdraw_s":9)") + "," + idea("chat", "5")) +
      "]";
  EXPECT_EQ(load_bounds(file.parsed()).windows.loads, 0U);
}

TEST(LoadBounds, AreNeverBelowTheFirstLoads) {
  for (const char* kind : {"free_choice", "long_tail", "lunch_break", "memo_day", "faults"}) {
    const LoadBounds bounds = load_bounds(read("workshops/" + std::string(kind) + ".s1.json"));
    EXPECT_GT(bounds.first.loads, 0U) << kind;
    EXPECT_GE(bounds.windows.loads, bounds.first.loads) << kind;
    EXPECT_GE(bounds.windows.memory, bounds.first.memory) << kind;
    EXPECT_GE(bounds.windows.load_s, bounds.first.load_s) << kind;
  }
}

TEST(LoadBounds, NeedFewerLoadsOfModelsThatAreThere) {
  Scenario scenario = read("workshops/two_groups.s1.json");
  const LoadBound cold = load_bounds(scenario).windows;
  scenario.setting.initial_resident = {0};
  const LoadBound warm = load_bounds(scenario).windows;
  EXPECT_EQ(warm.loads + 1, cold.loads);
  for (Duration& patience : scenario.setting.patience) patience = patience * 10;
  EXPECT_LE(load_bounds(scenario).windows.loads, warm.loads);
}

// ── open traces ──────────────────────────────────────────────────────────────────────────────────

TEST(OpenTraceBound, SaysNothingAboutClosedLoops) {
  EXPECT_FALSE(open_trace_bound(read("workshops/focus.s1.json")));
  ScenarioFile file = pictures();
  file.participants = "[" + person("a", "0", ideas(2, idea("draw", "4"))) + "]";
  EXPECT_FALSE(open_trace_bound(file.parsed()));
  file.participants = "[" + person("a", "0", idea("draw", "4")) + "]";
  EXPECT_TRUE(open_trace_bound(file.parsed()));
}

TEST(OpenTraceBound, PausesLongStepsForShortOnes) {
  ScenarioFile file = pictures();
  file.participants =
      "[" + person("a", "0", idea("draw", "10")) + "," + person("b", "1", idea("draw", "2")) + "]";
  const OpenTraceBound bound = *open_trace_bound(file.parsed());
  EXPECT_DOUBLE_EQ(bound.flow_sum_s, 2 + 12);
  EXPECT_DOUBLE_EQ(bound.flow_max_s, 11);  // in the order of arrival: 10 and 11
  EXPECT_DOUBLE_EQ(bound.makespan_s, 12);
}

// ── what policies reach ──────────────────────────────────────────────────────────────────────────

void expect_within(const Bounds& bounds, const Metrics& metrics, const std::string& where) {
  EXPECT_LE(metrics.results, bounds.results.at_most) << where;
  EXPECT_LE(metrics.results_by_horizon, bounds.results_by_horizon.at_most) << where;
  EXPECT_GE(*metrics.first_result_s, *bounds.first_result.warm_s - 0.002) << where;
  if (metrics.failures > 0) return;
  EXPECT_GE(metrics.loads, bounds.loads.windows.loads) << where;
  EXPECT_GE(*metrics.load_s, bounds.loads.windows.load_s - 0.002) << where;
}

TEST(Bounds, HoldForEveryKindOfWorkshop) {
  for (const char* kind : {"burst", "faults", "focus", "free_choice", "hoarder", "long_tail",
                           "lunch_break", "memo_day", "plan_errors", "two_groups", "video_day"}) {
    const Scenario scenario = read("workshops/" + std::string(kind) + ".s2.json");
    const Bounds bounds = bounds_of(scenario);
    EXPECT_FALSE(bounds.open);
    for (const char* name : {"stoker", "llama_swap_matrix", "static_pin_refuse", "memo"}) {
      const auto policy = make_policy(name, {.quotes = Quotes::off});
      const Metrics metrics = metrics_of(scenario, World(scenario, *policy).run());
      expect_within(bounds, metrics, std::string(kind) + " " + name);
      // These load only what was asked for.
      if (std::string(name) == "llama_swap_matrix" || std::string(name) == "memo")
        EXPECT_GE(*metrics.first_result_s, *bounds.first_result.cold_s - 0.002) << kind;
    }
  }
}

}  // namespace
}  // namespace stoker::simulation
