// Bounds against exhaustive search on tiny open traces, and against many random schedules of tiny workshops.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "simulation/bounds.h"
#include "simulation/metrics.h"
#include "simulation/policies.h"
#include "simulation/policy.h"
#include "simulation/world.h"

namespace stoker::simulation {
namespace {

constexpr double kTolerance = 0.002;  // seconds; metrics are rounded to milliseconds

Duration whole_seconds(std::uint64_t n) {
  return seconds(static_cast<std::int64_t>(n));
}

// Everything but models and people.
Scenario empty_scenario(std::int64_t memory, std::int64_t patience_s) {
  Scenario scenario;
  scenario.name = "random";
  scenario.horizon = Instant{} + seconds(1'000'000);
  scenario.setting.device.vram = {memory};
  scenario.setting.backends = {{"llm", StepKind::text, 2}, {"media", StepKind::generation, 1}};
  scenario.setting.patience = {seconds(patience_s), seconds(patience_s)};
  scenario.phases = {{Instant{}, scenario.horizon}};
  return scenario;
}

void add_model(Scenario& scenario, StepKind kind, std::int64_t memory, Duration load) {
  const auto index = scenario.setting.models.size();
  scenario.setting.models.push_back({.name = "m" + std::to_string(index),
                                     .backend = kind == StepKind::text ? 0U : 1U,
                                     .kind = kind,
                                     .memory = {memory},
                                     .load = load,
                                     .hint = seconds(5)});
  scenario.load_failures.emplace_back();
}

void add_person(Scenario& scenario, Duration offset) {
  const auto index = static_cast<UserIndex>(scenario.persons.size());
  const std::string name = "p" + std::to_string(index);
  scenario.setting.users.push_back(name);
  scenario.setting.participants.push_back({name, "", index});
  scenario.persons.push_back({.first_offset = offset,
                              .phase_offsets = std::vector<Duration>(scenario.phases.size()),
                              .first_idea = static_cast<std::uint32_t>(scenario.ideas.size())});
}

void add_idea(Scenario& scenario, Duration think, const std::vector<StepDraw>& steps) {
  scenario.ideas.push_back({think, static_cast<std::uint32_t>(scenario.steps.size()),
                            static_cast<std::uint32_t>(steps.size())});
  scenario.steps.insert(scenario.steps.end(), steps.begin(), steps.end());
  ++scenario.persons.back().ideas;
}

// ── exhaustive search ────────────────────────────────────────────────────────────────────────────

struct Best {
  int loads = 1000, load_s = 100'000, makespan_s = 100'000, flow_sum_s = 100'000,
      flow_max_s = 100'000;
  int first_s = 100'000;  // of any step, whatever happens to the others
  bool complete = false;
};

// Plays every order of starts, loads and waits of a few generation steps on one slot, by its own rules and in whole
// seconds. What nobody gains by is left out: loads of models that nobody needs any more, and waiting beyond an event.
class Search {
 public:
  explicit Search(const Scenario& scenario) : scenario_(scenario) {
    for (const Person& person : scenario.persons) {
      const StepDraw& draw = scenario.steps[scenario.ideas[person.first_idea].first_step];
      jobs_.push_back({static_cast<int>(draw.model),
                       static_cast<int>(person.first_offset.seconds()),
                       static_cast<int>(draw.work.seconds())});
    }
    patience_s_ = static_cast<int>(scenario.setting.patience[1].seconds());
    State state;
    for (const ModelIndex model : scenario.setting.initial_resident) state.resident |= 1U << model;
    explore(state);
  }
  const Best& best() const { return best_; }

 private:
  struct Job {
    int model, arrives, work;
  };
  struct State {
    int now = 0;
    unsigned started = 0, resident = 0;
    int running = -1, run_end = 0, loading = -1, load_end = 0;
    int done = 0, loads = 0, load_s = 0, flow_sum = 0, flow_max = 0;
  };

  bool both_fit() const {
    const auto& models = scenario_.setting.models;
    return models[0].memory + models[1].memory <= scenario_.setting.device.vram;
  }

  bool is_needed(const State& state, unsigned model) const {
    for (std::size_t j = 0; j < jobs_.size(); ++j)
      if (jobs_[j].model == static_cast<int>(model) && (state.started >> j & 1U) == 0) return true;
    return false;
  }

  void explore(const State& state) {
    if (state.done == static_cast<int>(jobs_.size())) return note(state);
    if (cannot_improve(state)) return;
    for (std::size_t j = 0; j < jobs_.size(); ++j) try_start(state, j);
    for (unsigned m = 0; m < 2; ++m) try_load(state, m);
    wait(state);
  }

