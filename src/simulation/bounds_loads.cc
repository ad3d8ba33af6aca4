// When the first result can come and what has to be loaded: see FirstResultBound and LoadBounds.
#include <algorithm>
#include <functional>
#include <numeric>

#include "simulation/bound_parts.h"
#include "simulation/bounds.h"

namespace stoker::simulation {
namespace {

constexpr std::size_t kCutsMax = 1024;

// ── the first result ─────────────────────────────────────────────────────────────────────────────

// When the models seen so far can all be in memory.
class LoadsOfAnIdea {
 public:
  LoadsOfAnIdea(const Setting& setting, const std::vector<Duration>& first_load, Instant from)
      : setting_(setting), first_load_(first_load), from_(from) {}

  Instant ready_with(ModelIndex model) {
    if (std::ranges::find(models_, model) == models_.end()) {
      models_.push_back(model);
      sum_ += first_load_[model];
      longest_ = std::max(longest_, first_load_[model]);
    }
    return from_ + std::max(longest_, sum_ / setting_.loads_max);
  }

 private:
  const Setting& setting_;
  const std::vector<Duration>& first_load_;
  Instant from_;
  std::vector<ModelIndex> models_;
  Duration sum_;
  Duration longest_;
};

class FirstResult {
 public:
  explicit FirstResult(const Scenario& scenario)
      : scenario_(scenario),
        capacity_(scenario),
        first_load_(first_ready(scenario.setting)),
        phases_(working_phases(scenario)) {}

  // Loads begin at `from` at the earliest.
  std::optional<double> with_loads_from(Instant from) const {
    std::optional<Instant> first;
    for (const Person& person : scenario_.persons) {
      std::optional<Instant> begin = first_begin(scenario_, person);
      for (std::uint32_t i = 0; i < person.ideas && begin; ++i) {
        if (first && *begin >= *first) break;
        const Idea& idea = scenario_.ideas[person.first_idea + i];
        const std::optional<Instant> end = earliest_end(idea, *begin, from);
        if (end && (!first || *end < *first)) first = end;
        begin = earliest_begin(phases_, *begin + idea.think);
      }
    }
    if (!first) return std::nullopt;
    return (*first - scenario_.phases.front().start).seconds();
  }

 private:
  std::optional<Instant> earliest_end(const Idea& idea, Instant at, Instant loads_from) const {
    LoadsOfAnIdea loads(scenario_.setting, first_load_, loads_from);
    for (std::uint32_t i = 0; i < idea.steps; ++i) {
      const StepDraw& draw = scenario_.steps[idea.first_step + i];
      const Duration run = shortest_run(capacity_, scenario_.setting.models[draw.model], draw);
      if (run > limit_of(scenario_.setting, draw)) return std::nullopt;
      at = std::max(at, loads.ready_with(draw.model)) + run;
      if (i + 1 < idea.steps) at = at + draw.read;
    }
    return at;
  }

  const Scenario& scenario_;
  Capacity capacity_;
  std::vector<Duration> first_load_;
  std::vector<Phase> phases_;
};

// ── what must happen ─────────────────────────────────────────────────────────────────────────────

struct Times {
  Instant earliest;
  Instant latest;
};

// A step of any run in which nobody fails: it runs somewhere between these.
struct CertainStep {
  ModelIndex model = 0;
  Instant from;
  Instant until;
};

class CertainSteps {
 public:
  explicit CertainSteps(const Scenario& scenario)
      : scenario_(scenario), capacity_(scenario), first_load_(first_ready(scenario.setting)) {}

  std::vector<CertainStep> find() {
    for (const Person& person : scenario_.persons) {
      const auto begin = first_begin(scenario_, person);
      if (begin) follow(person, *begin);
    }
    return std::move(steps_);
  }

 private:
  void follow(const Person& person, Instant first) {
    std::optional<Times> begin = Times{first, first};
    for (std::uint32_t i = 0; i < person.ideas && begin; ++i) {
      const Idea& idea = scenario_.ideas[person.first_idea + i];
      const std::optional<Times> end = take(idea, *begin);
      if (!end) return;
      begin = next_begin(person, {end->earliest + idea.think, end->latest + idea.think});
    }
  }

