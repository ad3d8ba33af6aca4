#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <optional>

#include "server/build_facts.h"
#include "server/commands.h"
#include "server/simulation_report.h"
#include "server/text_files.h"
#include "simulation/policies.h"
#include "simulation/run_log.h"
#include "storage/system_error.h"

namespace stoker::server {
namespace {

using simulation::make_policy;
using simulation::Policy;
using simulation::RunLog;
using simulation::World;

constexpr std::string_view kScenarioSuffix = ".json";

// What the words of the command line come down to.
struct Runs {
  std::vector<std::string> files;
  std::vector<std::string> logs;  // for each file; empty: no logs
  bool many = false;              // a folder or several files were named
};

// Standard output may be a full disk or a pipe that nobody reads any more.
int print(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0)
    return kSuccess;
  return complain(system_error("write to standard output", errno).detail);
}

std::string policy_list() {
  std::string names;
  for (const std::string_view name : simulation::policy_names())
    names += (names.empty() ? "" : " ") + std::string(name);
  return names;
}

Result<std::vector<std::string>> files_of(const std::vector<std::string>& named) {
  std::vector<std::string> files;
  for (const std::string& path : named) {
    if (!is_folder(path)) {
      files.push_back(path);
      continue;
    }
    auto inside = files_of_folder(path, kScenarioSuffix);
    if (!inside) return fail(inside.error());
    if (inside->empty()) return fail(ErrorCode::not_found, path + " holds no scenario (*.json)");
    files.insert(files.end(), inside->begin(), inside->end());
  }
  return files;
}

std::string log_in_folder(const std::string& folder, std::string_view policy,
                          const std::string& scenario_file) {
  const std::string stem = std::filesystem::path(scenario_file).stem().string();
  return (std::filesystem::path(folder) / fmt::format("{}.{}.jsonl", policy, stem)).string();
}

Result<Runs> plan_runs(const SimulateOptions& options) {
  auto files = files_of(options.scenarios);
  if (!files) return fail(files.error());
  Runs runs{.files = std::move(*files), .logs = {}, .many = false};
  runs.many = runs.files.size() > 1 || is_folder(options.scenarios.front());
  if (options.log.empty()) return runs;
  if (!runs.many && !is_folder(options.log)) {
    runs.logs.push_back(options.log);
    return runs;
  }
  for (const std::string& file : runs.files) {
    const std::string log = log_in_folder(options.log, options.policy, file);
    if (std::ranges::find(runs.logs, log) != runs.logs.end())
      return fail(ErrorCode::conflict, "two scenarios would be logged to " + log);
    runs.logs.push_back(log);
  }
  return runs;
}

int play(const SimulateOptions& options, const std::string& file, const std::string* log_path,
         PlayedRun& run) {
  const auto text = read_text_file(file, simulation::kScenarioBytesMax);
  if (!text) return complain(text.error().detail, kWrongUse);
  const auto scenario = simulation::parse_scenario(*text);
  if (!scenario) {
    return complain(fmt::format("{}: {}", file, simulation::scenario_error_text(scenario.error())),
                    kWrongUse);
  }

  const auto policy = make_policy(options.policy, {.quotes = options.quotes});
  std::optional<RunLog> log;
  if (log_path != nullptr) log.emplace(scenario->name, scenario->setting, policy->name(), kVersion);
  const simulation::RunRecord record = World(*scenario, *policy, log ? &*log : nullptr).run();
  if (log) {
    if (const auto written = write_text_file(*log_path, log->text()); !written)
      return complain(written.error().detail);
  }
  run = {.file = file,
         .scenario = scenario->name,
         .policy = options.policy,
         .optimum = scenario->optimum,
         .decisions = policy->counts(),
         .events = record.events,
         .metrics = metrics_of(*scenario, record)};
  return kSuccess;
}

std::string report(const PlayedRun& run, const Runs& runs, OutputForm form) {
  if (form == OutputForm::json) return run_json(run);
  return runs.many ? run_line(run) : run_report(run);
}

}  // namespace

int run_simulate(const SimulateOptions& options) {
  if (make_policy(options.policy) == nullptr) {
    return complain(
        fmt::format("there is no policy \"{}\"; there are: {}", options.policy, policy_list()),
        kWrongUse);
  }
  const auto runs = plan_runs(options);
  if (!runs) return complain(runs.error().detail, kWrongUse);
  if (runs->many && !runs->logs.empty()) {
    std::error_code problem;
    std::filesystem::create_directories(options.log, problem);
    if (problem) return complain(fmt::format("cannot make {}: {}", options.log, problem.message()));
  }
  int code = kSuccess;
  if (runs->many && options.form == OutputForm::text) code = print(run_line_head(options.policy));
  for (std::size_t i = 0; i < runs->files.size() && code == kSuccess; ++i) {
    PlayedRun run;
    code = play(options, runs->files[i], runs->logs.empty() ? nullptr : &runs->logs[i], run);
    if (code == kSuccess) code = print(report(run, *runs, options.form));
  }
  return code;
}

}  // namespace stoker::server
