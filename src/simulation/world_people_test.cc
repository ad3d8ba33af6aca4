// People in the world: patience, leaving, breaks, refusals, and what happens at the same instant.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "simulation/scenario_for_tests.h"
#include "simulation/world.h"

namespace stoker::simulation {
namespace {

using Lines = std::vector<std::string>;

ScenarioFile warm() {
  ScenarioFile file;
  file.resident = R"(["chat","draw"])";
  return file;
}

Played play_plainly(const ScenarioFile& file) {
  PlainPolicy policy;
  return play(file.parsed(), policy);
}

// An idea of several chat steps: {work, members} each.
std::string chain(const std::vector<std::pair<std::string, std::string>>& steps) {
  std::string text;
  for (const auto& [work, more] : steps) {
    if (!text.empty()) text += ',';
    text.append(R"({"model":"chat","work_s":)").append(work).append(more).append("}");
  }
  return R"({"think_s":0,"steps":[)" + text + "]}";
}

TEST(PeoplePatience, EndsAWaitingStepAndItsIdea) {
  ScenarioFile file;
  file.patience = R"({"text":7,"generation":3})";
  file.participants =
      "[" + person("a", "2", idea("chat", "1")) + "," + person("b", "2", idea("film", "1")) + "]";
  const Played played = play_plainly(file);
  EXPECT_EQ(played.only({"gave_up", "step_started", "result"}),
            (Lines{"5 gave_up b.0.0", "9 gave_up a.0.0"}));
  EXPECT_EQ(played.record.ideas[0].outcome, IdeaOutcome::gave_up);
  EXPECT_EQ(played.record.steps[0].outcome, StepOutcome::gave_up);
}

TEST(PeoplePatience, CancelsARunningStepFirst) {
  ScenarioFile file = warm();
  file.patience = R"({"text":7,"generation":3})";
  file.participants = "[" + person("a", "2", idea("draw", "4")) + "]";
  PlainPolicy policy;
  const Played played = play(file.parsed(), policy);
  EXPECT_EQ(played.events, (Lines{"2 step_released a.0.0 draw", "2 step_started a.0.0",
                                  "5 step_cancelled a.0.0 gave_up", "5 gave_up a.0.0"}));
  EXPECT_EQ(policy.told, (Lines{"begin", "released 0", "abandoned 0"}));
}

TEST(PeoplePatience, AStepThatFinishesAtTheLastInstantIsFinished) {
  ScenarioFile file = warm();
  file.patience = R"({"text":7,"generation":3})";
  file.participants = "[" + person("a", "2", idea("draw", "3")) + "]";
  EXPECT_EQ(play_plainly(file).only({"gave_up", "step_finished"}),
            (Lines{"5 step_finished a.0.0"}));
}

TEST(PeoplePatience, IsNotExtendedByACrash) {
  ScenarioFile file = warm();
  file.patience = R"({"text":7,"generation":10})";
  file.participants = "[" + person("a", "0", idea("draw", "8")) + "]";
  file.incidents =
      R"([{"type":"step_crash","participant":"a","idea":0,"step":0,"at_fraction":0.5}])";
  EXPECT_EQ(play_plainly(file).only({"step_cancelled", "gave_up"}),
            (Lines{"4 step_cancelled a.0.0 crash", "10 step_cancelled a.0.0 gave_up",
                   "10 gave_up a.0.0"}));
}

TEST(PeoplePatience, EndsWorkThatWouldOutliveEveryClock) {
  ScenarioFile file = warm();
  file.patience = R"({"text":1e9,"generation":1e9})";
  file.more = R"(,"contention":{"generation_rate_beside_text":0.001,"text_parallel_penalty":1000})";
  file.participants = "[" + person("a", "0", idea("draw", "1e9")) + "," +
                      person("b", "0", idea("chat", "1e9")) + "," +
                      person("c", "0", idea("chat", "1e9")) + "]";
  EXPECT_EQ(
      play_plainly(file).only({"gave_up"}),
      (Lines{"1000000000 gave_up a.0.0", "1000000000 gave_up b.0.0", "1000000000 gave_up c.0.0"}));
}

TEST(PeopleWithdrawals, AreNoFailuresUnlessPatienceEndsEarlier) {
  ScenarioFile file = warm();
  file.patience = R"({"text":5,"generation":5})";
  file.participants = "[" + person("a", "0", idea("draw", "9", R"(,"withdraw_s":4.5)")) + "," +
                      person("b", "50", idea("draw", "9", R"(,"withdraw_s":5)")) + "," +
                      person("c", "80", idea("draw", "2", R"(,"withdraw_s":4)")) + "]";
  const Played played = play_plainly(file);
  EXPECT_EQ(played.only({"gave_up", "result"}),
            (Lines{"4.5 gave_up a.0.0", "55 gave_up b.0.0", "82 result c.0"}));
  EXPECT_EQ(played.record.ideas[0].outcome, IdeaOutcome::withdrawn);
  EXPECT_EQ(played.record.ideas[1].outcome, IdeaOutcome::gave_up);
  EXPECT_EQ(played.record.steps[0].outcome, StepOutcome::withdrawn);
}

TEST(PeopleSteps, FollowAfterReadingButTheResultComesAtOnce) {
  ScenarioFile file = warm();
  file.participants =
      "[" + person("a", "1", chain({{"2", R"(,"read_s":3)"}, {"1", R"(,"read_s":9)"}})) + "]";
  const Played played = play_plainly(file);
  EXPECT_EQ(played.events,
            (Lines{"1 step_released a.0.0 chat", "1 step_started a.0.0", "3 step_finished a.0.0",
                   "6 step_released a.0.1 chat", "6 step_started a.0.1", "7 step_finished a.0.1",
                   "7 result a.0"}));
  ASSERT_EQ(played.record.ideas.size(), 1U);
  EXPECT_EQ(played.record.ideas[0].begin, Instant{1'000'000});
  EXPECT_EQ(played.record.ideas[0].end, Instant{7'000'000});
  EXPECT_EQ(played.record.ideas[0].alone, seconds(6));
}

TEST(PeopleSteps, AreReleasedInBreaksTooButIdeasWaitForTheNextPhase) {
  ScenarioFile file = warm();
  file.phases = R"([{"start_s":100,"end_s":110},{"start_s":200,"end_s":210}])";
  file.participants = "[" +
                      person("a", "1",
                             R"({"think_s":1,"steps":[{"model":"chat","work_s":4,"read_s":6},)"
                             R"({"model":"chat","work_s":2}]},)" +
                                 idea("chat", "1", "", "8") + "," + idea("chat", "1"),
                             "0,2.5") +
                      "]";
  EXPECT_EQ(play_plainly(file).only({"step_released"}),
            (Lines{"101 step_released a.0.0 chat", "111 step_released a.0.1 chat",
                   "202.5 step_released a.1.0 chat"}))
      << "the third idea would begin after the last phase";
}

TEST(PeopleSteps, AnIdeaMayBeginWhereOnePhaseMeetsTheNext) {
  ScenarioFile file = warm();
  file.phases = R"([{"start_s":0,"end_s":10},{"start_s":10,"end_s":20}])";
  file.participants =
      "[" + person("a", "0", idea("chat", "4", "", "6") + "," + idea("chat", "1"), "0,5") + "]";
  EXPECT_EQ(play_plainly(file).only({"step_released"}).back(), "10 step_released a.1.0 chat");
}

TEST(PeopleSteps, NoIdeaBeginsAtTheHorizonButOpenOnesAreFinished) {
  ScenarioFile file = warm();
  file.horizon = "10";
  file.participants = "[" + person("a", "0", idea("chat", "4", "", "6") + "," + idea("chat", "1")) +
                      "," + person("b", "9", idea("draw", "50")) + "," +
                      person("c", "10", idea("chat", "1")) + "]";
  EXPECT_EQ(play_plainly(file).only({"step_released", "result"}),
            (Lines{"0 step_released a.0.0 chat", "4 result a.0", "9 step_released b.0.0 draw",
                   "59 result b.0"}));
}

TEST(PeopleSteps, WhoHasNoIdeaLeftIsCounted) {
  ScenarioFile file = warm();
  file.participants = "[" + person("a", "0", idea("chat", "4")) + "," +
                      person("b", "0", idea("chat", "4", "", "2000")) + "," + person("c", "0", "") +
                      "]";
  EXPECT_EQ(play_plainly(file).record.participants_out_of_ideas, 1U)
      << "b would think beyond the last phase, c never had one";
}

TEST(PeopleRefused, HearItAtOnceAndThinkAboutTheNextIdea) {
  ScenarioFile file = warm();
  file.participants =
      "[" + person("a", "1", idea("film", "4", "", "3") + "," + idea("chat", "2")) + "]";
  PlainPolicy policy;
  policy.before_choices = [&](World& world) {
    if (!world.waiting().empty() && world.job(world.waiting().front()).model == 2)
      world.refuse(world.waiting().front());
  };
  const Played played = play(file.parsed(), policy);
  EXPECT_EQ(played.only({"refused", "step_released", "result", "load_started"}),
            (Lines{"1 step_released a.0.0 film", "1 refused a.0.0", "4 step_released a.1.0 chat",
                   "6 result a.1"}));
  EXPECT_EQ(played.record.ideas[0].outcome, IdeaOutcome::refused);
  EXPECT_EQ(policy.told[2], "abandoned 0");
}

TEST(PeopleRefused, MayHaveTheNextIdeaInTheSameInstant) {
  ScenarioFile file = warm();
  file.participants = "[" + person("a", "1", idea("film", "4") + "," + idea("chat", "2")) + "]";
  PlainPolicy policy;
  policy.before_choices = [&](World& world) {
    if (!world.waiting().empty() && world.job(world.waiting().front()).model == 2)
      world.refuse(world.waiting().front());
  };
  EXPECT_EQ(play(file.parsed(), policy).only({"refused", "step_released"}),
            (Lines{"1 step_released a.0.0 film", "1 refused a.0.0", "1 step_released a.1.0 chat"}));
}

TEST(WorldInstants, ThePolicyDecidesOnceWhenEverythingHasHappened) {
  ScenarioFile file = warm();
  file.patience = R"({"text":9,"generation":100})";
  file.participants = "[" + person("a", "0", idea("draw", "4")) + "," +
                      person("b", "4", idea("draw", "1")) + "," +
                      person("c", "4", idea("draw", "1")) + "]";
  file.incidents = R"([{"type":"external_eviction","t":4,"model":"chat"}])";
  PlainPolicy policy;
  Lines at_decisions;
  policy.before_choices = [&](World& world) {
    at_decisions.push_back(std::to_string(world.now().us / 1'000'000) + ": " +
                           std::to_string(world.waiting().size()) + " waiting, " +
                           std::to_string(world.running().size()) + " running");
  };
  const Played played = play(file.parsed(), policy);
  EXPECT_EQ((Lines{played.events.begin() + 2, played.events.begin() + 7}),
            (Lines{"4 step_finished a.0.0", "4 result a.0", "4 evicted chat external",
                   "4 step_released b.0.0 draw", "4 step_released c.0.0 draw"}))
      << "progress first, then timers in the order in which they were set";
  EXPECT_EQ(at_decisions, (Lines{"0: 0 waiting, 0 running", "0: 1 waiting, 0 running",
                                 "4: 2 waiting, 0 running", "6: 0 waiting, 0 running"}));
}

TEST(WorldInstants, AWakeUpIsADecisionAndThePastIsIgnored) {
  ScenarioFile file = warm();
  file.participants = "[" + person("a", "0", idea("draw", "4")) + "]";
  PlainPolicy policy;
  std::vector<std::int64_t> decided_us;
  policy.before_choices = [&](World& world) {
    decided_us.push_back(world.now().us);
    world.wake_at(world.now());
    world.wake_at(Instant{-1});
    if (world.now() == Instant{}) world.wake_at(Instant{2'500'000});
  };
  play(file.parsed(), policy);
  EXPECT_EQ(decided_us, (std::vector<std::int64_t>{0, 0, 2'500'000, 4'000'000}));
}

TEST(WorldInstants, APolicySeesWhoRunsWhereAndWhatWasUsedLast) {
  ScenarioFile file;
  file.participants = "[" + person("a", "1", chain({{"5", ""}, {"2", ""}})) + "]";
  PlainPolicy policy;
  bool looked = false;
  policy.before_choices = [&](World& world) {
    if (world.now() != Instant{16'000'000} || looked) return;
    looked = true;
    const Job& first = world.job(0);
    EXPECT_EQ(first.state, JobState::ended);
    EXPECT_EQ(first.started, Instant{11'000'000});
    EXPECT_EQ(first.work, seconds(5));
    EXPECT_EQ(first.attempts, 1U);
    const Job& second = world.job(1);
    EXPECT_EQ(second.step, 1U);
    EXPECT_EQ(second.work, std::nullopt);
    EXPECT_EQ(second.released, Instant{16'000'000});
    EXPECT_EQ(world.last_used(0), Instant{16'000'000});
    EXPECT_FALSE(world.in_use(0));
    EXPECT_EQ(world.slots_free(0), 3U);
    world.start(1);
    EXPECT_EQ(world.slots_free(0), 2U);
    EXPECT_TRUE(world.in_use(0));
    EXPECT_EQ(world.running().size(), 1U);
    EXPECT_EQ(world.resident().size(), 1U);
  };
  play(file.parsed(), policy);
  EXPECT_TRUE(looked);
}

TEST(WorldInstants, NearestMicrosecondsGoByTheExactValue) {
  EXPECT_EQ(nearest_instant(1.25), Instant{1'250'000});
  EXPECT_EQ(nearest_instant(1.0 / 128), Instant{7'812}) << "exactly between: the even one";
  EXPECT_EQ(nearest_instant(3.0 / 128), Instant{23'438}) << "exactly between: the even one";
  // Multiplied by a million, all of these look like ties.
  EXPECT_EQ(nearest_instant(0.0000005), Instant{0}) << "stored a little below";
  EXPECT_EQ(nearest_instant(0.0000015), Instant{2}) << "stored a little above";
  EXPECT_EQ(nearest_instant(1.0000005), Instant{1'000'001}) << "stored a little above";
  EXPECT_EQ(nearest_instant(1e13), kNever);
  EXPECT_EQ(nearest_instant(INFINITY), kNever);
  EXPECT_EQ(nearest_instant(1.0000025), Instant{1'000'002}) << "stored a little below";
}

}  // namespace
}  // namespace stoker::simulation
