#include "simulation/scenario.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "simulation/scenario_for_tests.h"

namespace stoker::simulation {
namespace {

constexpr const char* kFull = R"({
  "format": "stoker-scenario/1", "name": "all fields", "kind": "label", "seed": 18446744073709551615,
  "horizon_s": 5400.5, "device": {"vram_mib": 97887, "reserve_mib": 2048}, "loader": {"parallel": 2},
  "contention": {"text_parallel_penalty": 0.1, "generation_parallel_penalty": 0.2,
                 "text_rate_beside_generation": 0.3, "generation_rate_beside_text": 0.7},
  "backends": [{"id": "llm", "kind": "text", "slots": 3}, {"id": "media", "kind": "generation", "slots": 1}],
  "models": [{"id": "sd35", "backend": "media", "kind": "generation", "vram_mib": 26703, "load_s": 20.001, "hint_s": 14},
             {"id": "chat", "backend": "llm", "kind": "text", "vram_mib": 100, "load_s": 1}],
  "plan": {"phases": [{"start_s": 900, "end_s": 3000}], "focus": ["sd35", "chat"], "pinned": ["chat"], "head_count": 12},
  "actual_phases": [{"start_s": -5, "end_s": 10}, {"start_s": 10, "end_s": 20}],
  "patience_s": {"text": 300, "generation": 480},
  "participants": [
    {"id": "p00", "group": "A", "user": "u", "first_offset_s": 31.5, "phase_offsets_s": [1, 2.25], "ideas": [
      {"think_s": 77.1, "steps": [{"model": "sd35", "work_s": 13.2, "read_s": 0.5, "withdraw_s": 12},
                                  {"model": "chat", "work_s": 0.000001}]}]},
    {"id": "p01", "user": "u", "first_offset_s": 0, "phase_offsets_s": [0, 0], "ideas": []},
    {"id": "p02", "first_offset_s": 0, "phase_offsets_s": [0, 0], "ideas": [
      {"think_s": 0, "steps": [{"model": "chat", "work_s": 2, "withdraw_s": null}]}]}],
  "initial_resident": ["chat", "chat"],
  "incidents": [{"type": "load_failure", "model": "sd35", "occurrence": 3},
                {"type": "load_failure", "model": "sd35", "occurrence": 4, "at_fraction": 0.25},
                {"type": "step_crash", "participant": "p00", "idea": 0, "step": 1, "at_fraction": 0.123},
                {"type": "step_crash", "participant": "p01", "idea": 7, "step": 0, "at_fraction": 0.5},
                {"type": "external_eviction", "t": 50.25, "model": "chat"},
                {"type": "foreign_vram", "t0": 5, "t1": 7.5, "mib": 6000}],
  "optimum": {"why": "words", "makespan_s": 50.5, "loads": 2},
  "unknown": {"is": ["ignored"]}})";

