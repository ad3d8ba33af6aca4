#include "simulation/world.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "simulation/policies.h"
#include "simulation/scenario_for_tests.h"

namespace stoker::simulation {
namespace {

using Lines = std::vector<std::string>;

constexpr ModelIndex kChat = 0;
constexpr ModelIndex kDraw = 1;
constexpr ModelIndex kFilm = 2;

// Everything is in memory, so that only progress matters.
ScenarioFile warm() {
  ScenarioFile file;
  file.resident = R"(["chat","draw"])";
  return file;
}

Played play_plainly(const ScenarioFile& file) {
  PlainPolicy policy;
  return play(file.parsed(), policy);
}

TEST(WorldProgress, TwoTextsSlowEachOtherDownByTheirPenalty) {
  ScenarioFile file = warm();
  file.participants =
      "[" + person("a", "0", idea("chat", "8")) + "," + person("b", "0", idea("chat", "4")) + "]";
  // Both run at 0.8: b ends at 5; a has 4 left and runs alone.
  EXPECT_EQ(play_plainly(file).only({"step_finished"}),
            (Lines{"5 step_finished b.0.0", "9 step_finished a.0.0"}));
}

TEST(WorldProgress, ThreeTextsRunAtTwoThirds) {
  ScenarioFile file = warm();
  std::string people;
  for (const char* name : {"a", "b", "c"})
    people += (people.empty() ? "" : ",") + person(name, "0", idea("chat", "2"));
  file.participants = "[" + people + "]";
  EXPECT_EQ(play_plainly(file).only({"step_finished"}),
            (Lines{"3 step_finished a.0.0", "3 step_finished b.0.0", "3 step_finished c.0.0"}));
}

TEST(WorldProgress, TwoGenerationsTogetherAreAsFastAsOne) {
  ScenarioFile file = warm();
  file.participants =
      "[" + person("a", "0", idea("draw", "6")) + "," + person("b", "0", idea("draw", "6")) + "]";
  EXPECT_EQ(play_plainly(file).only({"step_finished"}),
            (Lines{"12 step_finished a.0.0", "12 step_finished b.0.0"}));
}

TEST(WorldProgress, TextAndGenerationSlowEachOtherDown) {
  ScenarioFile file = warm();
  file.participants =
      "[" + person("a", "0", idea("chat", "3")) + "," + person("b", "0", idea("draw", "6")) + "]";
  // Both at 0.6: a ends at 5, b has done 3.
  EXPECT_EQ(play_plainly(file).only({"step_finished"}),
            (Lines{"5 step_finished a.0.0", "8 step_finished b.0.0"}));
}

TEST(WorldProgress, OwnRatesReplaceTheUsualOnes) {
  ScenarioFile file = warm();
  file.more =
      R"(,"contention":{"text_rate_beside_generation":0.5,"generation_rate_beside_text":0.25})";
  file.participants =
      "[" + person("a", "0", idea("chat", "3")) + "," + person("b", "0", idea("draw", "6")) + "]";
  EXPECT_EQ(play_plainly(file).only({"step_finished"}),
            (Lines{"6 step_finished a.0.0", "10.5 step_finished b.0.0"}));
}

TEST(WorldProgress, EndsAtWholeMicroseconds) {
  ScenarioFile file = warm();
  file.participants =
      "[" + person("a", "0", idea("chat", "1")) + "," + person("b", "0", idea("draw", "9")) + "]";
  EXPECT_EQ(play_plainly(file).only({"step_finished"}).front(), "1.666667 step_finished a.0.0");
}

TEST(WorldSlots, NoMoreStepsThanSlotsRunOnABackend) {
  ScenarioFile file = warm();
  file.backends =
      R"([{"id":"llm","kind":"text","slots":1},{"id":"media","kind":"generation","slots":1}])";
  file.participants =
      "[" + person("a", "0", idea("chat", "2")) + "," + person("b", "0", idea("chat", "2")) + "]";
  EXPECT_EQ(play_plainly(file).only({"step_started", "step_finished"}),
            (Lines{"0 step_started a.0.0", "2 step_finished a.0.0", "2 step_started b.0.0",
                   "4 step_finished b.0.0"}));
}

TEST(WorldLoads, TakeTheirTimeAndOneComesAfterTheOther) {
  ScenarioFile file;
  file.participants =
      "[" + person("a", "1", idea("chat", "2")) + "," + person("b", "2", idea("draw", "2")) + "]";
  EXPECT_EQ(play_plainly(file).only({"load_started", "load_finished", "step_started"}),
            (Lines{"1 load_started chat", "11 load_finished chat", "11 step_started a.0.0",
                   "11 load_started draw", "15 load_finished draw", "15 step_started b.0.0"}));
}

TEST(WorldLoads, RunBesideEachOtherWhereTheLoaderCan) {
  ScenarioFile file;
  file.more = R"(,"loader":{"parallel":2})";
  file.participants =
      "[" + person("a", "1", idea("chat", "2")) + "," + person("b", "2", idea("draw", "2")) + "]";
  EXPECT_EQ(play_plainly(file).only({"load_started"}),
            (Lines{"1 load_started chat", "2 load_started draw"}));
}

TEST(WorldLoads, HoldTheirMemoryFromTheStart) {
  ScenarioFile file;
  file.participants = "[" + person("a", "1", idea("film", "2")) + "]";
  Lines seen;
  PlainPolicy policy;
  policy.before_choices = [&](World& world) {
    seen.push_back(std::to_string(world.free_memory().count) +
                   (world.is_loading(kFilm) ? " loading" : "") +
                   (world.is_resident(kFilm) ? " resident" : ""));
    if (world.is_loading(kFilm)) {
      EXPECT_FALSE(world.can_load(kChat)) << "40 of 30 MiB";
    }
    if (world.is_resident(kFilm) && !world.is_loading(kDraw)) {
      EXPECT_TRUE(world.can_load(kDraw)) << "30 of 30 MiB";
    }
  };
  play(file.parsed(), policy);
  EXPECT_EQ(seen, (Lines{"100", "100", "30 resident", "30 resident"}));
}

TEST(WorldLoads, FailAtTheirFractionAndOnlyTheNamedOne) {
  ScenarioFile file;
  file.participants = "[" + person("a", "1", idea("chat", "2")) + "]";
  file.incidents =
      R"([{"type":"load_failure","model":"chat","occurrence":1,"at_fraction":0.25},
          {"type":"load_failure","model":"chat","occurrence":2}])";
  PlainPolicy policy;
  const Played played = play(file.parsed(), policy);
  EXPECT_EQ(played.only({"load_started", "load_failed", "load_finished"}),
            (Lines{"1 load_started chat", "3.5 load_failed chat incident", "3.5 load_started chat",
                   "13.5 load_failed chat incident", "13.5 load_started chat",
                   "23.5 load_finished chat"}));
  EXPECT_EQ(played.record.loads_failed, 2U);
  EXPECT_EQ(played.record.reloads, 0U) << "it was never there before";
  EXPECT_DOUBLE_EQ(played.record.load_s, 22.5);
}