  // The end of the idea; missing if the participant may leave it by choice.
  std::optional<Times> take(const Idea& idea, Times at) {
    for (std::uint32_t i = 0; i < idea.steps; ++i) {
      const StepDraw& draw = scenario_.steps[idea.first_step + i];
      if (may_withdraw(scenario_.setting, draw)) return std::nullopt;
      const Duration limit = limit_of(scenario_.setting, draw);
      steps_.push_back({draw.model, at.earliest, at.latest + limit});
      const Duration run = shortest_run(capacity_, scenario_.setting.models[draw.model], draw);
      at.earliest = std::max(at.earliest, Instant{} + first_load_[draw.model]) + run;
      at.latest = at.latest + limit;
      if (i + 1 == idea.steps) return at;
      at = {at.earliest + draw.read, at.latest + draw.read};
      // Beyond it nothing is certain, and sums must stay in range.
      if (at.latest > kNothingCertain) return std::nullopt;
    }
    return at;
  }

  // When the next idea begins if its candidate time lies between these; missing if it may never begin.
  std::optional<Times> next_begin(const Person& person, Times candidate) const {
    std::optional<Times> begin;
    const auto widen = [&](Instant earliest, Instant latest) {
      if (!begin) begin = Times{earliest, latest};
      begin->earliest = std::min(begin->earliest, earliest);
      begin->latest = std::max(begin->latest, latest);
    };
    Instant break_from{INT64_MIN};
    for (std::size_t i = 0; i < scenario_.phases.size(); ++i) {
      const Phase& phase = scenario_.phases[i];
      // A candidate in the break before the phase waits for its start, and for the participant's offset.
      if (candidate.earliest < phase.start && candidate.latest >= break_from) {
        const Instant waited = phase.start + person.phase_offsets[i];
        widen(waited, waited);
      }
      if (candidate.earliest < phase.end && candidate.latest >= phase.start)
        widen(std::max(candidate.earliest, phase.start), std::min(candidate.latest, phase.end));
      break_from = phase.end;
    }
    const bool may_come_too_late = candidate.latest >= break_from;
    if (!begin || may_come_too_late || begin->latest >= scenario_.horizon) return std::nullopt;
    return begin;
  }

  static constexpr Instant kNothingCertain = Instant{} + kTimeMax * 4;

  const Scenario& scenario_;
  Capacity capacity_;
  std::vector<Duration> first_load_;
  std::vector<CertainStep> steps_;
};

// ── what must be loaded ──────────────────────────────────────────────────────────────────────────

// What a growing set of models costs to load within a window.
class NeededModels {
 public:
  explicit NeededModels(const Setting& setting) : setting_(setting) {
    by_size_.resize(setting.models.size());
    std::iota(by_size_.begin(), by_size_.end(), ModelIndex{0});
    by_load_per_mib_ = by_size_;
    std::ranges::sort(by_size_, {}, [&](ModelIndex m) { return setting.models[m].memory; });
    std::ranges::sort(by_load_per_mib_, std::greater{},
                      [&](ModelIndex m) { return load_per_mib(m); });
    clear();
  }

  void clear() { needed_.assign(setting_.models.size(), false); }

  // Whether the set has grown.
  bool add(ModelIndex model) {
    if (needed_[model]) return false;
    needed_[model] = true;
    return true;
  }

  // Everything that is not in memory at 0.
  LoadBound from_the_beginning() const {
    std::vector<bool> absent = needed_;
    for (const ModelIndex model : setting_.initial_resident) absent[model] = false;
    return all_of(absent);
  }

  // Everything but what may have been in memory at the begin of the window: as many models, as much memory, as many
  // seconds as fit, for each number apart. Seconds: the fractional knapsack.
  LoadBound from_any_moment() const {
    const MiB capacity = setting_.device.capacity();
    LoadBound bound = all_of(needed_);
    bound.memory = std::max(MiB{}, bound.memory - capacity);
    MiB room = capacity;
    for (const ModelIndex model : by_size_) {
      if (!needed_[model]) continue;
      room -= setting_.models[model].memory;
      if (room < MiB{}) break;
      --bound.loads;
    }
    room = capacity;
    for (const ModelIndex model : by_load_per_mib_) {
      if (!needed_[model]) continue;
      const MiB part = std::min(room, setting_.models[model].memory);
      bound.load_s -= load_per_mib(model) * static_cast<double>(part.count);
      room -= part;
    }
    bound.load_s = std::max(0.0, bound.load_s);
    return bound;
  }

