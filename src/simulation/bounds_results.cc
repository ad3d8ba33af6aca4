// How many ideas can be finished at most: see ResultsBound.
#include <algorithm>
#include <cmath>
#include <numbers>
#include <span>

#include "simulation/bound_parts.h"
#include "simulation/bounds.h"

namespace stoker::simulation {
namespace {

// Rounding to microseconds may let each step end this much early.
constexpr Duration kRoundingOfAStep = microseconds(3);
constexpr double kRoundingOfACount = 1e-6;
constexpr std::size_t kLabelsMax = 128;
constexpr std::size_t kLabelsMin = 16;
constexpr std::size_t kLabelsOfAll = 400'000;
constexpr int kGoldenSteps = 12;
constexpr double kWorthTheSearch = 1e-3;

struct LeastStep {
  Duration run;
  Duration read;
  Instant ready;  // of its model
};

struct LeastIdea {
  std::size_t first_step = 0;
  std::size_t steps = 0;
  Duration think;
  bool possible = true;            // within the patience
  std::array<double, 2> work_s{};  // by kind_index
};

// The least that everybody has to do.
struct LeastWork {
  std::vector<LeastStep> steps;
  std::vector<LeastIdea> ideas;  // parallel to Scenario::ideas
};

LeastWork least_work(const Scenario& scenario, const Capacity& capacity) {
  const std::vector<Duration> ready = first_ready(scenario.setting);
  LeastWork work;
  for (const Idea& idea : scenario.ideas) {
    LeastIdea least{.first_step = work.steps.size(), .steps = idea.steps, .think = idea.think};
    for (std::uint32_t i = 0; i < idea.steps; ++i) {
      const StepDraw& draw = scenario.steps[idea.first_step + i];
      const ModelFacts& model = scenario.setting.models[draw.model];
      const Duration run =
          std::max(Duration{}, shortest_run(capacity, model, draw) - kRoundingOfAStep);
      least.possible = least.possible && run <= limit_of(scenario.setting, draw);
      least.work_s[kind_index(model.kind)] +=
          std::max(Duration{}, draw.work - kRoundingOfAStep).seconds();
      const Duration read = i + 1 < idea.steps ? draw.read : Duration{};
      work.steps.push_back({run, read, Instant{} + ready[draw.model]});
    }
    work.ideas.push_back(least);
  }
  return work;
}

// A participant after some of his ideas: the earliest begin of the next one, and what the completed ones are worth.
struct Label {
  Instant at;
  double value = 0;
};

// By time; the value grows along, whatever is later and worth no more is left out.
using Labels = std::vector<Label>;

void append(Labels& labels, Label label) {
  if (!labels.empty() && label.value <= labels.back().value) return;
  if (!labels.empty() && label.at == labels.back().at) labels.pop_back();
  labels.push_back(label);
}

// Thins out a list: of neighbours that are worth nearly the same, one with the earliest time and the highest value is
// left, which no real course can beat.
void keep_few(Labels& labels, std::size_t labels_max) {
  if (labels.size() <= labels_max) return;
  const double step =
      (labels.back().value - labels.front().value) / static_cast<double>(labels_max);
  Labels few;
  double from = 0;
  for (const Label& label : labels) {
    if (few.empty() || label.value > from + step) {
      few.push_back(label);
      from = label.value;
    } else {
      few.back().value = label.value;
    }
  }
  labels = std::move(few);
}

// The best that one participant can bring in at given prices of device time.
class BestCourse {
 public:
  BestCourse(const LeastWork& work, std::span<const Phase> phases, std::optional<Instant> last_end,
             const Prices& prices, std::size_t labels_max)
      : work_(work),
        phases_(phases.begin(), phases.end()),
        last_end_(last_end),
        prices_(prices),
        labels_max_(labels_max) {}

  double value(Instant begin, std::span<const LeastIdea> ideas) {
    best_ = 0;
    labels_.assign(1, {begin, 0});
    for (const LeastIdea& idea : ideas) {
      take(idea);
      if (labels_.empty()) break;
    }
    return best_;
  }

 private:
  // Dropped, done within the phase, or done after its end: three lists, each ordered by time.
  void take(const LeastIdea& idea) {
    for (Labels& list : next_) list.clear();
    const double worth = 1 - prices_[0] * idea.work_s[0] - prices_[1] * idea.work_s[1];
    for (const Label& label : labels_) {
      follow(next_[0], label.at, idea.think, label.value);
      if (!idea.possible) continue;
      const Instant end = earliest_end(idea, label.at);
      const Instant phase_end = end_of_phase(label.at);
      if (end <= phase_end && may_end(end) && worth > 0)
        follow(next_[1], end, idea.think, label.value + worth);
      const Instant late_end = std::max(end, phase_end + microseconds(1));
      if (may_end(late_end)) follow(next_[2], late_end, idea.think, label.value + 1);
    }
    merge();
    keep_few(labels_, labels_max_);
  }

  void follow(Labels& list, Instant end, Duration think, double value) {
    best_ = std::max(best_, value);
    if (const auto begin = earliest_begin(phases_, end + think)) append(list, {*begin, value});
  }

  void merge() {
    labels_.clear();
    std::array<std::size_t, 3> at{};
    while (true) {
      const Label* next = nullptr;
      std::size_t from = 0;
      for (std::size_t list = 0; list < next_.size(); ++list) {
        if (at[list] == next_[list].size()) continue;
        const Label& label = next_[list][at[list]];
        if (next != nullptr && !comes_before(label, *next)) continue;
        next = &label;
        from = list;
      }
      if (next == nullptr) return;
      append(labels_, *next);
      ++at[from];
    }
  }