  void note(const State& state) {
    best_.complete = true;
    best_.loads = std::min(best_.loads, state.loads);
    best_.load_s = std::min(best_.load_s, state.load_s);
    best_.makespan_s = std::min(best_.makespan_s, state.now);
    best_.flow_sum_s = std::min(best_.flow_sum_s, state.flow_sum);
    best_.flow_max_s = std::min(best_.flow_max_s, state.flow_max);
  }

  bool cannot_improve(const State& state) const {
    return state.loads >= best_.loads && state.load_s >= best_.load_s &&
           state.now >= best_.makespan_s && state.flow_sum >= best_.flow_sum_s &&
           state.flow_max >= best_.flow_max_s;
  }

  void try_start(State state, std::size_t j) {
    const Job& job = jobs_[j];
    const bool can = state.running < 0 && (state.started >> j & 1U) == 0 &&
                     job.arrives <= state.now && (state.resident >> job.model & 1) != 0;
    if (!can || state.now + job.work - job.arrives > patience_s_) return;
    state.started |= 1U << j;
    state.running = static_cast<int>(j);
    state.run_end = state.now + job.work;
    explore(state);
  }

  void try_load(State state, unsigned model) {
    if (state.loading >= 0 || (state.resident >> model & 1U) != 0 || state.loads > 3 ||
        !is_needed(state, model))
      return;
    if (state.resident != 0 && !both_fit()) {
      if (state.running >= 0) return;  // the other model is in use
      state.resident = 0;
    }
    const int load = static_cast<int>(scenario_.setting.models[model].load.seconds());
    state.loading = static_cast<int>(model);
    state.load_end = state.now + load;
    ++state.loads;
    state.load_s += load;
    explore(state);
  }

  void wait(State state) {
    int next = 1'000'000;
    if (state.running >= 0) next = std::min(next, state.run_end);
    if (state.loading >= 0) next = std::min(next, state.load_end);
    for (const Job& job : jobs_)
      if (job.arrives > state.now) next = std::min(next, job.arrives);
    if (next == 1'000'000) return;
    state.now = next;
    if (state.loading >= 0 && state.load_end == next) {
      state.resident |= 1U << state.loading;
      state.loading = -1;
    }
    if (state.running >= 0 && state.run_end == next) {
      const int flow = next - jobs_[static_cast<std::size_t>(state.running)].arrives;
      state.flow_sum += flow;
      state.flow_max = std::max(state.flow_max, flow);
      state.running = -1;
      ++state.done;
      best_.first_s = std::min(best_.first_s, next);
    }
    explore(state);
  }