TEST(WorldLoads, AnAbortedLoadFreesItsMemoryAndCounts) {
  ScenarioFile file;
  file.participants = "[" + person("a", "1", idea("chat", "2")) + "]";
  file.incidents = R"([{"type":"load_failure","model":"chat","occurrence":2,"at_fraction":0.1}])";
  PlainPolicy policy;
  bool aborted = false;
  policy.before_choices = [&](World& world) {
    if (world.now() == Instant{1'000'000}) world.wake_at(Instant{4'000'000});
    if (world.now() != Instant{4'000'000} || aborted) return;
    aborted = true;
    world.abort_load(kChat);
    EXPECT_EQ(world.free_memory(), MiB{100});
  };
  const Played played = play(file.parsed(), policy);
  EXPECT_EQ(played.only({"load_started", "load_failed", "load_finished"}),
            (Lines{"1 load_started chat", "4 load_failed chat aborted", "4 load_started chat",
                   "5 load_failed chat incident", "5 load_started chat", "15 load_finished chat"}));
  EXPECT_EQ(played.record.loads_aborted, 1U);
  EXPECT_EQ(played.record.loads_failed, 1U);
}

TEST(WorldLoads, ALoadThatOutlivesTheRunCountsUntilItsEnd) {
  ScenarioFile file = warm();
  file.participants = "[" + person("a", "0", idea("draw", "2")) + "]";
  file.resident = R"(["draw"])";
  PlainPolicy policy;
  policy.before_choices = [&](World& world) {
    if (world.can_load(kChat)) world.load(kChat);
  };
  EXPECT_DOUBLE_EQ(play(file.parsed(), policy).record.load_s, 2);
}

