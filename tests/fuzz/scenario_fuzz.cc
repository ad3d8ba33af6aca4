// Scenario files: every text is a small complaint with a place, or a workshop that plays to its end.
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "simulation/metrics.h"
#include "simulation/policies.h"
#include "simulation/run_log.h"
#include "simulation/scenario.h"
#include "simulation/world.h"

namespace {

// What is larger is only read.
constexpr std::size_t kStepsPlayedMax = 200;

void play(const stoker::simulation::Scenario& scenario, std::string_view policy_name) {
  using namespace stoker::simulation;
  const auto policy = make_policy(policy_name);
  RunLog log(scenario.name, scenario.setting, policy->name(), "fuzz");
  const RunRecord record = World(scenario, *policy, &log).run();
  for (const StepFacts& step : record.steps) {
    STOKER_INVARIANT(step.outcome != StepOutcome::open && step.released <= step.ended,
                     "a step ends after its release");
  }
  const Metrics metrics = metrics_of(scenario, record);
  STOKER_INVARIANT(metrics.results + metrics.failures + metrics.withdrawn == record.ideas.size(),
                   "an idea ends in one way");
  STOKER_INVARIANT(!metrics_json(metrics).empty(), "metrics are an object");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace stoker::simulation;
  const auto scenario = parse_scenario({reinterpret_cast<const char*>(data), size});
  if (!scenario) {
    STOKER_INVARIANT(!scenario.error().detail.empty() && scenario.error().detail.size() < 300,
                     "a complaint is one sentence");
    return 0;
  }
  STOKER_INVARIANT(scenario->persons.size() == scenario->setting.participants.size() &&
                       scenario->load_failures.size() == scenario->setting.models.size(),
                   "parallel lists are as long as each other");
  if (scenario->steps.size() > kStepsPlayedMax) return 0;
  for (const std::string_view name : {"stoker", "memo", "llama_swap_matrix", "static_pin_refuse"})
    play(*scenario, name);
  return 0;
}
