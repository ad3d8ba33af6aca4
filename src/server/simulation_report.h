// What `stoker simulate` prints about a run, for people and for programs.
//
// Threading: values. Errors: none.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "simulation/metrics.h"

namespace stoker::server {

struct PlayedRun {
  std::string file;
  std::string scenario;
  std::string_view policy;
  std::vector<std::pair<std::string, double>> optimum;
  std::vector<std::pair<std::string_view, std::uint64_t>> decisions;
  std::uint64_t events = 0;
  simulation::Metrics metrics;
};

// A table of one run.
std::string run_report(const PlayedRun& run);

// One line for each of several runs, below this head.
std::string run_line_head(std::string_view policy);
std::string run_line(const PlayedRun& run);

// One JSON object in one line.
std::string run_json(const PlayedRun& run);

}  // namespace stoker::server