TEST(WorldEvictions, GiveTheMemoryBackAtOnce) {
  ScenarioFile file = warm();
  file.pinned = R"(["draw"])";
  file.participants = "[" + person("a", "1", idea("film", "2")) + "]";
  PlainPolicy policy;
  policy.before_choices = [&](World& world) {
    if (world.now() == Instant{} || !world.is_resident(kChat)) return;
    world.evict(kChat, "room");
    world.evict(kDraw, "more \"room\"");
  };
  const Played played = play(file.parsed(), policy);
  EXPECT_EQ(played.only({"evicted", "load_started"}),
            (Lines{"1 evicted chat room", "1 evicted draw more \"room\"", "1 load_started film"}));
  EXPECT_EQ(played.record.evictions, 2U);
  EXPECT_EQ(played.record.pinned_evictions, 1U);
}

TEST(WorldCrashes, LoseTheProgressOfTheFirstRunOnly) {
  ScenarioFile file = warm();
  file.participants = "[" + person("a", "0", idea("draw", "10")) + "]";
  file.incidents =
      R"([{"type":"step_crash","participant":"a","idea":0,"step":0,"at_fraction":0.3}])";
  PlainPolicy policy;
  const Played played = play(file.parsed(), policy);
  EXPECT_EQ(played.events, (Lines{"0 step_released a.0.0 draw", "0 step_started a.0.0",
                                  "3 step_cancelled a.0.0 crash", "3 step_started a.0.0",
                                  "13 step_finished a.0.0", "13 result a.0"}));
  EXPECT_EQ(policy.told, (Lines{"begin", "released 0", "requeued 0", "finished 0", "result 0"}));
}

TEST(WorldCrashes, DoNotComeOnceTheFirstRunHasEndedOtherwise) {
  ScenarioFile file = warm();
  file.participants = "[" + person("a", "0", idea("draw", "10")) + "]";
  file.incidents =
      R"([{"type":"step_crash","participant":"a","idea":0,"step":0,"at_fraction":0.3},
          {"type":"external_eviction","t":2,"model":"draw"}])";
  EXPECT_EQ(play_plainly(file).only({"step_cancelled", "step_finished"}),
            (Lines{"2 step_cancelled a.0.0 external_eviction", "16 step_finished a.0.0"}));
}

TEST(WorldExternalEvictions, CancelWhatRunsAndKeepTheOrderOfTheQueue) {
  ScenarioFile file = warm();
  file.backends =
      R"([{"id":"llm","kind":"text","slots":3},{"id":"media","kind":"generation","slots":1}])";
  file.participants =
      "[" + person("a", "0", idea("draw", "5")) + "," + person("b", "1", idea("draw", "5")) + "]";
  file.incidents = R"([{"type":"external_eviction","t":2,"model":"draw"},
                       {"type":"external_eviction","t":3,"model":"draw"},
                       {"type":"external_eviction","t":3,"model":"film"}])";
  PlainPolicy policy;
  const Played played = play(file.parsed(), policy);
  EXPECT_EQ(played.events,
            (Lines{"0 step_released a.0.0 draw", "0 step_started a.0.0",
                   "1 step_released b.0.0 draw", "2 step_cancelled a.0.0 external_eviction",
                   "2 evicted draw external", "2 load_started draw", "6 load_finished draw",
                   "6 step_started a.0.0", "11 step_finished a.0.0", "11 result a.0",
                   "11 step_started b.0.0", "16 step_finished b.0.0", "16 result b.0"}))
      << "a model that only loads is not touched";
  EXPECT_EQ(played.record.evictions, 0U) << "not the policy's";
  EXPECT_EQ(played.record.reloads, 1U);
  EXPECT_EQ(policy.told[3], "requeued 0");
  EXPECT_EQ(policy.told[4], "evicted model 1");
}

