// The clock of the world: what happens by itself, instant by instant.
#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "simulation/policy.h"
#include "simulation/run_log.h"
#include "simulation/world.h"

namespace stoker::simulation {
namespace {

// Work left below this counts as done: instants are rounded to microseconds.
constexpr double kSecondsLeftIgnored = 2e-6;

// min(patience, withdrawal) after the release.
Duration limit_of(const StepDraw& draw, Duration patience) {
  return draw.withdraw ? std::min(patience, *draw.withdraw) : patience;
}

}  // namespace

RunRecord World::run() {
  STOKER_INVARIANT(jobs_.empty() && record_.instants == 0, "a world plays once");
  for (ParticipantIndex who = 0; who < scenario_.persons.size(); ++who) {
    const Person& person = scenario_.persons[who];
    const Instant begin = scenario_.phases.front().start + person.first_offset;
    if (person.ideas > 0 && begin < scenario_.horizon) plan_idea(who, 0, begin);
  }
  policy_.begin(*this);
  decide();
  while (open_ideas_ > 0) {
    const std::optional<Instant> run_end = next_run_end();
    STOKER_INVARIANT(run_end || !timers_.empty(), "an open idea has a deadline");
    Instant at = timers_.empty() ? *run_end : timers_.next().at;
    if (run_end) at = std::min(at, *run_end);
    advance_to(at);
    end_runs();
    run_timers();
    decide();
  }
  for (const LoadInProgress& load : loading_) {
    const Instant until = std::min(now_, load_draw(load.model, load.started).ends);
    record_.load_s += std::max(0.0, seconds_of(until) - seconds_of(load.started));
  }
  record_.end = now_;
  return std::move(record_);
}

void World::decide() {
  ++record_.instants;
  deciding_ = true;
  policy_.decide(*this);
  deciding_ = false;
}

std::optional<Instant> World::next_run_end() const {
  if (running_.empty()) return std::nullopt;
  const auto rates = setting().contention.rates(running_of_kind_[kind_index(StepKind::text)],
                                                running_of_kind_[kind_index(StepKind::generation)]);
  double first_s = INFINITY;
  for (const JobIndex job : running_) {
    const Progress& progress = progress_[job];
    const bool crashes = progress.crash_left_s >= 0;
    const double left_s = crashes ? progress.left_s - progress.crash_left_s : progress.left_s;
    const double rate = rates[kind_index(jobs_[job].kind)];
    first_s = std::min(first_s, seconds_of(now_) + std::max(0.0, left_s) / rate);
  }
  return nearest_instant(first_s);
}

void World::advance_to(Instant at) {
  const double passed_s = seconds_of(at) - seconds_of(now_);
  if (!running_.empty()) {
    const auto rates =
        setting().contention.rates(running_of_kind_[kind_index(StepKind::text)],
                                   running_of_kind_[kind_index(StepKind::generation)]);
    for (const JobIndex job : running_)
      progress_[job].left_s -= passed_s * rates[kind_index(jobs_[job].kind)];
    const Instant from = std::max(now_, scenario_.phases.front().start);
    const Instant until = std::min(at, scenario_.horizon);
    if (until > from) record_.busy_s += seconds_of(until) - seconds_of(from);
  }
  // Between two instants lies no edge of foreign memory: each is an instant.
  if (!edges_.empty() && free_memory() < MiB{}) record_.foreign_overrun_s += passed_s;
  now_ = at;
  follow_foreign();
}

void World::follow_foreign() {
  while (next_edge_ < edges_.size() && edges_[next_edge_].at <= now_)
    foreign_ += edges_[next_edge_++].change;
}

void World::end_runs() {
  ended_now_.clear();
  crashed_now_.clear();
  for (const JobIndex job : running_) {
    const Progress& progress = progress_[job];
    if (progress.left_s <= kSecondsLeftIgnored) {
      ended_now_.push_back(job);
    } else if (progress.crash_left_s >= 0 &&
               progress.left_s - progress.crash_left_s <= kSecondsLeftIgnored) {
      crashed_now_.push_back(job);
    }
  }
  for (const JobIndex job : ended_now_) finish(job);
  for (const JobIndex job : crashed_now_) requeue(job, CancelCause::crash);
}

void World::run_timers() {
  while (!timers_.empty() && timers_.next().at <= now_) on_timer(timers_.take());
}

void World::on_timer(const Timer& timer) {
  switch (timer.kind) {
    case TimerKind::wake:
      return;
    case TimerKind::release:
      return release(timer.subject, timer.detail, timer.step);
    case TimerKind::give_up:
      return give_up(timer.subject);
    case TimerKind::load_finished:
    case TimerKind::load_failed:
      return end_load(timer);
    case TimerKind::external_eviction:
      return evict_externally(timer.subject);
    case TimerKind::foreign_edge:
      if (foreign_ == std::exchange(told_foreign_, foreign_)) return;
      return policy_.foreign_changed(*this);
  }
}

void World::plan_idea(ParticipantIndex who, std::uint32_t idea, Instant begin) {
  ++open_ideas_;
  add_timer(begin, TimerKind::release, who, idea, 0);
}

void World::release(ParticipantIndex who, std::uint32_t idea, std::uint32_t step) {
  const std::uint32_t draw_index =
      scenario_.ideas[scenario_.persons[who].first_idea + idea].first_step + step;
  const StepDraw& draw = scenario_.steps[draw_index];
  const ModelFacts& model = setting().models[draw.model];
  const auto index = static_cast<JobIndex>(jobs_.size());
  const Job& job = jobs_.emplace_back(Job{.index = index,
                                          .participant = who,
                                          .user = setting().participants[who].user,
                                          .idea = idea,
                                          .step = step,
                                          .model = draw.model,
                                          .backend = model.backend,
                                          .kind = model.kind,
                                          .released = now_});
  if (step == 0) idea_begun_[who] = now_;
  progress_.push_back({.draw = draw_index});
  record_.steps.push_back({.participant = who, .kind = model.kind, .released = now_});
  waiting_.push_back(index);
  if (RunLog* log = event()) log->step_released(now_, job);
  const Duration patience = setting().patience[kind_index(model.kind)];
  add_timer(now_ + limit_of(draw, patience), TimerKind::give_up, index);
  policy_.released(*this, job);
}

void World::finish(JobIndex index) {
  Job& job = jobs_[index];
  const StepDraw& draw = scenario_.steps[progress_[index].draw];
  stop_running(index);
  end_step(index, StepOutcome::finished);
  record_.flow_sum_s += seconds_of(now_) - seconds_of(job.released);
  job.work = draw.work;
  if (RunLog* log = event()) log->step_finished(now_, job);
  policy_.finished(*this, job);
  const Person& person = scenario_.persons[job.participant];
  if (job.step + 1 < scenario_.ideas[person.first_idea + job.idea].steps) {
    add_timer(now_ + draw.read, TimerKind::release, job.participant, job.idea, job.step + 1);
    return;
  }
  if (RunLog* log = event()) log->result(now_, job);
  policy_.result(*this, job);
  end_idea(index, IdeaOutcome::result);
}

void World::give_up(JobIndex index) {
  const Job& job = jobs_[index];
  if (job.state == JobState::ended) return;
  if (job.state == JobState::running) {
    stop_running(index);
    if (RunLog* log = event()) log->step_cancelled(now_, job, CancelCause::gave_up);
  } else {
    std::erase(waiting_, index);
  }
  const StepDraw& draw = scenario_.steps[progress_[index].draw];
  const bool by_choice = draw.withdraw && *draw.withdraw < setting().patience[kind_index(job.kind)];
  end_step(index, by_choice ? StepOutcome::withdrawn : StepOutcome::gave_up);
  if (RunLog* log = event()) log->gave_up(now_, job);
  policy_.abandoned(*this, job);
  end_idea(index, by_choice ? IdeaOutcome::withdrawn : IdeaOutcome::gave_up);
}

void World::end_idea(JobIndex index, IdeaOutcome outcome) {
  const Job& job = jobs_[index];
  const Person& person = scenario_.persons[job.participant];
  const Idea& idea = scenario_.ideas[person.first_idea + job.idea];
  Duration alone;
  for (std::uint32_t step = 0; step <= job.step; ++step) {
    const StepDraw& draw = scenario_.steps[idea.first_step + step];
    alone += step < job.step ? draw.work + draw.read : draw.work;
  }
  record_.ideas.push_back(
      {job.participant, job.idea, outcome, idea_begun_[job.participant], now_, alone});
  --open_ideas_;
  const std::optional<Instant> begin = next_begin(person, idea.think);
  if (!begin) return;
  if (job.idea + 1 < person.ideas) {
    plan_idea(job.participant, job.idea + 1, *begin);
  } else {
    ++record_.participants_out_of_ideas;
  }
}

std::optional<Instant> World::next_begin(const Person& person, Duration think) const {
  Instant begin = now_ + think;
  const auto works = [&](const Phase& phase) { return phase.start <= begin && begin < phase.end; };
  if (std::ranges::none_of(scenario_.phases, works)) {
    const auto later = std::ranges::upper_bound(scenario_.phases, begin, {}, &Phase::start);
    if (later == scenario_.phases.end()) return std::nullopt;
    const auto number = static_cast<std::size_t>(later - scenario_.phases.begin());
    begin = later->start + person.phase_offsets[number];
  }
  if (begin >= scenario_.horizon) return std::nullopt;
  return begin;
}

void World::requeue(JobIndex index, CancelCause cause) {
  Job& job = jobs_[index];
  stop_running(index);
  job.state = JobState::waiting;
  job.started.reset();
  waiting_.insert(std::ranges::upper_bound(waiting_, index), index);
  if (RunLog* log = event()) log->step_cancelled(now_, job, cause);
  policy_.requeued(*this, job, cause);
}

void World::evict_externally(ModelIndex model) {
  if (!is_resident(model)) return;
  const std::vector<JobIndex> running = running_;
  for (const JobIndex job : running) {
    if (jobs_[job].model == model) requeue(job, CancelCause::external_eviction);
  }
  drop_from_memory(model);
  if (RunLog* log = event()) log->evicted(now_, model, "external");
  policy_.evicted_externally(*this, model);
}

void World::end_load(const Timer& timer) {
  const ModelIndex model = timer.subject;
  ModelState& state = model_[model];
  if (!state.loading || state.loads != timer.detail) return;  // aborted
  forget_load(model);
  if (timer.kind == TimerKind::load_failed) {
    ++record_.loads_failed;
    if (RunLog* log = event()) log->load_failed(now_, model, "incident");
    return policy_.load_failed(*this, model);
  }
  state.resident = state.was_resident = true;
  state.last_used = now_;
  resident_.push_back(model);
  used_ += setting().models[model].memory;
  if (RunLog* log = event()) log->load_finished(now_, model);
  policy_.loaded(*this, model);
}

}  // namespace stoker::simulation
