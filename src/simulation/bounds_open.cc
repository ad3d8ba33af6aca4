// Makespan and flows of open traces: see OpenTraceBound.
#include <algorithm>
#include <functional>
#include <queue>
#include <set>

#include "simulation/bound_parts.h"
#include "simulation/bounds.h"

namespace stoker::simulation {
namespace {

struct OpenStep {
  ModelIndex model = 0;
  double arrives_s = 0;
  double starts_s = 0;  // at the earliest: after its model's first load
  double work_s = 0;
  double runs_s = 0;  // at the fastest rate
};

// Missing if somebody has more than one idea of one step.
std::optional<std::vector<OpenStep>> open_steps(const Scenario& scenario,
                                                const Capacity& capacity) {
  const std::vector<Duration> ready = first_ready(scenario.setting);
  std::vector<OpenStep> steps;
  for (const Person& person : scenario.persons) {
    if (person.ideas > 1) return std::nullopt;
    const auto begin = first_begin(scenario, person);
    if (!begin) continue;
    const Idea& idea = scenario.ideas[person.first_idea];
    if (idea.steps > 1) return std::nullopt;
    const StepDraw& draw = scenario.steps[idea.first_step];
    const double arrives_s = (*begin - Instant{}).seconds();
    const ModelFacts& model = scenario.setting.models[draw.model];
    steps.push_back({.model = draw.model,
                     .arrives_s = arrives_s,
                     .starts_s = std::max(arrives_s, ready[draw.model].seconds()),
                     .work_s = draw.work.seconds(),
                     .runs_s = draw.work.seconds() / capacity.fastest(model.kind)});
  }
  return steps;
}

double by_arrival(const OpenStep& step, double) {
  return step.arrives_s;
}
double by_work_left(const OpenStep&, double left_s) {
  return left_s;
}

struct Flows {
  double sum_s = 0;
  double max_s = 0;
};

// Serves the step with the least key first, pausing others, at `speed` seconds of work a second.
Flows serve(std::vector<OpenStep> steps, double speed,
            const std::function<double(const OpenStep&, double)>& key) {
  std::ranges::sort(steps, {}, &OpenStep::starts_s);
  using Entry = std::pair<double, std::size_t>;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> queue;
  std::vector<double> left_s;
  for (const OpenStep& step : steps) left_s.push_back(step.work_s / speed);
  Flows flows;
  double now_s = 0;
  std::size_t next = 0;
  while (next < steps.size() || !queue.empty()) {
    if (queue.empty()) now_s = std::max(now_s, steps[next].starts_s);
    for (; next < steps.size() && steps[next].starts_s <= now_s; ++next)
      queue.emplace(key(steps[next], left_s[next]), next);
    const std::size_t served = queue.top().second;
    queue.pop();
    const double end_s = now_s + left_s[served];
    if (next < steps.size() && steps[next].starts_s < end_s) {
      left_s[served] = end_s - steps[next].starts_s;
      now_s = steps[next].starts_s;
      queue.emplace(key(steps[served], left_s[served]), served);
      continue;
    }
    now_s = end_s;
    const double flow_s = now_s - steps[served].arrives_s;
    flows.sum_s += flow_s;
    flows.max_s = std::max(flows.max_s, flow_s);
  }
  return flows;
}

class OpenTrace {
 public:
  OpenTrace(const Setting& setting, const Capacity& capacity, std::vector<OpenStep> steps)
      : setting_(setting),
        capacity_(capacity),
        steps_(std::move(steps)),
        first_load_(first_ready(setting)) {
    for (const OpenStep& step : steps_) needed_.insert(step.model);
  }

  OpenTraceBound bound() const {
    OpenTraceBound bound;
    double last_arrival_s = 0;
    double alone_sum_s = 0;
    for (const OpenStep& step : steps_) {
      const double end_s = step.starts_s + step.runs_s;
      bound.makespan_s = std::max(bound.makespan_s, end_s);
      bound.flow_max_s = std::max(bound.flow_max_s, end_s - step.arrives_s);
      alone_sum_s += end_s - step.arrives_s;
      last_arrival_s = std::max(last_arrival_s, step.arrives_s);
    }
    const bool one_at_a_time = no_two_models_fit();
    for (const Prices& side : capacity_.sides()) {
      bound.makespan_s = std::max({bound.makespan_s, working_off(side), flow_shop(side)});
      if (one_at_a_time) bound.makespan_s = std::max(bound.makespan_s, loads_plus_work(side));
    }
    // Whoever ends last arrived by then.
    bound.flow_max_s = std::max(bound.flow_max_s, bound.makespan_s - last_arrival_s);
    bound.flow_sum_s = alone_sum_s;
    add_flows(bound);
    return bound;
  }