TEST(WorldForeignMemory, BlocksLoadsButTakesNothingAway) {
  ScenarioFile file = warm();
  file.participants = "[" + person("a", "1", idea("film", "2")) + "]";
  file.resident = R"(["draw"])";
  file.incidents = R"([{"type":"foreign_vram","t0":0.5,"t1":8,"mib":1},
                       {"type":"foreign_vram","t0":2,"t1":5,"mib":79}])";
  PlainPolicy policy;
  const Played played = play(file.parsed(), policy);
  EXPECT_EQ(played.only({"load_started", "evicted"}), (Lines{"8 load_started film"}));
  EXPECT_EQ(policy.told, (Lines{"begin", "foreign 1", "released 0", "foreign 80", "foreign 1",
                                "foreign 0", "loaded model 2", "finished 0", "result 0"}));
  EXPECT_DOUBLE_EQ(played.record.foreign_overrun_s, 3) << "30 in use of 20 MiB";
}

TEST(WorldForeignMemory, IsNotThereOutsideItsWindow) {
  ScenarioFile file;
  file.participants = "[" + person("a", "5", idea("film", "2")) + "]";
  file.incidents = R"([{"type":"foreign_vram","t0":0,"t1":5,"mib":60},
                       {"type":"foreign_vram","t0":7,"t1":7,"mib":60}])";
  Lines seen;
  PlainPolicy policy;
  policy.before_choices = [&](World& world) {
    seen.push_back(std::to_string(world.now().us / 1'000'000) + ": " +
                   std::to_string(world.capacity().count));
  };
  play(file.parsed(), policy);
  EXPECT_EQ(seen, (Lines{"0: 40", "0: 40", "5: 100", "11: 100", "13: 100"}));
}

// A policy that did not know would load into memory that is taken.
TEST(WorldForeignMemory, FromTheFirstMomentIsKnownToTheScheduler) {
  ScenarioFile file;
  file.participants = "[" + person("a", "1", idea("film", "2")) + "]";
  file.incidents = R"([{"type":"foreign_vram","t0":0,"t1":20,"mib":95}])";
  const auto policy = make_policy("stoker");
  const Scenario scenario = file.parsed();
  const RunRecord record = World(scenario, *policy, nullptr).run();
  EXPECT_EQ(record.foreign_overrun_s, 0);
  EXPECT_EQ(record.ideas.size(), 1U);
}

