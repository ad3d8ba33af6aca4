// Small workshops for tests: written as files, played, and read back as short lines.
//
// Threading: none. Test code only.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "simulation/policy.h"
#include "simulation/run_log.h"
#include "simulation/scenario.h"
#include "simulation/world.h"

namespace stoker::simulation {

// A scenario file in parts; every part is JSON text that a test may replace.
struct ScenarioFile {
  std::string name = "small";
  std::string horizon = "1000";
  std::string device = R"({"vram_mib":100,"reserve_mib":0})";
  std::string backends =
      R"([{"id":"llm","kind":"text","slots":3},{"id":"media","kind":"generation","slots":2}])";
  std::string models = R"([
      {"id":"chat","backend":"llm","kind":"text","vram_mib":40,"load_s":10,"hint_s":5},
      {"id":"draw","backend":"media","kind":"generation","vram_mib":30,"load_s":4,"hint_s":8},
      {"id":"film","backend":"media","kind":"generation","vram_mib":70,"load_s":6,"hint_s":9}])";
  std::string phases = R"([{"start_s":0,"end_s":1000}])";
  std::string focus = "[]";
  std::string pinned = "[]";
  std::string patience = R"({"text":100,"generation":100})";
  std::string participants = "[]";
  std::string resident = "[]";
  std::string incidents = "[]";
  std::string more;  // further members, each with a comma before it

  std::string text() const {
    return R"({"format":"stoker-scenario/1","name":")" + name + R"(","horizon_s":)" + horizon +
           R"(,"device":)" + device + R"(,"backends":)" + backends + R"(,"models":)" + models +
           R"(,"plan":{"phases":)" + phases + R"(,"focus":)" + focus + R"(,"pinned":)" + pinned +
           R"(},"patience_s":)" + patience + R"(,"participants":)" + participants +
           R"(,"initial_resident":)" + resident + R"(,"incidents":)" + incidents + more + "}";
  }
  Scenario parsed() const {
    auto scenario = parse_scenario(text());
    EXPECT_TRUE(scenario) << scenario_error_text(scenario.error());
    return scenario ? *scenario : Scenario{};
  }
};

// A participant as JSON. `ideas` is a list of JSON objects without brackets.
inline std::string person(const std::string& id, const std::string& first_offset,
                          const std::string& ideas, const std::string& phase_offsets = "0") {
  return R"({"id":")" + id + R"(","first_offset_s":)" + first_offset + R"(,"phase_offsets_s":[)" +
         phase_offsets + R"(],"ideas":[)" + ideas + "]}";
}

// An idea of one step; `more` are members of the step, each with a comma before it.
inline std::string idea(const std::string& model, const std::string& work,
                        const std::string& more = "", const std::string& think = "0") {
  return R"({"think_s":)" + think + R"(,"steps":[{"model":")" + model + R"(","work_s":)" + work +
         more + "}]}";
}

// Starts whatever can start, loads what the first waiting step lacks, and never evicts. A test adds its own words.
class PlainPolicy : public Policy {
 public:
  std::function<void(World&)> before_choices;
  std::vector<std::string> told;  // hooks, in order
  std::uint64_t decisions = 0;

  std::string_view name() const override { return "plain"; }
  void begin(World&) override { told.emplace_back("begin"); }
  void released(World&, const Job& job) override { tell("released", job); }
  void finished(World&, const Job& job) override { tell("finished", job); }
  void result(World&, const Job& job) override { tell("result", job); }
  void abandoned(World&, const Job& job) override { tell("abandoned", job); }
  void requeued(World&, const Job& job, CancelCause) override { tell("requeued", job); }
  void loaded(World&, ModelIndex model) override { tell("loaded", model); }
  void load_failed(World&, ModelIndex model) override { tell("load_failed", model); }
  void evicted_externally(World&, ModelIndex model) override { tell("evicted", model); }
  void foreign_changed(World& world) override {
    told.push_back("foreign " + std::to_string(world.foreign().count));
  }
  void decide(World& world) override {
    ++decisions;
    if (before_choices) before_choices(world);
    const std::vector<JobIndex> waiting(world.waiting().begin(), world.waiting().end());
    for (const JobIndex job : waiting) {
      if (world.can_start(job)) world.start(job);
    }
    for (const JobIndex job : world.waiting()) {
      if (world.can_load(world.job(job).model)) world.load(world.job(job).model);
    }
  }

 private:
  void tell(const std::string& what, const Job& job) {
    told.push_back(what + " " + std::to_string(job.index));
  }
  void tell(const std::string& what, ModelIndex model) {
    told.push_back(what + " model " + std::to_string(model));
  }
};

struct Played {
  std::vector<std::string> events;  // "12.5 step_started a.0.1", "0 load_started chat"
  std::string log;
  RunRecord record;

  // Events whose name is one of `names`.
  std::vector<std::string> only(const std::vector<std::string>& names) const {
    std::vector<std::string> found;
    std::ranges::copy_if(events, std::back_inserter(found), [&](const std::string& event) {
      return std::ranges::any_of(names, [&](const std::string& name) {
        return event.find(' ' + name + ' ') != std::string::npos;
      });
    });
    return found;
  }
};

// One line of a log in short; notes and the header give "".
inline std::string short_event(const std::string& line) {
  const boost::json::object object = boost::json::parse(line).as_object();
  if (!object.contains("event") || object.at("event").as_string().starts_with("x_")) return {};
  std::string at = line.substr(5, line.find(',') - 5);  // after {"t":
  at.erase(at.find_last_not_of('0') + 1);
  if (at.ends_with('.')) at.pop_back();
  std::string out = at + ' ' + std::string(object.at("event").as_string());
  if (const auto* model = object.if_contains("model"); model && !object.contains("participant")) {
    return out + ' ' + std::string(model->as_string()) +
           (object.contains("cause") ? ' ' + std::string(object.at("cause").as_string()) : "");
  }
  out += ' ' + std::string(object.at("participant").as_string());
  for (const char* key : {"idea", "step"}) {
    if (object.contains(key)) out += '.' + std::to_string(object.at(key).as_int64());
  }
  for (const char* key : {"model", "cause"}) {
    if (object.contains(key)) out += ' ' + std::string(object.at(key).as_string());
  }
  return out;
}

inline Played play(const Scenario& scenario, Policy& policy) {
  RunLog log(scenario.name, scenario.setting, policy.name(), "test");
  Played played;
  played.record = World(scenario, policy, &log).run();
  played.log = log.text();
  std::size_t begin = 0;
  for (std::size_t end = 0; (end = played.log.find('\n', begin)) != std::string::npos;
       begin = end + 1) {
    std::string event = short_event(played.log.substr(begin, end - begin));
    if (!event.empty()) played.events.push_back(std::move(event));
  }
  return played;
}

inline std::string file_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace stoker::simulation
