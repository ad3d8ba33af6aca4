#include "scheduler/rollout.h"

#include <algorithm>
#include <array>
#include <queue>

#include "scheduler/bookkeeping.h"
#include "scheduler/planned_phases.h"
#include "scheduler/scheduler.h"

namespace stoker::scheduler {
namespace {

// Ideas that only exist in a future have ids beyond all real ones.
constexpr std::uint64_t kImaginedIds = 1ULL << 62;
// Pauses differ by these factors, a quarter of them each.
constexpr std::array kPauseFactors = {0.45, 0.75, 1.1, 1.7};
// A pause that has lasted longer than usual ends after this share of the usual one.
constexpr double kLeastPauseShare = 0.4;
// What is at work has at least this share of its usual work before it.
constexpr double kLeastWorkShare = 0.25;
constexpr Duration kLeastReading = seconds(2);
// The counter of what somebody makes next, so far from that of when: independent draws.
constexpr std::uint64_t kChoiceOffset = 17;

struct Expected {
  Instant at;
  std::uint64_t order = 0;
  Event event;
};

struct Later {
  bool operator()(const Expected& a, const Expected& b) const {
    return a.at != b.at ? a.at > b.at : a.order > b.order;
  }
};

// Uniform in [0, 1) for a pair of counters; the samples' draws lie evenly apart.
double drawn(std::uint64_t a, std::uint64_t b, const RolloutOptions& options) {
  constexpr std::uint32_t kSteps = 9973;  // of the interval, a prime
  auto hash = static_cast<std::uint32_t>(a * 2654435761U + b * 40503U + 12345U);
  hash ^= hash >> 15;
  hash *= 2246822519U;
  hash ^= hash >> 13;
  const double u = static_cast<double>(hash % kSteps) / static_cast<double>(kSteps) +
                   static_cast<double>(options.sample) / static_cast<double>(options.samples);
  return u < 1.0 ? u : u - 1.0;
}

class Player {
 public:
  Player(const State& state, Instant now, const RolloutOptions& options)
      : origin_(state), options_(options), start_(now), now_(now), scheduler_(state) {
    expect_machine();
    expect_people();
  }

  Rollout play() {
    take(options_.wish ? scheduler_.apply(*options_.wish, now_) : scheduler_.apply(Tick{}, now_));
    for (std::size_t events = 0; events < kRolloutEventsMax && !is_over(); ++events) {
      const std::optional<NextEnd> end = next_end();
      const bool timer_first = !expected_.empty() && (!end || expected_.top().at < end->at);
      if (!timer_first && !end) break;
      const Instant at = timer_first ? expected_.top().at : end->at;
      if (at - start_ > options_.horizon) break;
      now_ = std::max(now_, at);
      if (timer_first) {
        const Event event = expected_.top().event;
        expected_.pop();
        happen(event);
      } else {
        finish_step(end->job);
      }
    }
    return std::move(seen_);
  }

 private:
  struct NextEnd {
    Instant at;
    JobId job;
  };

  const State& state() const { return scheduler_.state(); }
  bool is_over() const {
    if (options_.until) return step_has_ended_;
    return !options_.wish && open_ == 0;
  }
  void expect(Instant at, Event event) { expected_.push({at, order_++, std::move(event)}); }

  void expect_machine() {
    for (const auto& [id, device] : state().devices) {
      for (const ModelId model_id : device.present) {
        const ModelEntry& model = state().model(model_id);
        if (model.residency == ResidencyState::loading) {
          const Duration left = model.load.mean() - (now_ - model.since);
          expect_load(model, std::max(left, milliseconds(100)));
        } else if (model.residency == ResidencyState::unloading) {
          expect(now_ + state().policy.unload_expected, UnloadFinished{model_id});
        }
      }
      expect_ends(device);
    }
  }

  // What is at work may take longer than usual.
  void expect_ends(const DeviceEntry& device) {
    const Rates rates = rates_on(device);
    const auto elapsed = static_cast<double>((now_ - device.settled).us);
    for (const Run& run : device.runs) {
      const StepSize size = state().jobs.at(run.job).size;
      const auto mean = static_cast<double>(state().model(run.model).run.mean(size).us);
      const double done = run.done_us + elapsed * (run.text ? rates.text : rates.generation);
      work_us_[run.job] = done + std::max(mean - done, kLeastWorkShare * mean);
      seen_.jobs.try_emplace(run.job);
      ++started_[state().model(run.model).backend];
    }
  }

