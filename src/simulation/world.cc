#include "simulation/world.h"

#include <algorithm>
#include <cmath>
#include <ranges>

#include "base/error.h"
#include "simulation/policy.h"
#include "simulation/run_log.h"

namespace stoker::simulation {
namespace {

std::vector<ForeignEdge> edges_of(const std::vector<ForeignMemory>& windows) {
  std::vector<ForeignEdge> edges;
  for (const ForeignMemory& window : windows) {
    if (window.from >= window.until) continue;
    edges.push_back({std::max(window.from, Instant{}), window.amount});
    edges.push_back({std::max(window.until, Instant{}), MiB{} - window.amount});
  }
  std::ranges::sort(edges, {}, &ForeignEdge::at);
  return edges;
}

}  // namespace

Instant nearest_instant(double at_s) {
  const double us = at_s * 1e6;
  if (us >= static_cast<double>(kNever.us)) return kNever;
  const double below = std::floor(us);
  if (us - below != 0.5) return Instant{std::llround(us)};
  // The product was rounded to look like a tie; what it lost in that decides.
  const double lost = std::fma(at_s, 1e6, -us);
  const auto even = static_cast<std::int64_t>(std::nearbyint(us));
  if (lost == 0) return Instant{even};
  return Instant{static_cast<std::int64_t>(below) + (lost > 0 ? 1 : 0)};
}

World::World(const Scenario& scenario, Policy& policy, RunLog* log)
    : scenario_(scenario), policy_(policy), log_(log), edges_(edges_of(scenario.foreign)) {
  const Setting& setting = scenario.setting;
  model_.resize(setting.models.size());
  slots_used_.resize(setting.backends.size());
  idea_begun_.resize(setting.participants.size());
  record_.loads.resize(setting.models.size());
  jobs_.reserve(scenario.steps.size());
  progress_.reserve(scenario.steps.size());
  record_.steps.reserve(scenario.steps.size());
  record_.ideas.reserve(scenario.ideas.size());
  for (const ModelIndex model : setting.initial_resident) {
    model_[model].resident = model_[model].was_resident = true;
    resident_.push_back(model);
    used_ += setting.models[model].memory;
  }
  for (const ExternalEviction& eviction : scenario.external_evictions)
    add_timer(eviction.at, TimerKind::external_eviction, eviction.model);
  for (const ForeignEdge& edge : edges_) add_timer(edge.at, TimerKind::foreign_edge);
  follow_foreign();
  told_foreign_ = foreign_;
}

std::uint32_t World::slots_free(BackendIndex backend) const {
  return setting().backends[backend].slots - slots_used_[backend];
}

bool World::can_load(ModelIndex model) const {
  return !is_resident(model) && !is_loading(model) && loader_free() &&
         setting().models[model].memory <= free_memory();
}

bool World::can_start(JobIndex index) const {
  const Job& job = jobs_[index];
  return job.state == JobState::waiting && is_resident(job.model) && slots_free(job.backend) > 0;
}

void World::start(JobIndex index) {
  STOKER_INVARIANT(deciding_ && can_start(index), "a policy started a step that cannot start");
  Job& job = jobs_[index];
  Progress& progress = progress_[index];
  const StepDraw& draw = scenario_.steps[progress.draw];
  std::erase(waiting_, index);
  running_.push_back(index);
  job.state = JobState::running;
  job.started = now_;
  ++job.attempts;
  ++model_[job.model].running;
  ++slots_used_[job.backend];
  ++running_of_kind_[kind_index(job.kind)];
  model_[job.model].last_used = now_;
  progress.left_s = draw.work.seconds();
  const bool crashes = job.attempts == 1 && draw.crash_at;
  progress.crash_left_s = crashes ? draw.work.seconds() * (1.0 - *draw.crash_at) : kNoCrash;
  if (RunLog* log = event()) log->step_started(now_, job);
}

void World::load(ModelIndex model) {
  STOKER_INVARIANT(deciding_ && can_load(model), "a policy loaded a model that cannot be loaded");
  ModelState& state = model_[model];
  state.loading = true;
  used_ += setting().models[model].memory;
  loading_.push_back({model, now_});
  ++state.loads;
  ++record_.loads[model];
  if (state.was_resident) ++record_.reloads;
  if (RunLog* log = event()) log->load_started(now_, model);
  const LoadDraw draw = load_draw(model, now_);
  add_timer(draw.ends, draw.fails ? TimerKind::load_failed : TimerKind::load_finished, model,
            state.loads);
}

void World::evict(ModelIndex model, std::string_view cause) {
  STOKER_INVARIANT(deciding_ && is_resident(model) && !in_use(model) && cause != "external",
                   "a policy evicted a model that is absent or in use");
  drop_from_memory(model);
  ++record_.evictions;
  const std::vector<ModelIndex>& pinned = setting().plan.pinned;
  if (std::ranges::find(pinned, model) != pinned.end()) ++record_.pinned_evictions;
  if (RunLog* log = event()) log->evicted(now_, model, cause);
}

void World::refuse(JobIndex index) {
  const Job& job = jobs_[index];
  STOKER_INVARIANT(deciding_ && job.state == JobState::waiting && job.attempts == 0,
                   "a policy refused a step that was started or has ended");
  std::erase(waiting_, index);
  end_step(index, StepOutcome::refused);
  if (RunLog* log = event()) log->refused(now_, job);
  deciding_ = false;
  policy_.abandoned(*this, job);
  deciding_ = true;
  end_idea(index, IdeaOutcome::refused);
}

void World::abort_load(ModelIndex model) {
  STOKER_INVARIANT(is_loading(model), "a policy aborted a load that does not run");
  forget_load(model);
  ++record_.loads_aborted;
  if (RunLog* log = event()) log->load_failed(now_, model, "aborted");
}

void World::eta(JobIndex index, Duration low, Duration mid, Duration high) {
  const Job& job = jobs_[index];
  STOKER_INVARIANT(job.state != JobState::ended && Duration{} <= low && low <= mid && mid <= high,
                   "a policy quoted a range that is none");
  record_.quotes.push_back({index, now_, low, mid, high});
  if (RunLog* log = event()) log->eta(now_, job, low, mid, high);
}

void World::wake_at(Instant at) {
  if (at > now_) add_timer(at, TimerKind::wake);
}

void World::note(std::string_view event_name, std::string_view members) {
  STOKER_INVARIANT(event_name.starts_with("x_"), "a note would pass for an event");
  if (log_ != nullptr) log_->note(now_, event_name, members);
}

RunLog* World::event() {
  ++record_.events;
  return log_;
}

void World::add_timer(Instant at, TimerKind kind, std::uint32_t subject, std::uint32_t detail,
                      std::uint32_t step) {
  timers_.add(
      {.at = std::max(at, now_), .kind = kind, .subject = subject, .detail = detail, .step = step});
}

LoadDraw World::load_draw(ModelIndex model, Instant started) const {
  const Duration load = setting().models[model].load;
  for (const LoadFailure& failure : std::views::reverse(scenario_.load_failures[model])) {
    if (failure.occurrence != model_[model].loads) continue;
    return {nearest_instant(seconds_of(started) + load.seconds() * failure.at_fraction), true};
  }
  return {started + load, false};
}

void World::stop_running(JobIndex index) {
  const Job& job = jobs_[index];
  std::erase(running_, index);
  --model_[job.model].running;
  --slots_used_[job.backend];
  --running_of_kind_[kind_index(job.kind)];
  model_[job.model].last_used = now_;
}

void World::end_step(JobIndex index, StepOutcome outcome) {
  jobs_[index].state = JobState::ended;
  record_.steps[index].outcome = outcome;
  record_.steps[index].ended = now_;
}

void World::drop_from_memory(ModelIndex model) {
  model_[model].resident = false;
  std::erase(resident_, model);
  used_ -= setting().models[model].memory;
}

void World::forget_load(ModelIndex model) {
  const auto load = std::ranges::find(loading_, model, &LoadInProgress::model);
  record_.load_s += seconds_of(now_) - seconds_of(load->started);
  loading_.erase(load);
  model_[model].loading = false;
  used_ -= setting().models[model].memory;
}

}  // namespace stoker::simulation