TEST(Scenario, KeepsEveryFieldOfTheHead) {
  const auto scenario = parse_scenario(kFull);
  ASSERT_TRUE(scenario) << scenario_error_text(scenario.error());
  EXPECT_EQ(scenario->name, "all fields");
  EXPECT_EQ(scenario->label, "label");
  EXPECT_EQ(scenario->seed, 18446744073709551615U);
  EXPECT_EQ(scenario->horizon, Instant{5'400'500'000});
  const Setting& setting = scenario->setting;
  EXPECT_EQ(setting.device.vram, MiB{97887});
  EXPECT_EQ(setting.device.reserve, MiB{2048});
  EXPECT_EQ(setting.device.capacity(), MiB{95839});
  EXPECT_EQ(setting.loads_max, 2U);
  EXPECT_EQ(setting.contention.text_parallel_penalty, 0.1);
  EXPECT_EQ(setting.contention.generation_parallel_penalty, 0.2);
  EXPECT_EQ(setting.contention.text_rate_beside_generation, 0.3);
  EXPECT_EQ(setting.contention.generation_rate_beside_text, 0.7);
  EXPECT_EQ(setting.patience[kind_index(StepKind::text)], seconds(300));
  EXPECT_EQ(setting.patience[kind_index(StepKind::generation)], seconds(480));
  EXPECT_EQ(scenario->optimum,
            (std::vector<std::pair<std::string, double>>{{"makespan_s", 50.5}, {"loads", 2.0}}));
}

TEST(Scenario, KeepsEveryFieldOfTheMachineAndThePlan) {
  const Scenario scenario = parse_scenario(kFull).value();
  const Setting& setting = scenario.setting;
  ASSERT_EQ(setting.backends.size(), 2U);
  EXPECT_EQ(setting.backends[0].name, "llm");
  EXPECT_EQ(setting.backends[0].slots, 3U);
  EXPECT_EQ(setting.backends[1].kind, StepKind::generation);
  ASSERT_EQ(setting.models.size(), 2U);
  EXPECT_EQ(setting.models[0].name, "sd35");
  EXPECT_EQ(setting.models[0].backend, 1U);
  EXPECT_EQ(setting.models[0].kind, StepKind::generation);
  EXPECT_EQ(setting.models[0].memory, MiB{26703});
  EXPECT_EQ(setting.models[0].load, milliseconds(20'001));
  EXPECT_EQ(setting.models[0].hint, seconds(14));
  EXPECT_EQ(setting.models[1].hint, seconds(10)) << "the default";
  ASSERT_EQ(setting.plan.phases.size(), 1U);
  EXPECT_EQ(setting.plan.phases[0].start, Instant{900'000'000});
  EXPECT_EQ(setting.plan.focus, (std::vector<ModelIndex>{0, 1}));
  EXPECT_EQ(setting.plan.pinned, (std::vector<ModelIndex>{1}));
  EXPECT_EQ(setting.plan.head_count, 12U);
  EXPECT_EQ(setting.initial_resident, (std::vector<ModelIndex>{1})) << "named twice, there once";
  ASSERT_EQ(scenario.phases.size(), 2U);
  EXPECT_EQ(scenario.phases[0].start, Instant{-5'000'000});
  EXPECT_EQ(scenario.phases[1].end, Instant{20'000'000});
}

TEST(Scenario, KeepsEveryFieldOfPeopleAndTheirDraws) {
  const Scenario scenario = parse_scenario(kFull).value();
  const std::vector<ParticipantFacts>& people = scenario.setting.participants;
  ASSERT_EQ(people.size(), 3U);
  EXPECT_EQ(scenario.setting.users, (std::vector<std::string>{"u", "p02"}));
  EXPECT_EQ(people[0].name, "p00");
  EXPECT_EQ(people[0].group, "A");
  EXPECT_EQ(people[1].user, people[0].user);
  EXPECT_EQ(people[2].user, 1U);
  ASSERT_EQ(scenario.persons.size(), 3U);
  EXPECT_EQ(scenario.persons[0].first_offset, milliseconds(31'500));
  EXPECT_EQ(scenario.persons[0].phase_offsets,
            (std::vector<Duration>{seconds(1), milliseconds(2'250)}));
  EXPECT_EQ(scenario.persons[0].ideas, 1U);
  EXPECT_EQ(scenario.persons[1].ideas, 0U);
  EXPECT_EQ(scenario.persons[2].first_idea, 1U);
  ASSERT_EQ(scenario.ideas.size(), 2U);
  EXPECT_EQ(scenario.ideas[0].think, milliseconds(77'100));
  EXPECT_EQ(scenario.ideas[0].steps, 2U);
  EXPECT_EQ(scenario.ideas[1].first_step, 2U);
  ASSERT_EQ(scenario.steps.size(), 3U);
  EXPECT_EQ(scenario.steps[0].model, 0U);
  EXPECT_EQ(scenario.steps[0].work, milliseconds(13'200));
  EXPECT_EQ(scenario.steps[0].read, milliseconds(500));
  EXPECT_EQ(scenario.steps[0].withdraw, seconds(12));
  EXPECT_EQ(scenario.steps[1].work, microseconds(1));
  EXPECT_EQ(scenario.steps[1].withdraw, std::nullopt);
  EXPECT_EQ(scenario.steps[2].withdraw, std::nullopt);
}

TEST(Scenario, KeepsEveryFieldOfIncidents) {
  const Scenario scenario = parse_scenario(kFull).value();
  ASSERT_EQ(scenario.load_failures.size(), 2U);
  ASSERT_EQ(scenario.load_failures[0].size(), 2U);
  EXPECT_EQ(scenario.load_failures[0][0].occurrence, 3U);
  EXPECT_EQ(scenario.load_failures[0][0].at_fraction, 1.0);
  EXPECT_EQ(scenario.load_failures[0][1].at_fraction, 0.25);
  EXPECT_EQ(scenario.steps[1].crash_at, 0.123);
  EXPECT_EQ(scenario.steps[0].crash_at, std::nullopt);
  ASSERT_EQ(scenario.external_evictions.size(), 1U);
  EXPECT_EQ(scenario.external_evictions[0].at, Instant{50'250'000});
  EXPECT_EQ(scenario.external_evictions[0].model, 1U);
  ASSERT_EQ(scenario.foreign.size(), 1U);
  EXPECT_EQ(scenario.foreign[0].from, Instant{5'000'000});
  EXPECT_EQ(scenario.foreign[0].until, Instant{7'500'000});
  EXPECT_EQ(scenario.foreign[0].amount, MiB{6000});
}

TEST(Scenario, TakesDefaultsForWhatMayBeMissing) {
  const Scenario scenario = ScenarioFile{}.parsed();
  EXPECT_EQ(scenario.label, "small");
  EXPECT_EQ(scenario.setting.loads_max, 1U);
  EXPECT_EQ(scenario.setting.contention.text_parallel_penalty, 0.25);
  EXPECT_EQ(scenario.setting.contention.generation_parallel_penalty, 1.0);
  EXPECT_EQ(scenario.setting.contention.text_rate_beside_generation, 0.6);
  EXPECT_EQ(scenario.setting.plan.head_count, std::nullopt);
  EXPECT_EQ(scenario.phases.size(), 1U) << "people work when the plan says so";
}

TEST(Scenario, ReadsDecimalFractionsAsTheyAreWritten) {
  ScenarioFile file;
  for (const std::string text : {"0.1", "0.6", "0.7", "0.123", "1e-1"}) {
    file.more = R"(,"contention":{"text_parallel_penalty":)" + text + "}";
    EXPECT_EQ(file.parsed().setting.contention.text_parallel_penalty, std::stod(text)) << text;
  }
}

struct Wrong {
  std::string text;
  std::string where;
  std::string what;
};

void expect_wrong(const Wrong& wrong) {
  const auto scenario = parse_scenario(wrong.text);
  ASSERT_FALSE(scenario) << wrong.where;
  EXPECT_EQ(scenario.error().param, wrong.where);
  EXPECT_NE(scenario.error().detail.find(wrong.what), std::string::npos)
      << scenario_error_text(scenario.error());
}

TEST(ScenarioErrors, SayWhereTheTextIsNoJson) {
  expect_wrong({"", "line 1 column 1", "incomplete"});
  expect_wrong({"{\n \"format\": \"x\",\n \"a\" 1}", "line 3 column 6", "is no JSON"});
  expect_wrong({"{} {}", "line 1 column 4", "is no JSON"});
  expect_wrong({std::string(1000, '['), "line 1 column 33", "too"});
  expect_wrong({"{\"a\": NaN}", "line 1 column 7", "is no JSON"});
  expect_wrong({"[]", "", "must be an object"});
  expect_wrong({"null", "", "must be an object"});
}

TEST(ScenarioErrors, SayWhatIsMissing) {
  expect_wrong({"{}", "format", "is missing"});
  expect_wrong({R"({"format":"stoker-scenario/2"})", "format", "stoker-scenario/1"});
  expect_wrong({R"({"format":"stoker-scenario/1"})", "name", "is missing"});
  ScenarioFile file;
  file.horizon = "null";
  expect_wrong({file.text(), "horizon_s", "is missing"});
}

// Replaces one part of a good file and expects a complaint about it.
void expect_wrong_part(std::string ScenarioFile::* part, const std::string& text,
                       const std::string& where, const std::string& what) {
  ScenarioFile file;
  file.*part = text;
  expect_wrong({file.text(), where, what});
}

TEST(ScenarioErrors, SayWhichNumberIsWrong) {
  const auto horizon = &ScenarioFile::horizon;
  expect_wrong_part(horizon, "\"5\"", "horizon_s", "number of seconds");
  expect_wrong_part(horizon, "1e300", "horizon_s", "at most 1000000000 seconds");
  expect_wrong_part(horizon, "-1e10", "horizon_s", "at most 1000000000 seconds");
  expect_wrong_part(horizon, "99999999999999999999999999", "horizon_s", "at most");
  const auto device = &ScenarioFile::device;
  expect_wrong_part(device, "7", "device", "must be an object");
  expect_wrong_part(device, R"({"vram_mib":1.5,"reserve_mib":0})", "device.vram_mib", "whole");
  expect_wrong_part(device, R"({"vram_mib":1e30,"reserve_mib":0})", "device.vram_mib", "whole");
  expect_wrong_part(device, R"({"vram_mib":10,"reserve_mib":11})", "device.reserve_mib",
                    "from 0 to 10");
  expect_wrong_part(&ScenarioFile::patience, R"({"text":-1,"generation":1})", "patience_s.text",
                    "negative");
  expect_wrong_part(&ScenarioFile::patience, R"({"text":1})", "patience_s.generation", "missing");
  const auto more = &ScenarioFile::more;
  expect_wrong_part(more, R"(,"loader":{"parallel":0})", "loader.parallel", "from 1");
  expect_wrong_part(more, R"(,"seed":-1)", "seed", "not negative");
  expect_wrong_part(more, R"(,"contention":{"text_rate_beside_generation":0})",
                    "contention.text_rate_beside_generation", "from 0.001 to 1000");
  expect_wrong_part(more, R"(,"contention":{"text_parallel_penalty":-0.1})",
                    "contention.text_parallel_penalty", "from 0 to 1000");
}

TEST(ScenarioErrors, SayWhichModelIsWrong) {
  const auto backends = &ScenarioFile::backends;
  expect_wrong_part(backends, "{}", "backends", "must be a list");
  expect_wrong_part(backends, R"([{"id":"a","kind":"video","slots":1}])", "backends[0].kind",
                    "\"text\" or \"generation\"");
  expect_wrong_part(backends,
                    R"([{"id":"a","kind":"text","slots":1},{"id":"a","kind":"text","slots":1}])",
                    "backends[1].id", "twice");
  expect_wrong_part(backends, R"([{"id":"a","kind":"text","slots":0}])", "backends[0].slots",
                    "from 1 to 1000");
  const auto model = [](const std::string& members) {
    return R"([{"id":"chat","backend":"llm","kind":"text","vram_mib":1,"load_s":1},{)" + members +
           "}]";
  };
  const auto models = &ScenarioFile::models;
  expect_wrong_part(models, model(R"("id":"chat")"), "models[1].id", "twice");
  expect_wrong_part(models, model(R"("id":"")"), "models[1].id", "empty");
  expect_wrong_part(models, model(R"("id":")" + std::string(201, 'x') + '"'), "models[1].id",
                    "at most 200 bytes");
  expect_wrong_part(models, model(R"("id":"b","backend":"none")"), "models[1].backend",
                    "names no backend");
  expect_wrong_part(models, model(R"("id":"b","backend":"media","kind":"text")"), "models[1].kind",
                    "kind of its backend");
  const std::string known = R"("id":"b","backend":"llm","kind":"text",)";
  expect_wrong_part(models, model(known + R"("vram_mib":101,"load_s":1)"), "models[1].vram_mib",
                    "fit");
  expect_wrong_part(models, model(known + R"("vram_mib":0,"load_s":1)"), "models[1].vram_mib",
                    "from 1");
  expect_wrong_part(models, model(known + R"("vram_mib":1,"load_s":0)"), "models[1].load_s",
                    "positive");
  expect_wrong_part(models, model(known + R"("vram_mib":1,"load_s":1,"hint_s":-1)"),
                    "models[1].hint_s", "negative");
}

TEST(ScenarioErrors, SayWhichPartOfThePlanIsWrong) {
  const auto phases = &ScenarioFile::phases;
  expect_wrong_part(phases, "[]", "plan.phases", "at least one");
  expect_wrong_part(phases, R"([{"start_s":5,"end_s":5}])", "plan.phases[0]", "end later");
  expect_wrong_part(phases, R"([{"start_s":5,"end_s":9},{"start_s":8,"end_s":10}])",
                    "plan.phases[1]", "after the phase before");
  expect_wrong_part(phases, R"([{"start_s":5}])", "plan.phases[0].end_s", "missing");
  expect_wrong_part(&ScenarioFile::more, R"(,"actual_phases":[{"start_s":2,"end_s":1}])",
                    "actual_phases[0]", "end later");
  expect_wrong_part(&ScenarioFile::focus, R"(["chat","none"])", "plan.focus[1]", "names no model");
  expect_wrong_part(&ScenarioFile::pinned, "[7]", "plan.pinned[0]", "must be a text");
  expect_wrong_part(&ScenarioFile::resident, R"(["chat","film"])", "initial_resident", "fit");
}

TEST(ScenarioErrors, SayWhichPersonIsWrong) {
  const auto people = &ScenarioFile::participants;
  expect_wrong_part(people, "[3]", "participants[0]", "must be an object");
  expect_wrong_part(people, "[" + person("a", "0", "") + "," + person("a", "0", "") + "]",
                    "participants[1].id", "twice");
  expect_wrong_part(people, "[" + person("a", "-1", "") + "]", "participants[0].first_offset_s",
                    "negative");
  expect_wrong_part(people, "[" + person("a", "0", "", "0,0") + "]",
                    "participants[0].phase_offsets_s", "each actual phase");
  expect_wrong_part(people, "[" + person("a", "0", "", "true") + "]",
                    "participants[0].phase_offsets_s[0]", "number of seconds");
  expect_wrong_part(people, "[" + person("a", "0", R"({"think_s":0,"steps":[]})") + "]",
                    "participants[0].ideas[0].steps", "at least one");
  const auto with_idea = [](const std::string& text) {
    return "[" + person("a", "0", idea("chat", "1") + "," + text) + "]";
  };
  const std::string step = "participants[0].ideas[1].steps[0].";
  expect_wrong_part(people, with_idea(idea("none", "1")), step + "model", "names no model");
  expect_wrong_part(people, with_idea(idea("chat", "0")), step + "work_s", "positive");
  expect_wrong_part(people, with_idea(idea("chat", "1", R"(,"read_s":-1)")), step + "read_s",
                    "negative");
  expect_wrong_part(people, with_idea(idea("chat", "1", R"(,"withdraw_s":"x")")),
                    step + "withdraw_s", "number");
  expect_wrong_part(people, with_idea(idea("chat", "1", "", "-1")),
                    "participants[0].ideas[1].think_s", "negative");
}

TEST(ScenarioErrors, SayWhichIncidentIsWrong) {
  const auto incidents = &ScenarioFile::incidents;
  expect_wrong_part(incidents, "{}", "incidents", "must be a list");
  expect_wrong_part(incidents, R"([{"type":"rain"}])", "incidents[0].type", "load_failure");
  expect_wrong_part(incidents, R"([{"type":"load_failure","model":"none","occurrence":1}])",
                    "incidents[0].model", "names no model");
  expect_wrong_part(incidents, R"([{"type":"load_failure","model":"chat","occurrence":0}])",
                    "incidents[0].occurrence", "from 1");
  expect_wrong_part(incidents,
                    R"([{"type":"load_failure","model":"chat","occurrence":1,"at_fraction":1.5}])",
                    "incidents[0].at_fraction", "from 0 to 1");
  expect_wrong_part(
      incidents, R"([{"type":"step_crash","participant":"x","idea":0,"step":0,"at_fraction":0.5}])",
      "incidents[0].participant", "names no participant");
  expect_wrong_part(incidents, R"([{"type":"foreign_vram","t0":0,"t1":5,"mib":-1}])",
                    "incidents[0].mib", "from 0");
  expect_wrong_part(incidents, R"([{"type":"external_eviction","model":"chat"}])", "incidents[0].t",
                    "missing");
}

TEST(ScenarioErrors, RefusesAFileThatIsTooLarge) {
  const auto scenario = parse_scenario(std::string(kScenarioBytesMax + 1, ' '));
  ASSERT_FALSE(scenario);
  EXPECT_EQ(scenario.error().code, ErrorCode::too_large);
  ScenarioFile file;
  std::string backends;
  for (std::size_t i = 0; i <= kBackendsMax; ++i) {
    backends += std::string(i == 0 ? "" : ",") + R"({"id":")" + std::to_string(i) +
                R"(","kind":"text","slots":1})";
  }
  file.backends = "[" + backends + "]";
  const auto many = parse_scenario(file.text());
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().code, ErrorCode::too_large);
  EXPECT_EQ(many.error().param, "backends");
}

TEST(ScenarioErrors, NoDamageOfAGoodFileIsMoreThanAnError) {
  const std::string good(kFull);
  std::size_t refused = 0;
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string shorter = good.substr(0, at) + good.substr(at + 1);
    if (const auto scenario = parse_scenario(shorter); !scenario) {
      EXPECT_FALSE(scenario.error().detail.empty());
      ++refused;
    }
    EXPECT_FALSE(parse_scenario(good.substr(0, at))) << "cut at " << at;
  }
  EXPECT_GT(refused, good.size() / 4);
}

}  // namespace
}  // namespace stoker::simulation
