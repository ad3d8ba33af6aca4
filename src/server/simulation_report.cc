#include "server/simulation_report.h"

#include <fmt/format.h>

#include <cmath>

#include "server/build_facts.h"
#include "simulation/json_text.h"

namespace stoker::server {
namespace {

using simulation::Measure;
using simulation::Metrics;

constexpr std::string_view kWarning = "simulated on a virtual clock, not measured on a machine";

std::string number(const Measure& measure, int digits = 1) {
  if (!measure) return "-";
  if (std::isinf(*measure)) return "never";
  return fmt::format("{:.{}f}", *measure, digits);
}

// With its unit where there is a number.
std::string time_words(const Measure& measure) {
  const std::string text = number(measure);
  return measure && !std::isinf(*measure) ? text + " s" : text;
}

std::string share(const Measure& measure) {
  return measure ? fmt::format("{:.1f} %", *measure * 100) : "-";
}

void add_row(std::string& out, std::string_view what, const std::string& value) {
  out += fmt::format("  {:<20} {}\n", what, value);
}

std::string quoted(std::string_view text) {
  std::string out;
  simulation::append_quoted(out, text);
  return out;
}

std::string counts_json(const std::vector<std::pair<std::string_view, std::uint64_t>>& counts) {
  std::string out;
  for (const auto& [name, count] : counts)
    out += fmt::format("{}{}:{}", out.empty() ? "" : ",", quoted(name), count);
  return "{" + out + "}";
}

std::string values_json(const std::vector<std::pair<std::string, double>>& values) {
  std::string out;
  for (const auto& [name, value] : values) {
    out += fmt::format("{}{}:{}", out.empty() ? "" : ",", quoted(name),
                       simulation::measure_json(value));
  }
  return "{" + out + "}";
}

void add_people(std::string& out, const Metrics& m) {
  add_row(out, "results",
          fmt::format("{} ({} by the end of the day)", m.results, m.results_by_horizon));
  add_row(out, "failures",
          fmt::format("{} ({} of them refused), beside {} withdrawn", m.failures, m.refused,
                      m.withdrawn));
  add_row(out, "first result", time_words(m.first_result_s));
  add_row(out, "idea to result",
          fmt::format("median {}, 95 % {}, longest {}", time_words(m.p50_s), time_words(m.p95_s),
                      time_words(m.max_s)));
  add_row(out, "with failures",
          fmt::format("median {}, 95 % {}", time_words(m.p50_with_failures_s),
                      time_words(m.p95_with_failures_s)));
  add_row(out, "longest wait",
          m.worst_wait_participant.empty()
              ? "-"
              : fmt::format("{} ({})", time_words(m.worst_wait_s), m.worst_wait_participant));
  add_row(out, "fairness",
          fmt::format("Jain {}, worst slowdown {}", number(m.jain_slowdown, 3),
                      number(m.worst_slowdown, 2)));
}

void add_machine(std::string& out, const Metrics& m) {
  add_row(out, "loads",
          fmt::format("{} ({} again, {} failed, {} aborted), {}", m.loads, m.reloads,
                      m.loads_failed, m.loads_aborted, time_words(m.load_s)));
  add_row(out, "evictions",
          fmt::format("{} ({} of pinned models)", m.switches, m.pinned_evictions));
  add_row(out, "busy", share(m.busy_fraction));
  if (!m.eta) return;
  add_row(out, "promised times",
          fmt::format("{} inside, {} beyond the bound", share(m.eta->all.coverage),
                      share(m.eta->bound_broken_share)));
}

}  // namespace

std::string run_report(const PlayedRun& run) {
  std::string out = fmt::format("{} played by {}: {}\n", run.scenario, run.policy, kWarning);
  add_people(out, run.metrics);
  add_machine(out, run.metrics);
  for (const auto& [name, value] : run.optimum)
    add_row(out, "best possible", fmt::format("{} {}", name, number(value)));
  for (const auto& [name, count] : run.decisions)
    add_row(out, "decisions", fmt::format("{} {}", count, name));
  return out;
}

std::string run_line_head(std::string_view policy) {
  return fmt::format("Played by {}: {}\n{:<32} {:>7} {:>8} {:>8} {:>8} {:>8} {:>6} {:>8} {:>7}\n",
                     policy, kWarning, "scenario", "results", "failures", "first_s", "p50_s",
                     "p95_s", "loads", "load_s", "busy");
}

std::string run_line(const PlayedRun& run) {
  const Metrics& m = run.metrics;
  return fmt::format("{:<32} {:>7} {:>8} {:>8} {:>8} {:>8} {:>6} {:>8} {:>7}\n", run.scenario,
                     m.results, m.failures, number(m.first_result_s), number(m.p50_with_failures_s),
                     number(m.p95_with_failures_s), m.loads, number(m.load_s),
                     share(m.busy_fraction));
}

std::string run_json(const PlayedRun& run) {
  std::string out = fmt::format(
      R"({{"scenario":{},"policy":{},"version":{},"simulated":true,"file":{},"events":{},"metrics":{})",
      quoted(run.scenario), quoted(run.policy), quoted(kVersion), quoted(run.file), run.events,
      simulation::metrics_json(run.metrics));
  if (!run.decisions.empty()) out += ",\"decisions\":" + counts_json(run.decisions);
  if (!run.optimum.empty()) out += ",\"optimum\":" + values_json(run.optimum);
  return out + "}\n";
}

}  // namespace stoker::server