  const Scenario& scenario_;
  std::vector<Job> jobs_;
  int patience_s_ = 0;
  Best best_;
};

Scenario open_trace(Random& random, bool with_patience) {
  Scenario scenario =
      empty_scenario(4, with_patience ? 8 + static_cast<std::int64_t>(random.below(30)) : 10'000);
  for (int m = 0; m < 2; ++m) {
    const auto memory = static_cast<std::int64_t>(1 + random.below(4));
    add_model(scenario, StepKind::generation, memory, whole_seconds(1 + random.below(12)));
  }
  const std::uint64_t resident = random.below(3);
  if (resident < 2) scenario.setting.initial_resident = {static_cast<ModelIndex>(resident)};
  const std::uint64_t spread = 1 + random.below(with_patience ? 60 : 25);
  const std::uint64_t jobs = 1 + random.below(4);
  for (std::uint64_t j = 0; j < jobs; ++j) {
    add_person(scenario, whole_seconds(random.below(spread)));
    add_idea(scenario, {},
             {{.model = static_cast<ModelIndex>(random.below(2)),
               .work = whole_seconds(1 + random.below(9))}});
  }
  return scenario;
}

// How often a bound meets the best value.
struct Meets {
  int met = 0, of = 0;
  double share() const { return static_cast<double>(met) / of; }
  void compare(double bound, double best, const char* what, int seed) {
    EXPECT_LE(bound, best + 1e-9) << what << ", trace " << seed;
    ++of;
    if (bound >= best - 1e-9) ++met;
  }
};

TEST(BoundsOnRandomTraces, NeverExceedTheBestOfAllSchedules) {
  Meets loads, load_s, makespan, flow_sum, flow_max, first;
  int reloads = 0;
  for (int seed = 0; seed < 3000; ++seed) {
    Random random(static_cast<std::uint64_t>(seed));
    const Scenario scenario = open_trace(random, seed % 2 == 1);
    const Best best = Search(scenario).best();
    const Bounds bounds = bounds_of(scenario);
    if (best.first_s < 100'000)
      first.compare(*bounds.first_result.warm_s, best.first_s, "first", seed);
    EXPECT_GE(bounds.results.at_most, best.complete ? scenario.persons.size() : 0) << seed;
    if (!best.complete) continue;
    const LoadBound& windows = bounds.loads.windows;
    loads.compare(static_cast<double>(windows.loads), best.loads, "loads", seed);
    load_s.compare(windows.load_s, best.load_s, "load_s", seed);
    makespan.compare(bounds.open->makespan_s, best.makespan_s, "makespan", seed);
    flow_sum.compare(bounds.open->flow_sum_s, best.flow_sum_s, "flow sum", seed);
    flow_max.compare(bounds.open->flow_max_s, best.flow_max_s, "flow max", seed);
    if (windows.loads > bounds.loads.first.loads) ++reloads;
  }
  // Most traces have solutions, and the bounds are no empty words.
  EXPECT_GT(loads.of, 2000);
  EXPECT_GT(loads.share(), 0.7);
  EXPECT_GT(load_s.share(), 0.7);
  EXPECT_GT(makespan.share(), 0.5);
  EXPECT_GT(flow_sum.share(), 0.3);
  EXPECT_GT(flow_max.share(), 0.3);
  EXPECT_GT(first.share(), 0.9);
  EXPECT_GT(reloads, 5);
}

// ── random schedules ─────────────────────────────────────────────────────────────────────────────

// How a random schedule is made.
struct Temper {
  double idles = 0.02;     // share of choices not made
  double refuses = 0;      // share of choices that are refusals
  double longest_s = 1e9;  // ideas with more work are refused, which needs to know the future
  double shortest =
      0;  // share of starts that take the step with the least work, which needs it, too
};

// Does anything that physics allows.
class AnythingGoes : public Policy {
 public:
  AnythingGoes(const Scenario& scenario, std::uint64_t seed, const Temper& temper)
      : scenario_(scenario), random_(seed), temper_(temper) {}

  std::string_view name() const override { return "anything"; }

  void decide(World& world) override {
    refuse_long_ideas(world);
    while (random_.unit() >= temper_.idles && act(world)) {
    }
    // Waits that no event ends are schedules, too.
    if (random_.unit() < 0.3) world.wake_at(world.now() + milliseconds(100 + 100 * below(30)));
  }

 private:
  std::int64_t below(std::size_t bound) { return static_cast<std::int64_t>(random_.below(bound)); }

  void refuse_long_ideas(World& world) {
    const std::vector<JobIndex> waiting(world.waiting().begin(), world.waiting().end());
    for (const JobIndex index : waiting) {
      const Job& job = world.job(index);
      const Idea& idea = scenario_.ideas[scenario_.persons[job.participant].first_idea + job.idea];
      double work_s = 0;
      for (std::uint32_t step = 0; step < idea.steps; ++step)
        work_s += scenario_.steps[idea.first_step + step].work.seconds();
      if (job.step == 0 && job.attempts == 0 && work_s > temper_.longest_s) world.refuse(index);
    }
  }

  bool act(World& world) {
    std::vector<JobIndex> startable;
    for (const JobIndex job : world.waiting())
      if (world.can_start(job)) startable.push_back(job);
    if (!startable.empty() && random_.unit() < 0.8) {
      const bool shortest = random_.unit() < temper_.shortest;
      world.start(shortest ? std::ranges::min(startable, {},
                                              [&](JobIndex job) { return work_of(world.job(job)); })
                           : startable[random_.below(startable.size())]);
      return true;
    }
    if (!world.waiting().empty() && random_.unit() < temper_.refuses) {
      const JobIndex job = world.waiting()[random_.below(world.waiting().size())];
      if (world.job(job).attempts == 0) world.refuse(job);
      return true;
    }
    return try_load(world);
  }

  Duration work_of(const Job& job) const {
    const Idea& idea = scenario_.ideas[scenario_.persons[job.participant].first_idea + job.idea];
    return scenario_.steps[idea.first_step + job.step].work;
  }

  bool try_load(World& world) {
    const auto model = static_cast<ModelIndex>(random_.below(world.setting().models.size()));
    if (!world.loader_free() || world.is_resident(model) || world.is_loading(model)) return false;
    while (!world.can_load(model)) {
      std::vector<ModelIndex> idle;
      for (const ModelIndex other : world.resident())
        if (!world.in_use(other)) idle.push_back(other);
      if (idle.empty()) return false;
      world.evict(idle[random_.below(idle.size())], "room");
    }
    world.load(model);
    return true;
  }

  const Scenario& scenario_;
  Random random_;
  Temper temper_;
};

Scenario closed_loops(Random& random) {
  Scenario scenario = empty_scenario(random.below(2) == 0 ? 8 : 20,
                                     10 + static_cast<std::int64_t>(random.below(40)));
  scenario.horizon = Instant{} + seconds(60 + static_cast<std::int64_t>(random.below(40)));
  const std::int64_t pause = static_cast<std::int64_t>(random.below(20));
  scenario.phases = {{Instant{} + seconds(2), Instant{} + seconds(30)},
                     {Instant{} + seconds(30 + pause), Instant{} + seconds(100)}};
  const bool quick = random.below(2) == 0;
  for (const StepKind kind : {StepKind::text, StepKind::generation, StepKind::generation}) {
    const auto memory = static_cast<std::int64_t>(1 + random.below(5));
    const Duration load = quick ? milliseconds(1) : whole_seconds(1 + random.below(4));
    add_model(scenario, kind, memory, load);
  }
  if (random.below(2) == 0) scenario.setting.initial_resident = {0};
  if (random.below(3) == 0) {
    scenario.setting.contention = {.text_parallel_penalty = random.between(0, 1.5),
                                   .generation_parallel_penalty = 1,
                                   .text_rate_beside_generation = random.between(0.3, 1.3),
                                   .generation_rate_beside_text = random.between(0.3, 1.3)};
  }
  if (random.below(3) == 0) scenario.setting.backends[1].slots = 2;
  const std::uint64_t people = 1 + random.below(4);
  for (std::uint64_t p = 0; p < people; ++p) {
    add_person(scenario, milliseconds(static_cast<std::int64_t>(random.below(6000))));
    for (Duration& offset : scenario.persons.back().phase_offsets)
      offset = whole_seconds(random.below(4));
    for (int i = 0; i < 25; ++i) {
      std::vector<StepDraw> steps(1 + random.below(2));
      for (StepDraw& step : steps) {
        step.model = static_cast<ModelIndex>(random.below(3));
        step.work = milliseconds(500 + static_cast<std::int64_t>(random.below(8000)));
        step.read = milliseconds(static_cast<std::int64_t>(random.below(2000)));
        if (random.below(30) == 0) step.withdraw = whole_seconds(1 + random.below(10));
        if (random.below(30) == 0) step.crash_at = random.unit();
      }
      add_idea(scenario, milliseconds(static_cast<std::int64_t>(random.below(6000))), steps);
    }
  }
  return scenario;
}

TEST(BoundsOnRandomWorkshops, HoldForRandomSchedulesAndForAllPolicies) {
  int met = 0, without_failures = 0, runs = 0;
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    Random random(seed);
    const Scenario scenario = closed_loops(random);
    const Bounds bounds = bounds_of(scenario);
    std::uint64_t most = 0;
    const auto check = [&](Policy& policy) {
      const Metrics metrics = metrics_of(scenario, World(scenario, policy).run());
      ++runs;
      most = std::max(most, metrics.results);
      EXPECT_LE(metrics.results, bounds.results.at_most) << seed << " " << policy.name();
      EXPECT_LE(metrics.results_by_horizon, bounds.results_by_horizon.at_most)
          << seed << " " << policy.name();
      if (metrics.results > 0)
        EXPECT_GE(*metrics.first_result_s, *bounds.first_result.warm_s - kTolerance) << seed;
      if (metrics.failures > 0) return;
      ++without_failures;
      EXPECT_GE(metrics.loads, bounds.loads.windows.loads) << seed << " " << policy.name();
      EXPECT_GE(*metrics.load_s, bounds.loads.windows.load_s - kTolerance) << seed;
    };
    for (std::uint64_t run = 0; run < 40; ++run) {
      const Temper temper = {.idles = run % 4 == 0 ? 0.3 : 0.02,
                             .refuses = run % 3 == 0 ? 0.2 : 0.0,
                             .longest_s = run % 2 == 0 ? 1e9 : random.between(1, 12)};
      AnythingGoes policy(scenario, seed * 1000 + run, temper);
      check(policy);
    }
    for (const std::string_view name : policy_names())
      check(*make_policy(name, {.quotes = Quotes::off}));
    if (most == bounds.results.at_most) ++met;
  }
  EXPECT_GT(met, 10);
  EXPECT_GT(without_failures, runs / 10);
}

// Everybody always wants something, everything is in memory: what counts is what the device can do.
Scenario full_device(Random& random) {
  Scenario scenario = empty_scenario(8, 10'000);
  scenario.horizon = Instant{} + seconds(30 + static_cast<std::int64_t>(random.below(30)));
  scenario.phases = {{Instant{}, scenario.horizon}};
  for (const StepKind kind : kStepKinds) add_model(scenario, kind, 4, seconds(1));
  scenario.setting.initial_resident = {0, 1};
  const bool with_texts = random.below(2) == 0;
  const std::uint64_t people = 3 + random.below(4);
  for (std::uint64_t p = 0; p < people; ++p) {
    add_person(scenario, {});
    const std::uint64_t longest = 1 + random.below(6);
    for (int i = 0; i < 70; ++i) {
      std::vector<StepDraw> steps(1,
                                  {.model = 1, .work = whole_seconds(1 + random.below(longest))});
      if (with_texts && random.below(3) == 0)
        steps.insert(steps.begin(), {.model = 0, .work = whole_seconds(1 + random.below(3))});
      add_idea(scenario, milliseconds(static_cast<std::int64_t>(random.below(1000))), steps);
    }
  }
  return scenario;
}

TEST(BoundsOnRandomWorkshops, AreNearlyReachedWhereTheDeviceIsFull) {
  int by_one = 0, by_two = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Random random(seed);
    const Scenario scenario = full_device(random);
    const ResultsBound bound = results_bound(scenario, Until::horizon);
    EXPECT_LT(bound.at_most, bound.people) << seed;
    std::uint64_t most = 0;
    for (std::uint64_t run = 0; run < 40; ++run) {
      AnythingGoes policy(scenario, run,
                          {.idles = 0,
                           .longest_s = 1 + 0.5 * static_cast<double>(run % 12),
                           .shortest = run < 20 ? 1.0 : 0.5});
      most = std::max(most, metrics_of(scenario, World(scenario, policy).run()).results_by_horizon);
    }
    EXPECT_LE(most, bound.at_most) << seed;
    if (most + 1 >= bound.at_most) ++by_one;
    if (most + 2 >= bound.at_most) ++by_two;
  }
  EXPECT_TRUE(by_one > 5 && by_two > 25) << by_one << ", " << by_two;
}

// The same for open traces with texts and generation side by side.
TEST(BoundsOnRandomWorkshops, HoldForOpenTracesOfBothKinds) {
  int complete = 0, close = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Random random(seed);
    Scenario scenario = empty_scenario(8, 10'000);
    for (const StepKind kind : {StepKind::text, StepKind::text, StepKind::generation}) {
      const auto memory = static_cast<std::int64_t>(1 + random.below(5));
      add_model(scenario, kind, memory, whole_seconds(1 + random.below(5)));
    }
    const std::uint64_t people = 1 + random.below(7);
    for (std::uint64_t p = 0; p < people; ++p) {
      add_person(scenario, whole_seconds(random.below(20)));
      add_idea(scenario, {},
               {{.model = static_cast<ModelIndex>(random.below(3)),
                 .work = whole_seconds(1 + random.below(9))}});
    }
    const OpenTraceBound bound = *open_trace_bound(scenario);
    double least_makespan_s = INFINITY;
    for (std::uint64_t run = 0; run < 40; ++run) {
      AnythingGoes policy(scenario, seed * 1000 + run, {});
      const Metrics metrics = metrics_of(scenario, World(scenario, policy).run());
      if (metrics.failures > 0) continue;
      ++complete;
      least_makespan_s = std::min(least_makespan_s, *metrics.makespan_s);
      EXPECT_GE(*metrics.makespan_s, bound.makespan_s - kTolerance) << seed;
      EXPECT_GE(*metrics.flow_sum_s, bound.flow_sum_s - kTolerance) << seed;
      EXPECT_GE(*metrics.flow_max_s, bound.flow_max_s - kTolerance) << seed;
    }
    if (least_makespan_s <= bound.makespan_s + kTolerance) ++close;
  }
  EXPECT_GT(complete, 1000);
  EXPECT_GT(close, 50);
}

}  // namespace
}  // namespace stoker::simulation