  void expect_people() {
    std::vector<JobId> open;
    for (const auto& [id, job] : origin_.jobs) open.push_back(id);
    std::sort(open.begin(), open.end());
    for (const JobId id : open) {
      const JobEntry& job = origin_.jobs.at(id);
      open_ += job.parked ? 0U : 1U;
      if (job.phase == Phase::between_steps) expect_next_step(job);
      if (job.phase == Phase::waiting && !job.parked) expect_patience_to_end(job);
    }
    if (!options_.people_come_back) return;
    std::vector<PersonId> people;
    for (const auto& [id, person] : origin_.people) {
      if (!person.habits.thinking.empty()) people.push_back(id);
    }
    std::sort(people.begin(), people.end());
    for (const PersonId id : people) expect_thinkers(id, origin_.people.at(id).habits);
  }

  void expect_patience_to_end(const JobEntry& job) {
    const Duration patience = state().patience_for(state().model(job.model()));
    if (patience <= Duration{} || job.id == options_.until) return;
    const Instant at = job.released + patience;
    if (at < now_) return;  // waits all the same
    leaves_[job.id] = job.arrival;
    expect(at, JobCancelled{job.id, CauseKind::cancelled_by_person});
  }

  void expect_thinkers(PersonId id, const PersonHabits& habits) {
    const auto think = static_cast<double>(origin_.habits.thinking().us);
    for (std::size_t i = 0; i < habits.thinking.size(); ++i) {
      if (has_left(habits, habits.thinking[i])) continue;
      const std::uint64_t counter = habits.ideas + i;
      const double rest = std::max(static_cast<double>((habits.thinking[i] - start_).us) + think,
                                   kLeastPauseShare * think);
      const double draw = drawn(id.value, counter, options_);
      const double factor = kPauseFactors.at(static_cast<std::size_t>(draw * kPauseFactors.size()));
      const Chain chain =
          origin_.habits.drawn(habits, drawn(id.value, counter + kChoiceOffset, options_));
      expect_idea(id, chain, start_ + Duration{static_cast<std::int64_t>(rest * factor)}, habits);
    }
  }

  // Nobody comes back from a workshop that is over; and after a long time without a plan, nobody is waited for.
  bool has_left(const PersonHabits& habits, Instant since) const {
    const auto workshop = origin_.workshops.find(habits.workshop);
    if (workshop != origin_.workshops.end()) {
      if (workshop->second.state == WorkshopState::ended) return true;
      if (!workshop->second.phases.empty()) return false;
    }
    return start_ - since > kThinkingMax;
  }

  void expect_idea(PersonId person, const Chain& chain, Instant at, const PersonHabits& habits) {
    if (chain.empty()) return;
    const std::optional<Instant> begin = next_working_time(state(), habits.workshop, at);
    if (!begin || *begin - start_ > options_.horizon) return;
    const JobId id{kImaginedIds + imagined_++};
    imagined_idea_[id] = {person, chain};
    expect(*begin, IdeaBegun{id, person, habits.workshop, habits.group, chain[0]});
  }

  void expect_load(const ModelEntry& model, Duration left) {
    loading_[model.device] += left;
    seen_.loads.emplace_back(model.id, now_ + left);
    expect(now_ + left, LoadFinished{model.id, MiB{0}, model.load.mean()});
  }

  void expect_next_step(const JobEntry& job) {
    if (!job.open) {
      if (job.step < job.known) expect(now_, StepReleased{job.id, job.step});
      return;
    }
    const auto imagined = imagined_idea_.find(job.id);
    const Chain& chain = imagined != imagined_idea_.end() ? imagined->second.chain : job.steps;
    if (job.step >= chain.size()) return expect(now_, IdeaEnded{job.id});
    const Instant at = job.started + state().habits.reading();
    expect(std::max(at, now_ + kLeastReading), StepAdded{job.id, chain[job.step]});
  }

  static Rates rates_on(const DeviceEntry& device) {
    std::size_t texts = 0;
    for (const Run& run : device.runs) texts += run.text ? 1U : 0U;
    return rates_of(device.contention, texts, device.runs.size() - texts);
  }

  // ── what runs ──
  std::optional<NextEnd> next_end() const {
    std::optional<NextEnd> next;
    for (const auto& [id, device] : state().devices) {
      if (device.runs.empty()) continue;
      const Rates rates = rates_on(device);
      for (const Run& run : device.runs) {
        const double left = std::max(work_us_.at(run.job) - run.done_us, 0.0);
        const double rate = run.text ? rates.text : rates.generation;
        const Instant at = device.settled + Duration{static_cast<std::int64_t>(left / rate)};
        if (!next || at < next->at) next = NextEnd{at, run.job};
      }
    }
    return next;
  }