  static bool comes_before(const Label& a, const Label& b) {
    return a.at != b.at ? a.at < b.at : a.value > b.value;
  }

  bool may_end(Instant end) const { return !last_end_ || end <= *last_end_; }

  // Of the phase that holds `at`; `at` itself if none does: then all of the idea lies outside.
  Instant end_of_phase(Instant at) const {
    const auto phase = std::ranges::upper_bound(phases_, at, {}, &Phase::end);
    return phase == phases_.end() || phase->start > at ? at : phase->end;
  }

  Instant earliest_end(const LeastIdea& idea, Instant at) const {
    for (std::size_t i = 0; i < idea.steps; ++i) {
      const LeastStep& step = work_.steps[idea.first_step + i];
      at = std::max(at, step.ready) + step.run + step.read;
    }
    return at;
  }

  const LeastWork& work_;
  std::vector<Phase> phases_;
  std::optional<Instant> last_end_;
  Prices prices_;
  std::size_t labels_max_;
  double best_ = 0;
  Labels labels_;
  std::array<Labels, 3> next_;
};

// The bound as a function of the prices; convex, so that a descent finds its least value.
class PricedBound {
 public:
  PricedBound(const Scenario& scenario, Until until)
      : scenario_(scenario),
        capacity_(scenario),
        phases_(working_phases(scenario)),
        work_(least_work(scenario, capacity_)),
        labels_max_(std::clamp(kLabelsOfAll / (work_.ideas.size() + 1), kLabelsMin, kLabelsMax)),
        device_s_(device_seconds()) {
    if (until == Until::horizon) last_end_ = scenario.horizon;
  }

  double at(const Prices& prices) const {
    BestCourse course(work_, phases_, last_end_, prices, labels_max_);
    double sum = capacity_.worth(prices) * device_s_;
    for (const Person& person : scenario_.persons) {
      const auto begin = first_begin(scenario_, person);
      if (!begin) continue;
      const std::span ideas(work_.ideas);
      sum += course.value(*begin, ideas.subspan(person.first_idea, person.ideas));
    }
    return sum;
  }

  double least() const {
    double least = at({0, 0});
    Prices best{};
    for (const Prices& side : capacity_.sides()) along(side, best, least);
    around(best, least);
    return least;
  }

 private:
  // Of the phases, without what lies before anybody comes or anything is loaded.
  double device_seconds() const {
    std::optional<Instant> first;
    for (const Person& person : scenario_.persons) {
      const auto begin = first_begin(scenario_, person);
      if (begin && (!first || *begin < *first)) first = begin;
    }
    if (!first || work_.steps.empty()) return 0;
    const Instant ready = std::ranges::min(work_.steps, {}, &LeastStep::ready).ready;
    const Instant from = std::max(*first, ready);
    double sum = 0;
    for (const Phase& phase : phases_)
      sum += std::max(Duration{}, phase.end - std::max(phase.start, from)).seconds();
    return sum;
  }

  // A golden section over the multiples of one side, up to where no idea is worth anything.
  void along(const Prices& side, Prices& best, double& least) const {
    double cheapest = INFINITY;
    for (const LeastIdea& idea : work_.ideas) {
      const double needs_s = side[0] * idea.work_s[0] + side[1] * idea.work_s[1];
      if (needs_s > 0) cheapest = std::min(cheapest, needs_s);
    }
    if (!std::isfinite(cheapest)) return;
    const auto try_at = [&](double factor) {
      const Prices prices = {side[0] * factor, side[1] * factor};
      const double value = at(prices);
      if (value < least) {
        least = value;
        best = prices;
      }
      return value;
    };
    double low = 0;
    double high = 1 / cheapest;
    const double share = 1 / std::numbers::phi;
    double a = high - share * (high - low);
    double b = low + share * (high - low);
    double value_a = try_at(a);
    double value_b = try_at(b);
    for (int i = 0; i < kGoldenSteps; ++i) {
      if (value_a <= value_b) {
        high = b;
        b = std::exchange(a, b - share * (b - low));
        value_b = std::exchange(value_a, try_at(a));
      } else {
        low = a;
        a = std::exchange(b, a + share * (high - a));
        value_a = std::exchange(value_b, try_at(b));
      }
    }
  }

  // Small changes of single prices, as long as they help.
  void around(Prices best, double& least) const {
    for (double step = 0.2; step > 0.01;) {
      const Prices before = best;
      for (const std::size_t kind : {std::size_t{0}, std::size_t{1}}) {
        for (const double factor : {1 + step, 1 / (1 + step)}) {
          Prices prices = before;
          prices[kind] *= factor;
          const double value = prices == best ? least : at(prices);
          if (value > least - kWorthTheSearch) continue;
          least = value;
          best = prices;
        }
      }
      if (best == before) step /= 2;
    }
  }

  const Scenario& scenario_;
  Capacity capacity_;
  std::vector<Phase> phases_;
  LeastWork work_;
  std::size_t labels_max_;
  double device_s_ = 0;
  std::optional<Instant> last_end_;
};

std::uint64_t whole(double count) {
  return static_cast<std::uint64_t>(std::floor(count + kRoundingOfACount));
}

}  // namespace

ResultsBound results_bound(const Scenario& scenario, Until until) {
  const PricedBound bound(scenario, until);
  const std::uint64_t people = whole(bound.at({0, 0}));
  return {.people = people, .at_most = std::min(people, whole(bound.least()))};
}

}  // namespace stoker::simulation
