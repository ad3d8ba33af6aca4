// The log of a run: `stoker-log/1`, one JSON object a line (docs/reference/simulation-format.md).
//
// Purpose: everything that happened, so that somebody else can check and measure the run.
// Threading: one owner. Ownership: names are copied; the text is its own.
// Limits: grows with the run, about 100 bytes an event. Times carry six decimals.
// Errors: none; whoever writes the text to a disk has them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "simulation/job.h"
#include "simulation/setting.h"

namespace stoker::simulation {

class RunLog {
 public:
  // Begins with the header; `version` is the program's.
  RunLog(std::string_view scenario, const Setting& setting, std::string_view policy,
         std::string_view version);

  // Events about a step.
  void step_released(Instant at, const Job& job);
  void step_started(Instant at, const Job& job);
  void step_finished(Instant at, const Job& job);
  void step_cancelled(Instant at, const Job& job, CancelCause cause);
  void gave_up(Instant at, const Job& job);
  void refused(Instant at, const Job& job);
  void eta(Instant at, const Job& job, Duration low, Duration mid, Duration high);
  void result(Instant at, const Job& job);
  // Events about a model.
  void load_started(Instant at, ModelIndex model);
  void load_finished(Instant at, ModelIndex model);
  void load_failed(Instant at, ModelIndex model, std::string_view cause);
  void evicted(Instant at, ModelIndex model, std::string_view cause);
  // `members`: JSON members without braces, may be empty.
  void note(Instant at, std::string_view event, std::string_view members);

  const std::string& text() const { return text_; }
  std::string take() { return std::move(text_); }

 private:
  void begin(Instant at, std::string_view event);
  void step_event(Instant at, std::string_view event, const Job& job);
  void model_event(Instant at, std::string_view event, ModelIndex model);
  void end() { text_ += "}\n"; }

  std::vector<std::string> participants_;  // as JSON texts
  std::vector<std::string> models_;
  std::string text_;
};

}  // namespace stoker::simulation
