// Small instances whose best possible values are known (tests/scenarios/instances), played by the product's scheduler.
//
// A value better than the optimum is a bug in the world, in the metrics or in the optimum. The values of the scheduler
// are written down with the reason why they are what they are; where they change, somebody has to think.
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <utility>

#include "simulation/metrics.h"
#include "simulation/scenario_for_tests.h"
#include "simulation/stoker_policy.h"

namespace stoker::simulation {
namespace {

struct Values {
  double makespan_s = 0;
  double loads = 0;
  double load_s = 0;
  double flow_sum_s = 0;
  double flow_max_s = 0;
  friend bool operator==(const Values&, const Values&) = default;
};

// NOLINTNEXTLINE(readability-identifier-naming): the name that GoogleTest looks for
void PrintTo(const Values& values, std::ostream* out) {
  *out << "{makespan " << values.makespan_s << ", loads " << values.loads << ", load_s "
       << values.load_s << ", flow_sum " << values.flow_sum_s << ", flow_max " << values.flow_max_s
       << "}";
}

struct Instance {
  Scenario scenario;
  RunRecord record;
  Values values;

  double best(const std::string& metric) const {
    for (const auto& [name, value] : scenario.optimum) {
      if (name == metric) return value;
    }
    return 0;
  }
  double flow_of(ParticipantIndex participant) const {
    for (const EndedIdea& idea : record.ideas) {
      if (idea.participant == participant) return (idea.end - idea.begin).seconds();
    }
    return -1;
  }
};

void expect_no_better_than_best(const Instance& played) {
  EXPECT_GE(played.values.makespan_s, played.best("makespan_s"));
  EXPECT_GE(played.values.loads, played.best("loads"));
  EXPECT_GE(played.values.load_s, played.best("load_s"));
  EXPECT_GE(played.values.flow_sum_s, played.best("flow_sum_s"));
  EXPECT_GE(played.values.flow_max_s, played.best("flow_max_s"));
  for (const EndedIdea& idea : played.record.ideas)
    EXPECT_EQ(idea.outcome, IdeaOutcome::result) << "nobody is refused or gives up";
}

std::string instance_text(const std::string& name) {
  return file_text(STOKER_SOURCE_DIR "/tests/scenarios/instances/" + name + ".json");
}

Instance play_text(const std::string& text, const StokerOptions& options = {}) {
  auto parsed = parse_scenario(text);
  EXPECT_TRUE(parsed) << scenario_error_text(parsed.error());
  Instance played;
  played.scenario = std::move(*parsed);
  StokerPolicy policy(options);
  played.record = World(played.scenario, policy).run();
  const Metrics metrics = metrics_of(played.scenario, played.record);
  played.values = {*metrics.makespan_s, static_cast<double>(metrics.loads), *metrics.load_s,
                   *metrics.flow_sum_s, *metrics.flow_max_s};
  expect_no_better_than_best(played);
  return played;
}

Instance play_instance(const std::string& name, const StokerOptions& options = {}) {
  return play_text(instance_text(name), options);
}

Values optimum_of(const Instance& played) {
  return {played.best("makespan_s"), played.best("loads"), played.best("load_s"),
          played.best("flow_sum_s"), played.best("flow_max_s")};
}

// Requests that alternate between two models: one visit each.
TEST(Instances, AlternatingRequestsTakeTheBestPossibleCourse) {
  const Instance played = play_instance("I1");
  EXPECT_EQ(played.values, optimum_of(played));
}

// Somebody for another model stands first in line: those whose model is there go before, once.
TEST(Instances, AStrangerInFrontTakesTheBestPossibleCourse) {
  const Instance played = play_instance("I2");
  EXPECT_EQ(played.values, optimum_of(played));
}

TEST(Instances, WithoutRoomForBothALoadFollowsTheWork) {
  const Instance played = play_instance("I3a");
  EXPECT_EQ(played.values, optimum_of(played));
}

// With room for both, the load hides behind the first step: makespan and loads are the best possible. The order is by
// arrival, so the second long step goes before the short ones: 20 s more in sum than shortest first.
TEST(Instances, WithRoomForBothTheLoadIsHidden) {
  const Instance played = play_instance("I3b");
  EXPECT_EQ(played.values, (Values{100, 1, 25, 270, 100}));
  EXPECT_EQ(played.values.makespan_s, played.best("makespan_s"));
  EXPECT_EQ(played.values.loads, played.best("loads"));
}

// Nobody asks for the large model any more when the last small one needs room.
TEST(Instances, TheLargeModelStaysAsLongAsItIsWorthIt) {
  const Instance played = play_instance("I4");
  EXPECT_EQ(played.values, optimum_of(played));
}

// The pinned model is never touched and loads are the fewest possible. The optimum knows the arrivals and begins the
// first load 5 s before anybody asks for it; so everything behind it is 5 s later here.
TEST(Instances, APinnedModelIsNeverTouched) {
  const Instance played = play_instance("I4p");
  EXPECT_EQ(played.values, (Values{60, 2, 40, 105, 50}));
  EXPECT_EQ(played.values.loads, played.best("loads"));
  EXPECT_EQ(played.values.load_s, played.best("load_s"));
  EXPECT_EQ(played.record.pinned_evictions, 0U);
}

// Only who knows that others are about to ask for the model that is there may idle for 4 s. Nobody said so, and the
// one who asks is served at once: the others are 26 s later than if the machine had idled for them.
TEST(Instances, TheMachineDoesNotIdleForWhatNobodyAnnounced) {
  const Instance played = play_instance("I5");
  EXPECT_EQ(played.values, (Values{90, 2, 60, 198, 82}));
  EXPECT_EQ(played.flow_of(0), 40) << "30 s of load, 10 s of work, not a second of waiting";
}

// An announcement says which models will be used, not when somebody comes: that is no reason to idle either.
TEST(Instances, NorForAModelThatIsOnlyPartOfThePlan) {
  std::string text = instance_text("I5");
  const std::string nothing = R"("focus":[])";
  text.replace(text.find(nothing), nothing.size(), R"("focus":["A"])");
  const Instance played = play_text(text);
  EXPECT_EQ(played.flow_of(0), 40);
}

// The victims are the cheapest set to load again: 20 + 10 + 6 s of loads. The optimum knows when people come back and
// hides the reloads in idle time; here they begin when somebody asks. The largest flow is the best possible.
TEST(Instances, VictimsAreTheCheapestSet) {
  const Instance played = play_instance("I6");
  EXPECT_EQ(played.values, (Values{121, 3, 36, 67, 30}));
  EXPECT_EQ(played.values.flow_max_s, played.best("flow_max_s"));
}

// A cycle over three models with room for two: what will be asked for next went last, so every request loads. Nobody
// waits longer than in the best course; fewer loads would need the future, or people who wait.
TEST(Instances, ACycleThatDoesNotFitLoadsEachTime) {
  const Instance played = play_instance("I7");
  EXPECT_EQ(played.values, (Values{115, 6, 60, 90, 15}));
  EXPECT_EQ(played.values.flow_max_s, played.best("flow_max_s"));
}

// Behind an endless stream: the overdue limit, 4 s until the next look and the end of the running step, load and work.
TEST(Instances, BehindAnEndlessStreamTheWaitFollowsTheOverdueLimit) {
  constexpr double kBest = 19;  // of the one who waits, as the file says
  for (const std::int64_t loads : {5, 10, 20, 40}) {
    StokerOptions options{.quotes = false};
    options.policy.overdue_loads = loads;
    const Instance played = play_instance("I8", options);
    const double limit_s = static_cast<double>(loads) * 10;
    EXPECT_GE(played.flow_of(1), kBest);
    EXPECT_EQ(played.flow_of(1), limit_s + 19) << loads;
    EXPECT_EQ(played.values.loads, 2) << "there and back, once";
  }
}

}  // namespace
}  // namespace stoker::simulation