  void finish_step(JobId id) {
    const JobEntry& job = state().jobs.at(id);
    note_end(job);
    const Duration work{static_cast<std::int64_t>(work_us_.at(id))};
    work_us_.erase(id);
    take(scheduler_.apply(StepFinished{id, job.step, work}, now_));
    const auto still = state().jobs.find(id);
    if (still != state().jobs.end() && still->second.phase == Phase::between_steps)
      expect_next_step(still->second);
  }

  void happen(const Event& event) {
    if (is_stale(event)) return;
    take(scheduler_.apply(event, now_));
    if (const auto* idea = std::get_if<IdeaBegun>(&event)) arrived(idea->job);
    if (const auto* step = std::get_if<StepAdded>(&event)) arrived(step->job);
    if (const auto* step = std::get_if<StepReleased>(&event)) arrived(step->job);
  }

  void arrived(JobId id) {
    const auto job = state().jobs.find(id);
    if (job != state().jobs.end() && job->second.phase == Phase::waiting)
      expect_patience_to_end(job->second);
  }

  void note_end(const JobEntry& job) {
    const auto seen = seen_.jobs.find(job.id);
    if (seen == seen_.jobs.end()) return;
    if (seen->second.step_ends == Instant{}) seen->second.step_ends = now_;
    seen->second.ends = now_;
    if (options_.until == job.id) step_has_ended_ = true;
  }

  // Who leaves has waited under the same arrival all the time.
  bool is_stale(const Event& event) const {
    if (const auto* step = std::get_if<StepAdded>(&event)) return !state().jobs.contains(step->job);
    const auto* leaving = std::get_if<JobCancelled>(&event);
    if (leaving == nullptr) return false;
    const auto job = state().jobs.find(leaving->job);
    return job == state().jobs.end() || job->second.phase != Phase::waiting ||
           leaves_.at(leaving->job) != job->second.arrival;
  }

  void take(const std::vector<Decision>& decisions) {
    for (const Decision& decision : decisions) {
      if (const auto* load = std::get_if<Load>(&decision)) {
        const ModelEntry& model = state().model(load->model);
        expect_load(model, model.load.mean());
      } else if (const auto* unload = std::get_if<Unload>(&decision)) {
        seen_.unloads.push_back(unload->model);
        expect(now_ + state().policy.unload_expected, UnloadFinished{unload->model});
      } else if (const auto* dispatch = std::get_if<Dispatch>(&decision)) {
        on_dispatch(*dispatch);
      } else if (const auto* finish = std::get_if<Finish>(&decision)) {
        on_finish(finish->job);
      }
    }
  }

  void on_dispatch(const Dispatch& dispatch) {
    const ModelEntry& model = state().model(dispatch.model);
    const StepSize size = state().jobs.at(dispatch.job).size;
    work_us_[dispatch.job] = static_cast<double>(model.run.mean(size).us);
    if (dispatch.job.value >= kImaginedIds) return;
    const auto [seen, is_new] = seen_.jobs.try_emplace(dispatch.job);
    const std::uint32_t ahead = started_[dispatch.backend]++;
    if (!is_new) return;
    seen->second.loading = std::min(loading_[model.device], now_ - start_);
    seen->second.ahead = ahead;
  }

  // Whoever is done thinks and comes back.
  void on_finish(JobId id) {
    PersonId person;
    const auto imagined = imagined_idea_.find(id);
    if (imagined != imagined_idea_.end()) {
      person = imagined->second.person;
      imagined_idea_.erase(imagined);
    } else {
      person = origin_.jobs.at(id).person;
      if (!origin_.jobs.at(id).parked) --open_;
      if (const auto seen = seen_.jobs.find(id); seen != seen_.jobs.end())
        seen->second.ended = true;
    }
    if (!options_.people_come_back) return;
    const PersonHabits& habits = state().people.at(person).habits;
    expect_idea(person, state().habits.expected(habits), now_ + state().habits.thinking(), habits);
  }

  struct ImaginedIdea {
    PersonId person;
    Chain chain;
  };

  const State& origin_;
  RolloutOptions options_;
  Instant start_;
  Instant now_;
  Scheduler scheduler_;
  std::priority_queue<Expected, std::vector<Expected>, Later> expected_;
  std::uint64_t order_ = 0;
  std::uint64_t imagined_ = 0;
  std::size_t open_ = 0;
  bool step_has_ended_ = false;
  std::unordered_map<JobId, double> work_us_;
  std::unordered_map<JobId, ImaginedIdea> imagined_idea_;
  std::unordered_map<JobId, std::int64_t> leaves_;  // under which arrival
  std::unordered_map<DeviceId, Duration> loading_;
  std::unordered_map<BackendId, std::uint32_t> started_;
  Rollout seen_;
};

}  // namespace

Rollout play_forward(const State& state, Instant now, const RolloutOptions& options) {
  return Player(state, now, options).play();
}

}  // namespace stoker::scheduler
