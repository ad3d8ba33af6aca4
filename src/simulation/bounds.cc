#include "simulation/bounds.h"

#include <algorithm>
#include <cmath>

#include "simulation/bound_parts.h"

namespace stoker::simulation {
namespace {

constexpr double kNothing = 1e-12;
// Longer than any patience: such a step never ends.
constexpr Duration kEndless = kTimeMax + microseconds(1);

std::size_t slots_of(const Setting& setting, StepKind kind) {
  std::size_t slots = 0;
  for (const BackendFacts& backend : setting.backends)
    if (backend.kind == kind) slots += backend.slots;
  return std::min(slots, setting.participants.size());
}

// The least memory that a model of this kind takes; missing without one.
std::optional<MiB> smallest(const Setting& setting, StepKind kind) {
  std::optional<MiB> least;
  for (const ModelFacts& model : setting.models)
    if (model.kind == kind && (!least || model.memory < *least)) least = model.memory;
  return least;
}

bool both_kinds_fit(const Setting& setting) {
  const auto text = smallest(setting, StepKind::text);
  const auto generation = smallest(setting, StepKind::generation);
  return text && generation && *text + *generation <= setting.device.capacity();
}

}  // namespace

Capacity::Capacity(const Scenario& scenario) {
  const Setting& setting = scenario.setting;
  const std::size_t texts_max = slots_of(setting, StepKind::text);
  const std::size_t generations_max = slots_of(setting, StepKind::generation);
  const bool side_by_side = both_kinds_fit(setting);
  // The total of one kind only grows or only falls with the number of its steps: the ends are enough.
  for (const std::size_t texts : {std::size_t{0}, std::size_t{1}, texts_max}) {
    for (const std::size_t generations : {std::size_t{0}, std::size_t{1}, generations_max}) {
      if (texts > texts_max || generations > generations_max) continue;
      if (texts > 0 && generations > 0 && !side_by_side) continue;
      const auto rates = setting.contention.rates(texts, generations);
      mixes_.push_back(
          {static_cast<double>(texts) * rates[0], static_cast<double>(generations) * rates[1]});
      if (texts > 0) fastest_[0] = std::max(fastest_[0], rates[0]);
      if (generations > 0) fastest_[1] = std::max(fastest_[1], rates[1]);
    }
  }
}

double Capacity::worth(const Prices& prices) const {
  double most = 0;
  for (const auto& mix : mixes_) most = std::max(most, prices[0] * mix[0] + prices[1] * mix[1]);
  return most;
}

std::vector<Prices> Capacity::sides() const {
  std::vector<Prices> all;
  const auto add = [&](Prices prices) {
    const double worth_of_second = worth(prices);
    if (worth_of_second > kNothing)
      all.push_back({prices[0] / worth_of_second, prices[1] / worth_of_second});
  };
  for (const auto& a : mixes_) {
    for (const auto& b : mixes_) {
      const Prices across = {b[1] - a[1], a[0] - b[0]};
      const bool falls = across[0] > 0 && across[1] > 0;
      if (falls && across[0] * a[0] + across[1] * a[1] >= worth(across) - kNothing) add(across);
    }
  }
  add({1, 0});
  add({0, 1});
  // Where others ask no less for either kind, a side says nothing more.
  std::vector<Prices> sides;
  for (const Prices& side : all) {
    const bool says_nothing = std::ranges::any_of(sides, [&](const Prices& other) {
      return other[0] >= side[0] - kNothing && other[1] >= side[1] - kNothing;
    });
    if (!says_nothing) sides.push_back(side);
  }
  return sides;
}

Duration shortest_run(const Capacity& capacity, const ModelFacts& model, const StepDraw& draw) {
  const double run_us =
      std::floor(static_cast<double>(draw.work.us) / capacity.fastest(model.kind));
  if (run_us >= static_cast<double>(kEndless.us)) return kEndless;
  return {static_cast<std::int64_t>(run_us)};
}

Duration limit_of(const Setting& setting, const StepDraw& draw) {
  const Duration patience = setting.patience[kind_index(setting.models[draw.model].kind)];
  return draw.withdraw ? std::min(patience, *draw.withdraw) : patience;
}

bool may_withdraw(const Setting& setting, const StepDraw& draw) {
  return draw.withdraw &&
         *draw.withdraw < setting.patience[kind_index(setting.models[draw.model].kind)];
}

std::vector<Duration> first_ready(const Setting& setting) {
  std::vector<Duration> ready;
  for (const ModelFacts& model : setting.models) ready.push_back(model.load);
  for (const ModelIndex model : setting.initial_resident) ready[model] = {};
  return ready;
}

std::vector<Phase> working_phases(const Scenario& scenario) {
  std::vector<Phase> phases;
  for (const Phase& phase : scenario.phases) {
    if (phase.start >= scenario.horizon) break;
    phases.push_back({phase.start, std::min(phase.end, scenario.horizon)});
  }
  return phases;
}

std::optional<Instant> earliest_begin(const std::vector<Phase>& phases, Instant at) {
  const auto phase = std::ranges::upper_bound(phases, at, {}, &Phase::end);
  if (phase == phases.end()) return std::nullopt;
  return std::max(at, phase->start);
}

std::optional<Instant> first_begin(const Scenario& scenario, const Person& person) {
  const Instant begin = scenario.phases.front().start + person.first_offset;
  if (person.ideas == 0 || begin >= scenario.horizon) return std::nullopt;
  return std::max(begin, Instant{});
}

Bounds bounds_of(const Scenario& scenario) {
  return {.results_by_horizon = results_bound(scenario, Until::horizon),
          .results = results_bound(scenario, Until::end),
          .first_result = first_result_bound(scenario),
          .loads = load_bounds(scenario),
          .open = open_trace_bound(scenario)};
}

}  // namespace stoker::simulation
