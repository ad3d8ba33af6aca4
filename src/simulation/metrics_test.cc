#include "simulation/metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "simulation/policies.h"
#include "simulation/quote_metrics.h"
#include "simulation/scenario_for_tests.h"

namespace stoker::simulation {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Three people, one of them with two lanes; work begins at 100 and the horizon is 300.
Scenario three_people() {
  ScenarioFile file;
  file.horizon = "300";
  file.phases = R"([{"start_s":100,"end_s":1000}])";
  const auto lane = [](const std::string& id, const std::string& user) {
    return R"({"id":")" + id + R"(","user":")" + user +
           R"(","first_offset_s":0,"phase_offsets_s":[0],"ideas":[]})";
  };
  file.participants = "[" + lane("a", "a") + "," + lane("b", "b") + "," + lane("c1", "c") + "," +
                      lane("c2", "c") + "]";
  return file.parsed();
}

EndedIdea ended(ParticipantIndex who, IdeaOutcome outcome, std::int64_t begin_s, std::int64_t end_s,
                std::int64_t alone_s = 10) {
  return {
      who, 0, outcome, Instant{} + seconds(begin_s), Instant{} + seconds(end_s), seconds(alone_s)};
}

TEST(Metrics, CountResultsAndFailuresApart) {
  RunRecord record;
  record.ideas = {
      ended(0, IdeaOutcome::result, 100, 130),  ended(1, IdeaOutcome::result, 100, 300),
      ended(2, IdeaOutcome::result, 290, 301),  ended(0, IdeaOutcome::gave_up, 130, 200),
      ended(2, IdeaOutcome::refused, 130, 130), ended(3, IdeaOutcome::withdrawn, 130, 140)};
  const Metrics metrics = metrics_of(three_people(), record);
  EXPECT_EQ(metrics.results, 3U);
  EXPECT_EQ(metrics.results_by_horizon, 2U);
  EXPECT_EQ(metrics.failures, 2U);
  EXPECT_EQ(metrics.refused, 1U);
  EXPECT_EQ(metrics.withdrawn, 1U);
  EXPECT_EQ(metrics.failures_single_lane, 1U);
  EXPECT_EQ(metrics.first_result_s, 30.0);
  EXPECT_EQ(metrics.max_s, 200.0);
  EXPECT_EQ(metrics.p50_s, 30.0) << "11, 30, 200";
  EXPECT_EQ(metrics.p95_s, 200.0);
  EXPECT_EQ(metrics.p50_with_failures_s, 200.0) << "11, 30, 200, never, never";
  EXPECT_EQ(metrics.p95_with_failures_s, kInfinity);
  EXPECT_EQ(metrics.p95_single_lane_s, kInfinity);
}

TEST(Metrics, TakeTheNearestRank) {
  RunRecord record;
  for (std::int64_t length = 1; length <= 20; ++length)
    record.ideas.push_back(ended(0, IdeaOutcome::result, 100, 100 + length));
  Metrics metrics = metrics_of(three_people(), record);
  EXPECT_EQ(metrics.p50_s, 10.0);
  EXPECT_EQ(metrics.p95_s, 19.0);
  record.ideas.push_back(ended(0, IdeaOutcome::result, 100, 121));
  metrics = metrics_of(three_people(), record);
  EXPECT_EQ(metrics.p50_s, 11.0);
  EXPECT_EQ(metrics.p95_s, 20.0);
}

