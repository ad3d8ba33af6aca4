// The metrics as one JSON object.
#include <charconv>
#include <cmath>
#include <string_view>

#include "simulation/json_text.h"
#include "simulation/metrics.h"

namespace stoker::simulation {
namespace {

// Members of one object, in order.
class Object {
 public:
  void add(std::string_view key, std::string_view json) {
    text_ += text_.size() == 1 ? "\"" : ",\"";
    text_ += key;
    text_ += "\":";
    text_ += json;
  }
  void add(std::string_view key, std::uint64_t number) {
    std::string text;
    append_number(text, number);
    add(key, std::string_view(text));
  }
  void add(std::string_view key, const Measure& measure) {
    add(key, std::string_view(measure_json(measure)));
  }
  std::string end() {
    text_ += '}';
    return std::move(text_);
  }

 private:
  std::string text_ = "{";
};

std::string quality_json(const QuoteQuality& quality) {
  Object object;
  object.add("steps", quality.steps);
  object.add("coverage", quality.coverage);
  object.add("median_width_s", quality.median_width_s);
  object.add("mdape", quality.mdape);
  object.add("bias_s", quality.bias_s);
  return object.end();
}

std::string eta_json(const std::optional<QuoteMetrics>& eta) {
  if (!eta) return "null";
  Object object;
  const auto add = [&](std::string_view key, const QuoteQuality& quality) {
    if (quality.steps > 0) object.add(key, std::string_view(quality_json(quality)));
  };
  add("all", eta->all);
  add("generation", eta->of_kind[kind_index(StepKind::generation)]);
  add("text", eta->of_kind[kind_index(StepKind::text)]);
  object.add("bound_broken_share", eta->bound_broken_share);
  object.add("upward_revisions_per_step", eta->upward_revisions_per_step);
  return object.end();
}

std::string loads_json(const Metrics& metrics) {
  std::string text = "{";
  for (const auto& [model, loads] : metrics.loads_per_model) {
    if (text.size() > 1) text += ',';
    append_quoted(text, model);
    text += ':';
    append_number(text, loads);
  }
  return text + '}';
}

std::string name_json(const std::string& name) {
  if (name.empty()) return "null";
  std::string text;
  append_quoted(text, name);
  return text;
}

}  // namespace

std::string measure_json(const Measure& measure) {
  if (!measure) return "null";
  if (std::isinf(*measure)) return "\"inf\"";
  std::array<char, 400> text;
  // The shortest text that reads back as the same number; never with an exponent.
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), *measure, std::chars_format::fixed).ptr;
  std::string out(text.data(), end);
  if (out.find('.') == std::string::npos) out += ".0";
  return out;
}

std::string metrics_json(const Metrics& metrics) {
  Object object;
  object.add("results", metrics.results);
  object.add("results_by_horizon", metrics.results_by_horizon);
  object.add("failures", metrics.failures);
  object.add("refused", metrics.refused);
  object.add("withdrawn", metrics.withdrawn);
  object.add("first_result_s", metrics.first_result_s);
  object.add("p50_s", metrics.p50_s);
  object.add("p95_s", metrics.p95_s);
  object.add("max_s", metrics.max_s);
  object.add("p50_with_failures_s", metrics.p50_with_failures_s);
  object.add("p95_with_failures_s", metrics.p95_with_failures_s);
  object.add("p95_single_lane_s", metrics.p95_single_lane_s);
  object.add("failures_single_lane", metrics.failures_single_lane);
  object.add("loads", metrics.loads);
  object.add("loads_per_model", std::string_view(loads_json(metrics)));
  object.add("reloads", metrics.reloads);
  object.add("load_s", metrics.load_s);
  object.add("loads_aborted", metrics.loads_aborted);
  object.add("loads_failed", metrics.loads_failed);
  object.add("switches", metrics.switches);
  object.add("pinned_evictions", metrics.pinned_evictions);
  object.add("busy_fraction", metrics.busy_fraction);
  object.add("foreign_overrun_s", metrics.foreign_overrun_s);
  object.add("jain_slowdown", metrics.jain_slowdown);
  object.add("worst_slowdown", metrics.worst_slowdown);
  object.add("worst_wait_s", metrics.worst_wait_s);
  object.add("worst_wait_participant", std::string_view(name_json(metrics.worst_wait_participant)));
  object.add("makespan_s", metrics.makespan_s);
  object.add("flow_sum_s", metrics.flow_sum_s);
  object.add("flow_max_s", metrics.flow_max_s);
  object.add("participants_out_of_ideas", metrics.participants_out_of_ideas);
  object.add("eta", std::string_view(eta_json(metrics.eta)));
  return object.end();
}

}  // namespace stoker::simulation