 private:
  double load_per_mib(ModelIndex model) const {
    const ModelFacts& facts = setting_.models[model];
    return facts.load.seconds() / static_cast<double>(facts.memory.count);
  }

  LoadBound all_of(const std::vector<bool>& models) const {
    LoadBound bound;
    for (ModelIndex model = 0; model < models.size(); ++model) {
      if (!models[model]) continue;
      ++bound.loads;
      bound.memory += setting_.models[model].memory;
      bound.load_s += setting_.models[model].load.seconds();
    }
    return bound;
  }

  const Setting& setting_;
  std::vector<bool> needed_;
  std::vector<ModelIndex> by_size_;
  std::vector<ModelIndex> by_load_per_mib_;
};

LoadBound each_the_larger(const LoadBound& a, const LoadBound& b) {
  return {std::max(a.loads, b.loads), std::max(a.memory, b.memory), std::max(a.load_s, b.load_s)};
}

LoadBound sum_of(const LoadBound& a, const LoadBound& b) {
  return {a.loads + b.loads, a.memory + b.memory, a.load_s + b.load_s};
}

// The times at which windows may begin and end, beginning with 0. Fewer of them only weaken the bound.
std::vector<Instant> cut_points(const std::vector<CertainStep>& steps) {
  std::vector<Instant> points = {Instant{}};
  for (const CertainStep& step : steps) {
    points.push_back(step.from);
    points.push_back(step.until);
  }
  std::ranges::sort(points);
  const auto repeated = std::ranges::unique(points);
  points.erase(repeated.begin(), repeated.end());
  const std::size_t stride = 1 + (points.size() - 1) / kCutsMax;
  std::vector<Instant> few;
  for (std::size_t i = 0; i + 1 < points.size(); i += stride) few.push_back(points[i]);
  few.push_back(points.back());
  return few;
}

// The best division into windows: best[i] holds what must be loaded before point i, best[i] + window(i, j) <= best[j].
LoadBound divide(const Setting& setting, std::vector<CertainStep> steps) {
  std::ranges::sort(steps, {}, &CertainStep::until);
  const std::vector<Instant> points = cut_points(steps);
  std::vector<LoadBound> best(points.size());
  NeededModels needed(setting);
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (i > 0) best[i] = each_the_larger(best[i], best[i - 1]);
    needed.clear();
    LoadBound window;
    std::size_t next = 0;
    for (std::size_t j = i + 1; j < points.size(); ++j) {
      bool grown = false;
      for (; next < steps.size() && steps[next].until <= points[j]; ++next)
        if (steps[next].from >= points[i]) grown = needed.add(steps[next].model) || grown;
      if (grown) window = i == 0 ? needed.from_the_beginning() : needed.from_any_moment();
      best[j] = each_the_larger(best[j], sum_of(best[i], window));
    }
  }
  return best.back();
}

}  // namespace

FirstResultBound first_result_bound(const Scenario& scenario) {
  const FirstResult first(scenario);
  Instant anybody{INT64_MAX};
  for (const Person& person : scenario.persons)
    if (const auto begin = first_begin(scenario, person)) anybody = std::min(anybody, *begin);
  if (anybody == Instant{INT64_MAX}) return {};
  return {.warm_s = first.with_loads_from({}), .cold_s = first.with_loads_from(anybody)};
}

LoadBounds load_bounds(const Scenario& scenario) {
  std::vector<CertainStep> steps = CertainSteps(scenario).find();
  if (steps.empty()) return {};
  NeededModels needed(scenario.setting);
  for (const CertainStep& step : steps) needed.add(step.model);
  return {.first = needed.from_the_beginning(),
          .windows = divide(scenario.setting, std::move(steps))};
}

}  // namespace stoker::simulation
