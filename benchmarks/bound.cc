// How much of what is possible each policy reaches: the bounds of scenarios (docs/reference/bounds.md) beside what every
// policy makes of them. Fails if a policy beats a bound, which would be an error of the bound or of the world.
//
// usage: bound OUTPUT.json [FOLDER]     FOLDER holds scenarios (*.json); without it the workshops of tests/scenarios
#include <sys/utsname.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "simulation/bounds.h"
#include "simulation/metrics.h"
#include "simulation/policies.h"
#include "simulation/scenario.h"
#include "simulation/world.h"

namespace stoker::benchmarks {
namespace {

namespace json = boost::json;
using simulation::Bounds;
using simulation::Metrics;
using simulation::Scenario;

// In seconds: event times are rounded to microseconds, metrics to milliseconds.
constexpr double kTolerance = 0.002;

struct Run {
  std::string_view policy;
  Metrics metrics;
  std::vector<std::string> beaten;  // bounds, by name
};

struct Case {
  std::string file;
  std::string name;
  std::string kind;
  Bounds bounds;
  std::vector<Run> runs;
};

// ── measuring ────────────────────────────────────────────────────────────────────────────────────

bool is_complete(const Metrics& metrics) {
  return metrics.failures == 0 && metrics.withdrawn == 0;
}

std::vector<std::string> beaten_bounds(const Bounds& bounds, const Metrics& metrics) {
  std::vector<std::string> beaten;
  const auto at_most = [&](const char* name, std::uint64_t bound, std::uint64_t value) {
    if (value > bound) beaten.emplace_back(name);
  };
  const auto at_least = [&](const char* name, double bound, const simulation::Measure& value) {
    if (value && *value < bound - kTolerance) beaten.emplace_back(name);
  };
  at_most("results_by_horizon", bounds.results_by_horizon.at_most, metrics.results_by_horizon);
  at_most("results", bounds.results.at_most, metrics.results);
  at_least("first_result_s", bounds.first_result.warm_s.value_or(INFINITY), metrics.first_result_s);
  if (metrics.failures == 0) {
    at_least("loads", static_cast<double>(bounds.loads.windows.loads),
             static_cast<double>(metrics.loads));
    at_least("load_s", bounds.loads.windows.load_s, metrics.load_s);
  }
  if (bounds.open && is_complete(metrics)) {
    at_least("makespan_s", bounds.open->makespan_s, metrics.makespan_s);
    at_least("flow_sum_s", bounds.open->flow_sum_s, metrics.flow_sum_s);
    at_least("flow_max_s", bounds.open->flow_max_s, metrics.flow_max_s);
  }
  return beaten;
}

Case measure(const std::string& file, const Scenario& scenario) {
  Case measured{.file = file,
                .name = scenario.name,
                .kind = scenario.label,
                .bounds = bounds_of(scenario),
                .runs = {}};
  for (const std::string_view name : simulation::policy_names()) {
    const auto policy = simulation::make_policy(name, {.quotes = simulation::Quotes::off});
    const auto record = simulation::World(scenario, *policy).run();
    Metrics metrics = metrics_of(scenario, record);
    std::vector<std::string> beaten = beaten_bounds(measured.bounds, metrics);
    measured.runs.push_back({name, std::move(metrics), std::move(beaten)});
  }
  return measured;
}

// ── as JSON ──────────────────────────────────────────────────────────────────────────────────────

json::value to_json(const std::optional<double>& number) {
  if (!number) return nullptr;
  if (std::isinf(*number)) return "inf";
  return *number;
}

json::object to_json(const simulation::ResultsBound& bound) {
  return {{"people", bound.people}, {"at_most", bound.at_most}};
}

json::object to_json(const simulation::LoadBound& bound) {
  return {{"loads", bound.loads}, {"mib", bound.memory.count}, {"load_s", bound.load_s}};
}

json::object to_json(const Bounds& bounds) {
  json::object out = {{"results_by_horizon", to_json(bounds.results_by_horizon)},
                      {"results", to_json(bounds.results)},
                      {"first_result_warm_s", to_json(bounds.first_result.warm_s)},
                      {"first_result_cold_s", to_json(bounds.first_result.cold_s)},
                      {"first_loads", to_json(bounds.loads.first)},
                      {"window_loads", to_json(bounds.loads.windows)},
                      {"open_trace", nullptr}};
  if (bounds.open) {
    out["open_trace"] = json::object{{"makespan_s", bounds.open->makespan_s},
                                     {"flow_sum_s", bounds.open->flow_sum_s},
                                     {"flow_max_s", bounds.open->flow_max_s}};
  }
  return out;
}

json::object to_json(const Run& run) {
  return {{"policy", run.policy},
          {"metrics", json::parse(metrics_json(run.metrics))},
          {"beaten", json::value_from(run.beaten)}};
}

json::object to_json(const Case& measured) {
  json::array runs;
  for (const Run& run : measured.runs) runs.push_back(to_json(run));
  return {{"file", measured.file},
          {"scenario", measured.name},
          {"kind", measured.kind},
          {"bounds", to_json(measured.bounds)},
          {"policies", std::move(runs)}};
}

// ── as a table ───────────────────────────────────────────────────────────────────────────────────

using Cases = std::vector<const Case*>;

// The lower one of the two in the middle; missing without numbers.
std::optional<double> median(std::vector<double> numbers) {
  if (numbers.empty()) return std::nullopt;
  const auto middle = numbers.begin() + static_cast<std::ptrdiff_t>((numbers.size() - 1) / 2);
  std::ranges::nth_element(numbers, middle);
  return *middle;
}

// Of those cases in which there is a number.
std::optional<double> median_of(const Cases& cases,
                                const std::function<std::optional<double>(const Case&)>& number) {
  std::vector<double> numbers;
  for (const Case* measured : cases)
    if (const auto value = number(*measured)) numbers.push_back(*value);
  return median(std::move(numbers));
}

std::optional<double> ratio(const simulation::Measure& value, std::optional<double> bound) {
  if (!value || !bound || *bound <= 0) return std::nullopt;
  return *value / *bound;
}

// What is shown and kept of one policy in one kind of workshop, as medians.
struct Row {
  std::string_view policy;
  std::optional<double> results, results_share, failures, first_s, first_ratio, loads, loads_ratio,
      load_s, load_s_ratio;
};

Row row_of(const Cases& cases, std::size_t policy) {
  const auto of_metrics = [&](auto number) {
    return median_of(cases, [&](const Case& measured) -> std::optional<double> {
      return number(measured.runs[policy].metrics, measured.bounds);
    });
  };
  using M = const Metrics&;
  using B = const Bounds&;
  using Number = std::optional<double>;
  const auto number = [](std::uint64_t count) { return Number(static_cast<double>(count)); };
  Row row{.policy = cases.front()->runs[policy].policy};
  row.results = of_metrics([&](M m, B) { return number(m.results_by_horizon); });
  row.results_share = of_metrics([&](M m, B b) {
    return ratio(number(m.results_by_horizon), number(b.results_by_horizon.at_most));
  });
  row.failures = of_metrics([&](M m, B) { return number(m.failures); });
  row.first_s = of_metrics([](M m, B) -> Number { return m.first_result_s; });
  row.first_ratio =
      of_metrics([](M m, B b) { return ratio(m.first_result_s, b.first_result.warm_s); });
  row.loads = of_metrics([&](M m, B) { return number(m.loads); });
  row.load_s = of_metrics([](M m, B) -> Number { return m.load_s; });
  // The bounds on loads speak of runs without failures.
  row.loads_ratio = of_metrics([&](M m, B b) {
    return m.failures > 0 ? Number() : ratio(number(m.loads), number(b.loads.windows.loads));
  });
  row.load_s_ratio = of_metrics(
      [](M m, B b) { return m.failures > 0 ? Number() : ratio(m.load_s, b.loads.windows.load_s); });
  return row;
}

json::object to_json(const Row& row) {
  return {{"policy", row.policy},
          {"results_by_horizon", to_json(row.results)},
          {"results_share_of_bound", to_json(row.results_share)},
          {"failures", to_json(row.failures)},
          {"first_result_s", to_json(row.first_s)},
          {"first_result_by_bound", to_json(row.first_ratio)},
          {"loads", to_json(row.loads)},
          {"loads_by_bound", to_json(row.loads_ratio)},
          {"load_s", to_json(row.load_s)},
          {"load_s_by_bound", to_json(row.load_s_ratio)}};
}

std::string shown(const std::optional<double>& number, int digits, const char* unit = "") {
  if (!number) return "-";
  char text[64];
  std::snprintf(text, sizeof text, "%.*f%s", digits, *number, unit);
  return text;
}

void print_bounds(const std::string& kind, const Cases& cases) {
  const auto show = [&](int digits, auto number) {
    return shown(
        median_of(cases, [&](const Case& c) -> std::optional<double> { return number(c.bounds); }),
        digits);
  };
  using B = const Bounds&;
  const auto count = [](std::uint64_t n) { return static_cast<double>(n); };
  std::printf(
      "\n%s (%zu): results by the horizon <= %s (everybody alone %s), in all <= %s; first result "
      ">= %s s "
      "warm, %s s cold;\n  without failures loads >= %s (%s once), load seconds >= %s (%s once)\n",
      kind.c_str(), cases.size(),
      show(0, [&](B b) { return count(b.results_by_horizon.at_most); }).c_str(),
      show(0, [&](B b) { return count(b.results_by_horizon.people); }).c_str(),
      show(0, [&](B b) { return count(b.results.at_most); }).c_str(),
      show(1, [](B b) { return b.first_result.warm_s; }).c_str(),
      show(1, [](B b) { return b.first_result.cold_s; }).c_str(),
      show(0, [&](B b) { return count(b.loads.windows.loads); }).c_str(),
      show(0, [&](B b) { return count(b.loads.first.loads); }).c_str(),
      show(0, [](B b) { return b.loads.windows.load_s; }).c_str(),
      show(0, [](B b) { return b.loads.first.load_s; }).c_str());
}

void print(const Row& row) {
  std::printf(
      "  %-20s %8s %8s %9s %10s %8s %7s %8s %8s %8s\n", std::string(row.policy).c_str(),
      shown(row.results, 0).c_str(),
      shown(row.results_share ? std::optional(*row.results_share * 100) : std::nullopt, 1, " %")
          .c_str(),
      shown(row.failures, 0).c_str(), shown(row.first_s, 1).c_str(),
      shown(row.first_ratio, 2).c_str(), shown(row.loads, 0).c_str(),
      shown(row.loads_ratio, 2).c_str(), shown(row.load_s, 0).c_str(),
      shown(row.load_s_ratio, 2).c_str());
}

json::array print_kinds(const std::vector<Case>& all) {
  std::map<std::string, Cases> kinds;
  for (const Case& measured : all) kinds[measured.kind].push_back(&measured);
  json::array out;
  std::printf(
      "medians over the scenarios of each kind; ratios to the bound are medians of ratios\n");
  for (const auto& [kind, cases] : kinds) {
    print_bounds(kind, cases);
    std::printf("  %-20s %8s %8s %9s %10s %8s %7s %8s %8s %8s\n", "policy", "results", "of bound",
                "failures", "first (s)", "x bound", "loads", "x bound", "load (s)", "x bound");
    json::array rows;
    for (std::size_t policy = 0; policy < cases.front()->runs.size(); ++policy) {
      const Row row = row_of(cases, policy);
      print(row);
      rows.push_back(to_json(row));
    }
    out.push_back(
        json::object{{"kind", kind}, {"scenarios", cases.size()}, {"policies", std::move(rows)}});
  }
  return out;
}

// ── the program ──────────────────────────────────────────────────────────────────────────────────

std::vector<std::filesystem::path> files_of(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error))
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

int complain(const std::string& line) {
  std::fprintf(stderr, "bound: %s\n", line.c_str());
  return 2;
}

int print_beaten(const std::vector<Case>& cases) {
  int beaten = 0;
  for (const Case& measured : cases) {
    for (const Run& run : measured.runs) {
      for (const std::string& bound : run.beaten) {
        std::printf("BOUND BEATEN: %s, %s, %s\n", measured.file.c_str(),
                    std::string(run.policy).c_str(), bound.c_str());
        ++beaten;
      }
    }
  }
  if (beaten == 0) std::printf("\nno run beats a bound\n");
  return beaten == 0 ? 0 : 1;
}

int run(const std::filesystem::path& output, const std::filesystem::path& folder) {
  std::vector<Case> cases;
  for (const auto& path : files_of(folder)) {
    std::ifstream file(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    const auto scenario = simulation::parse_scenario(text);
    if (!scenario)
      return complain(path.string() + ": " + simulation::scenario_error_text(scenario.error()));
    cases.push_back(measure(path.filename().string(), *scenario));
  }
  if (cases.empty()) return complain(folder.string() + " holds no scenario (*.json)");

  utsname system{};
  uname(&system);
  json::array scenarios;
  for (const Case& measured : cases) scenarios.push_back(to_json(measured));
  json::array kinds = print_kinds(cases);
  const int code = print_beaten(cases);
  std::ofstream file(output, std::ios::binary);
  file << json::serialize(json::object{{"benchmark", "bound"},
                                       {"kernel", system.release},
                                       {"kinds", std::move(kinds)},
                                       {"scenarios", std::move(scenarios)}})
       << '\n';
  file.close();
  if (!file) return complain("cannot write " + output.string());
  std::printf("written to %s\n", output.c_str());
  return code;
}

}  // namespace
}  // namespace stoker::benchmarks

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    std::fprintf(stderr, "usage: bound OUTPUT.json [FOLDER]\n");
    return 2;
  }
  const std::string folder = argc == 3 ? argv[2] : STOKER_SOURCE_DIR "/tests/scenarios/workshops";
  return stoker::benchmarks::run(argv[1], folder);
}
