// The numbers of a run, as docs/reference/simulation-format.md defines them.
//
// Threading: values. Errors: none.
// Numbers are rounded to the digits that are shown. A missing value means that nothing was there to measure; infinity
// means that it never happened, and is the text "inf" in JSON.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "simulation/run_record.h"
#include "simulation/scenario.h"

namespace stoker::simulation {

using Measure = std::optional<double>;

// Promises against what came, for one kind of step.
struct QuoteQuality {
  std::uint64_t steps = 0;
  Measure coverage;  // share inside [low, high]
  Measure median_width_s;
  Measure mdape;   // median absolute percentage error
  Measure bias_s;  // mean of estimate minus actual
};

struct QuoteMetrics {
  QuoteQuality all;
  std::array<QuoteQuality, 2> of_kind;  // by kind_index
  Measure bound_broken_share;
  Measure upward_revisions_per_step;
};

struct Metrics {
  std::uint64_t results = 0;
  std::uint64_t results_by_horizon = 0;
  std::uint64_t failures = 0;  // given up out of patience, or refused
  std::uint64_t refused = 0;
  std::uint64_t withdrawn = 0;
  Measure first_result_s;
  Measure p50_s;
  Measure p95_s;
  Measure max_s;
  Measure p50_with_failures_s;
  Measure p95_with_failures_s;
  Measure p95_single_lane_s;
  std::uint64_t failures_single_lane = 0;
  std::uint64_t loads = 0;
  std::vector<std::pair<std::string, std::uint64_t>> loads_per_model;  // by name, only loaded ones
  std::uint64_t reloads = 0;
  Measure load_s;
  std::uint64_t loads_aborted = 0;
  std::uint64_t loads_failed = 0;
  std::uint64_t switches = 0;
  std::uint64_t pinned_evictions = 0;
  Measure busy_fraction;
  Measure foreign_overrun_s;
  Measure jain_slowdown;
  Measure worst_slowdown;
  Measure worst_wait_s;
  std::string worst_wait_participant;
  Measure makespan_s;
  Measure flow_sum_s;
  Measure flow_max_s;
  std::uint64_t participants_out_of_ideas = 0;
  std::optional<QuoteMetrics> eta;
};

Metrics metrics_of(const Scenario& scenario, const RunRecord& record);

// One JSON object.
std::string metrics_json(const Metrics& metrics);

// As in the JSON text: "12.5", "\"inf\"" or "null".
std::string measure_json(const Measure& measure);

}  // namespace stoker::simulation