TEST(WorldNotes, GoIntoTheLogAsTheyAre) {
  ScenarioFile file = warm();
  file.participants = "[" + person("a", "0", idea("draw", "1")) + "]";
  PlainPolicy policy;
  policy.before_choices = [&](World& world) {
    EXPECT_TRUE(world.keeps_notes());
    if (world.waiting().empty()) return;
    world.eta(0, milliseconds(500), seconds(1), milliseconds(2'000));
    world.note("x_choice", R"("why":"first")");
    world.note("x_empty", "");
  };
  const Played played = play(file.parsed(), policy);
  EXPECT_EQ(played.log,
            R"({"format":"stoker-log/1","scenario":"small","policy":"plain","version":"test"}
{"t":0.000000,"event":"step_released","participant":"a","idea":0,"step":0,"model":"draw"}
{"t":0.000000,"event":"eta","participant":"a","idea":0,"step":0,"low_s":0.500000,"mid_s":1.000000,"high_s":2.000000}
{"t":0.000000,"event":"x_choice","why":"first"}
{"t":0.000000,"event":"x_empty"}
{"t":0.000000,"event":"step_started","participant":"a","idea":0,"step":0}
{"t":1.000000,"event":"step_finished","participant":"a","idea":0,"step":0}
{"t":1.000000,"event":"result","participant":"a","idea":0}
)");
  EXPECT_EQ(played.record.events, 5U) << "without header and notes";
  ASSERT_EQ(played.record.quotes.size(), 1U);
}

TEST(WorldNotes, ARunWithoutALogIsTheSameRun) {
  ScenarioFile file;
  file.participants =
      "[" + person("a", "1", idea("film", "2")) + "," + person("b", "2", idea("draw", "2")) + "]";
  const Scenario scenario = file.parsed();
  PlainPolicy logged;
  const RunRecord with = play(scenario, logged).record;
  PlainPolicy silent;
  silent.before_choices = [](World& world) {
    EXPECT_FALSE(world.keeps_notes());
    world.note("x_nowhere", "");
  };
  const RunRecord without = World(scenario, silent).run();
  EXPECT_EQ(with.events, without.events);
  EXPECT_EQ(with.end, without.end);
  EXPECT_EQ(logged.told, silent.told);
}

TEST(WorldNames, AreEscapedInTheLog) {
  ScenarioFile file = warm();
  file.name = R"(a\"b\\c\u0001\u007fü)";
  file.participants = "[" + person(R"(\"\n)", "0", idea("draw", "1")) + "]";
  const Played played = play_plainly(file);
  EXPECT_NE(played.log.find(R"("scenario":"a\"b\\c\u0001\u007fü")"), std::string::npos);
  EXPECT_EQ(played.events.back(), "1 result \"\n.0");
}

class WorldRulesDeathTest : public testing::Test {
 protected:
  // Lets the policy do something at the release of the first step, film, with chat in memory.
  static void in_decide(std::function<void(World&)> deed) {
    ScenarioFile file;
    file.resident = R"(["chat"])";
    file.participants =
        "[" + person("a", "0", idea("film", "2")) + "," + person("b", "0", idea("chat", "9")) + "]";
    PlainPolicy policy;
    policy.before_choices = [&](World& world) {
      if (world.waiting().size() == 2) deed(world);
    };
    play(file.parsed(), policy);
  }
};

TEST_F(WorldRulesDeathTest, WhatPhysicsForbidsIsABrokenInvariant) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(in_decide([](World& world) { world.start(0); }), "step that cannot start");
  EXPECT_DEATH(in_decide([](World& world) { world.load(kFilm); }), "cannot be loaded");
  EXPECT_DEATH(in_decide([](World& world) { world.load(kChat); }), "cannot be loaded");
  EXPECT_DEATH(in_decide([](World& world) {
                 world.load(kDraw);
                 world.load(kFilm);
               }),
               "cannot be loaded");
  EXPECT_DEATH(in_decide([](World& world) { world.evict(kDraw, "room"); }), "absent or in use");
  EXPECT_DEATH(in_decide([](World& world) { world.evict(kChat, "external"); }), "absent or in use");
  EXPECT_DEATH(in_decide([](World& world) {
                 world.start(1);
                 world.evict(kChat, "room");
               }),
               "absent or in use");
  EXPECT_DEATH(in_decide([](World& world) {
                 world.start(1);
                 world.start(1);
               }),
               "step that cannot start");
  EXPECT_DEATH(in_decide([](World& world) {
                 world.start(1);
                 world.refuse(1);
               }),
               "was started");
  EXPECT_DEATH(in_decide([](World& world) { world.abort_load(kDraw); }), "does not run");
  EXPECT_DEATH(in_decide([](World& world) { world.eta(0, seconds(2), seconds(1), seconds(3)); }),
               "range that is none");
  EXPECT_DEATH(in_decide([](World& world) { world.note("result", ""); }), "pass for an event");
}

TEST_F(WorldRulesDeathTest, HooksMayNotChoose) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  class Hasty final : public PlainPolicy {
   public:
    void released(World& world, const Job& job) override { world.start(job.index); }
  };
  ScenarioFile file = warm();
  file.participants = "[" + person("a", "0", idea("chat", "2")) + "]";
  const Scenario scenario = file.parsed();
  Hasty policy;
  EXPECT_DEATH(play(scenario, policy), "cannot start");
}

}  // namespace
}  // namespace stoker::simulation