 private:
  double device_s(const OpenStep& step, const Prices& side) const {
    return step.work_s * side[kind_index(setting_.models[step.model].kind)];
  }

  bool no_two_models_fit() const {
    std::vector<MiB> sizes;
    for (const ModelIndex model : needed_) sizes.push_back(setting_.models[model].memory);
    std::ranges::sort(sizes);
    return sizes.size() < 2 || sizes[0] + sizes[1] > setting_.device.capacity();
  }

  // What can only start late still takes its time.
  double working_off(const Prices& side) const {
    std::vector<OpenStep> steps = steps_;
    std::ranges::sort(steps, std::greater{}, &OpenStep::starts_s);
    double bound_s = 0;
    double left_s = 0;
    for (const OpenStep& step : steps) {
      left_s += device_s(step, side);
      bound_s = std::max(bound_s, step.starts_s + left_s);
    }
    return bound_s;
  }

  // The loader is the first machine, the device the second; Johnson's order is the best one.
  double flow_shop(const Prices& side) const {
    struct Family {
      double load_s = 0, work_s = 0;
    };
    std::vector<Family> families(setting_.models.size());
    for (const OpenStep& step : steps_) families[step.model].work_s += device_s(step, side);
    for (const ModelIndex model : needed_)
      families[model].load_s = first_load_[model].seconds() / setting_.loads_max;
    const auto before = [](const Family& a, const Family& b) {
      const bool a_first = a.load_s < a.work_s;
      const bool b_first = b.load_s < b.work_s;
      if (a_first != b_first) return a_first;
      return a_first ? a.load_s < b.load_s : a.work_s > b.work_s;
    };
    std::ranges::sort(families, before);
    double loaded_s = 0;
    double worked_s = 0;
    for (const Family& family : families) {
      loaded_s += family.load_s;
      worked_s = std::max(worked_s, loaded_s) + family.work_s;
    }
    return worked_s;
  }

  // Where no two models fit, nothing runs during a load, and at most one model is there when a late part begins.
  double loads_plus_work(const Prices& side) const {
    double all_s = 0;
    for (const OpenStep& step : steps_) all_s += device_s(step, side);
    for (const ModelIndex model : needed_) all_s += first_load_[model].seconds();

    std::vector<OpenStep> steps = steps_;
    std::ranges::sort(steps, std::greater{}, &OpenStep::arrives_s);
    std::set<ModelIndex> models;
    double sum_s = 0;
    double longest_load_s = 0;
    double bound_s = all_s;
    for (const OpenStep& step : steps) {
      sum_s += device_s(step, side);
      if (models.insert(step.model).second) {
        const double load_s = setting_.models[step.model].load.seconds();
        sum_s += load_s;
        longest_load_s = std::max(longest_load_s, load_s);
      }
      bound_s = std::max(bound_s, step.arrives_s + sum_s - longest_load_s);
    }
    return bound_s;
  }

  // All steps on one server, and each kind on its own.
  void add_flows(OpenTraceBound& bound) const {
    double sum_of_kinds_s = 0;
    for (const StepKind kind : kStepKinds) {
      Prices price{};
      price[kind_index(kind)] = 1;
      std::vector<OpenStep> of_kind;
      std::ranges::copy_if(steps_, std::back_inserter(of_kind), [&](const OpenStep& step) {
        return setting_.models[step.model].kind == kind;
      });
      if (of_kind.empty()) continue;
      const double speed = capacity_.worth(price);
      sum_of_kinds_s += serve(of_kind, speed, by_work_left).sum_s;
      bound.flow_max_s = std::max(bound.flow_max_s, serve(of_kind, speed, by_arrival).max_s);
    }
    const double speed = capacity_.worth({1, 1});
    bound.flow_sum_s =
        std::max({bound.flow_sum_s, sum_of_kinds_s, serve(steps_, speed, by_work_left).sum_s});
    bound.flow_max_s = std::max(bound.flow_max_s, serve(steps_, speed, by_arrival).max_s);
  }

  const Setting& setting_;
  const Capacity& capacity_;
  std::vector<OpenStep> steps_;
  std::vector<Duration> first_load_;
  std::set<ModelIndex> needed_;
};

}  // namespace

std::optional<OpenTraceBound> open_trace_bound(const Scenario& scenario) {
  const Capacity capacity(scenario);
  auto steps = open_steps(scenario, capacity);
  if (!steps || steps->empty()) return std::nullopt;
  return OpenTrace(scenario.setting, capacity, std::move(*steps)).bound();
}

}  // namespace stoker::simulation