TEST(Metrics, SayNothingAboutWhatNeverWas) {
  const Metrics metrics = metrics_of(three_people(), RunRecord{});
  EXPECT_EQ(metrics.results, 0U);
  EXPECT_EQ(metrics.first_result_s, kInfinity);
  EXPECT_EQ(metrics.p50_s, std::nullopt);
  EXPECT_EQ(metrics.max_s, std::nullopt);
  EXPECT_EQ(metrics.jain_slowdown, std::nullopt);
  EXPECT_EQ(metrics.worst_wait_s, std::nullopt);
  EXPECT_EQ(metrics.makespan_s, std::nullopt);
  EXPECT_EQ(metrics.flow_max_s, std::nullopt);
  EXPECT_FALSE(metrics.eta);
  const std::string json = metrics_json(metrics);
  EXPECT_NE(json.find(R"("first_result_s":"inf")"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("p50_s":null)"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("worst_wait_participant":null)"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("loads_per_model":{})"), std::string::npos) << json;
}

TEST(Metrics, CompareUsersWithOneLane) {
  RunRecord record;
  record.ideas = {
      ended(0, IdeaOutcome::result, 100, 120, 10),    ended(0, IdeaOutcome::gave_up, 120, 160, 10),
      ended(1, IdeaOutcome::result, 100, 110, 10),    ended(1, IdeaOutcome::refused, 110, 110, 10),
      ended(1, IdeaOutcome::withdrawn, 110, 150, 10), ended(2, IdeaOutcome::result, 100, 900, 10)};
  const Metrics metrics = metrics_of(three_people(), record);
  EXPECT_EQ(metrics.worst_slowdown, 3.0) << "60 of 20; lanes of one user are left out";
  EXPECT_EQ(metrics.jain_slowdown, 0.8) << "(3 + 1)^2 / (2 * (9 + 1))";
}

TEST(Metrics, MeasureStepsByTheirEnds) {
  RunRecord record;
  const auto step = [](ParticipantIndex who, StepOutcome outcome, std::int64_t from,
                       std::int64_t to) {
    return StepFacts{.participant = who,
                     .outcome = outcome,
                     .released = Instant{} + seconds(from),
                     .ended = Instant{} + seconds(to)};
  };
  record.steps = {step(0, StepOutcome::finished, 100, 140), step(1, StepOutcome::gave_up, 120, 170),
                  step(3, StepOutcome::withdrawn, 130, 180)};
  record.flow_sum_s = 40;
  const Metrics metrics = metrics_of(three_people(), record);
  EXPECT_EQ(metrics.worst_wait_s, 50.0);
  EXPECT_EQ(metrics.worst_wait_participant, "c2") << "the last by name of equals";
  EXPECT_EQ(metrics.makespan_s, 180.0);
  EXPECT_EQ(metrics.flow_max_s, 40.0) << "finished steps only";
  EXPECT_EQ(metrics.flow_sum_s, 40.0);
}

TEST(Metrics, CountLoadsByNameAndTimeByTheDay) {
  RunRecord record;
  record.loads = {0, 2, 1};
  record.load_s = 12.34567;
  record.busy_s = 150;
  const Metrics metrics = metrics_of(three_people(), record);
  EXPECT_EQ(metrics.loads, 3U);
  EXPECT_EQ(metrics.loads_per_model,
            (std::vector<std::pair<std::string, std::uint64_t>>{{"draw", 2}, {"film", 1}}));
  EXPECT_EQ(metrics.load_s, 12.346);
  EXPECT_EQ(metrics.busy_fraction, 0.75) << "150 of the 200 seconds until the horizon";
}

// A promise of [10, 40] seconds at the release, 20 in the middle, and a step that ends after `actual_s`.
RunRecord promised(StepOutcome outcome, double actual_s) {
  RunRecord record;
  record.steps = {StepFacts{.participant = 0,
                            .kind = StepKind::generation,
                            .outcome = outcome,
                            .released = Instant{},
                            .ended = nearest_instant(actual_s)}};
  record.quotes = {Quote{0, Instant{}, seconds(10), seconds(20), seconds(40)}};
  return record;
}

TEST(QuoteMetrics, ComparePromisesWithWhatCame) {
  const auto eta = quote_metrics_of(promised(StepOutcome::finished, 25));
  ASSERT_TRUE(eta);
  EXPECT_EQ(eta->all.steps, 1U);
  EXPECT_EQ(eta->all.coverage, 1.0);
  EXPECT_EQ(eta->all.median_width_s, 30.0);
  EXPECT_EQ(eta->all.mdape, 0.2);
  EXPECT_EQ(eta->all.bias_s, -5.0);
  EXPECT_EQ(eta->bound_broken_share, 0.0);
  EXPECT_EQ(eta->of_kind[kind_index(StepKind::generation)].steps, 1U);
  EXPECT_EQ(eta->of_kind[kind_index(StepKind::text)].steps, 0U);
}

TEST(QuoteMetrics, AreMissesOutsideTheRange) {
  EXPECT_EQ(quote_metrics_of(promised(StepOutcome::finished, 10))->all.coverage, 1.0);
  EXPECT_EQ(quote_metrics_of(promised(StepOutcome::finished, 40.001))->all.coverage, 1.0);
  const auto early = quote_metrics_of(promised(StepOutcome::finished, 5));
  EXPECT_EQ(early->all.coverage, 0.0);
  EXPECT_EQ(early->all.mdape, 1.5) << "15 of at least 10 seconds";
  EXPECT_EQ(early->bound_broken_share, 0.0);
  const auto late = quote_metrics_of(promised(StepOutcome::finished, 41));
  EXPECT_EQ(late->all.coverage, 0.0);
  EXPECT_EQ(late->bound_broken_share, 1.0);
}

TEST(QuoteMetrics, OfAStepGivenUpOnlyTheBoundSaysSomething) {
  const auto late = quote_metrics_of(promised(StepOutcome::gave_up, 41));
  EXPECT_EQ(late->all.steps, 1U);
  EXPECT_EQ(late->all.coverage, 0.0);
  EXPECT_EQ(late->bound_broken_share, 1.0);
  const auto before = quote_metrics_of(promised(StepOutcome::withdrawn, 30));
  EXPECT_EQ(before->all.steps, 0U);
  EXPECT_EQ(before->bound_broken_share, 0.0);
  const auto refused = quote_metrics_of(promised(StepOutcome::refused, 41));
  EXPECT_EQ(refused->all.steps, 0U);
  EXPECT_EQ(refused->bound_broken_share, 0.0);
}

TEST(QuoteMetrics, CountBoundsThatMovedUp) {
  RunRecord record = promised(StepOutcome::finished, 45);
  const auto revise = [&](std::int64_t at_s, std::int64_t high_s) {
    record.quotes.push_back(
        {0, Instant{} + seconds(at_s), Duration{}, Duration{}, seconds(high_s)});
  };
  revise(5, 36);   // 41: one second more than promised is the same
  revise(10, 20);  // 30: better
  revise(15, 17);  // 32: two more than the best
  revise(20, 30);  // 50
  const auto eta = quote_metrics_of(record);
  EXPECT_EQ(eta->upward_revisions_per_step, 2.0);
  EXPECT_EQ(eta->all.coverage, 0.0) << "only the first promise counts";
}

TEST(Rounding, IsThatOfDecimalText) {
  EXPECT_EQ(rounded(2.675, 2), 2.67) << "stored a little below";
  EXPECT_EQ(rounded(0.125, 2), 0.12) << "exactly between: the even one";
  EXPECT_EQ(rounded(-0.0001, 3), 0.0);
  EXPECT_FALSE(std::signbit(rounded(-0.0001, 3)));
  EXPECT_EQ(rounded(kInfinity, 3), kInfinity);
  EXPECT_EQ(measure_json(12.5), "12.5");
  EXPECT_EQ(measure_json(40.0), "40.0");
  EXPECT_EQ(measure_json(0.0001), "0.0001");
  EXPECT_EQ(measure_json(kInfinity), "\"inf\"");
  EXPECT_EQ(measure_json(std::nullopt), "null");
}

// Numbers that another program computed from the log of this run.
TEST(Metrics, OfADayWithFaultsAreKnown) {
  const auto scenario =
      parse_scenario(file_text(STOKER_SOURCE_DIR "/tests/scenarios/workshops/faults.s1.json"));
  ASSERT_TRUE(scenario);
  const auto policy = make_policy("lru_fifo");
  const RunRecord record = World(*scenario, *policy).run();
  EXPECT_EQ(
      metrics_json(metrics_of(*scenario, record)),
      R"({"results":67,"results_by_horizon":59,"failures":11,"refused":0,"withdrawn":2,)"
      R"("first_result_s":251.848,"p50_s":436.673,"p95_s":667.535,"max_s":766.089,)"
      R"("p50_with_failures_s":469.45,"p95_with_failures_s":"inf","p95_single_lane_s":"inf",)"
      R"("failures_single_lane":11,"loads":50,"loads_per_model":{"llm120":15,"ltx":18,"sd35":17},)"
      R"("reloads":47,"load_s":3468.925,"loads_aborted":0,"loads_failed":2,"switches":46,)"
      R"("pinned_evictions":15,"busy_fraction":0.39,"foreign_overrun_s":0.0,)"
      R"("jain_slowdown":0.9662,"worst_slowdown":11.79,"worst_wait_s":480.0,)"
      R"("worst_wait_participant":"p02","makespan_s":5638.46,"flow_sum_s":28718.613,)"
      R"("flow_max_s":464.469,"participants_out_of_ideas":0,"eta":null})");
}

}  // namespace
}  // namespace stoker::simulation
