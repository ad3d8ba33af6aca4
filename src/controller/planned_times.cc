// When workshops mean to work: told to the scheduler as plans, and warmed up in time without anybody pressing a button.
//
// Schedules are wall time, the scheduler knows planning time only: plans are converted as they are sent, looked at with
// every probe, and sent again once they differ. What has begun keeps its beginning, however the clock on the wall jumps.
#include <algorithm>
#include <cmath>
#include <utility>

#include "controller/live_controller.h"
#include "scheduler/constraints.h"

namespace stoker::controller {
namespace {

// "Until further notice": ten years.
constexpr Duration kFurtherNotice = minutes(10LL * 366 * 24 * 60);
// A planned workshop without an end, to which nobody came, is given up so long after its start.
constexpr Duration kDayWithoutEnd = minutes(12 * 60);
// Clocks drift; smaller differences are not worth an event. On the wall.
constexpr Duration kSameMoment = seconds(1);

bool is_at_work(const Workshop& workshop) {
  return workshop.state == WorkshopState::running || workshop.state == WorkshopState::paused;
}

std::optional<WallTime> end_of(const Workshop& workshop) {
  const bool makes_sense = !workshop.starts || !workshop.ends || *workshop.starts < *workshop.ends;
  if (workshop.ends && makes_sense) return workshop.ends;
  if (workshop.starts && !is_at_work(workshop)) return *workshop.starts + kDayWithoutEnd;
  return std::nullopt;
}

bool is_same_moment(Instant a, Instant b, Instant now, Duration tolerance) {
  const Instant far = now + kFurtherNotice / 2;
  if ((a <= now && b <= now) || (a >= far && b >= far)) return true;
  return a - b <= tolerance && b - a <= tolerance;
}

bool is_same_plan(const scheduler::WorkshopEntry& known, const scheduler::PlanSet& plan,
                  Instant now, Duration tolerance) {
  if (known.announced != plan.announced) return false;
  if (known.phases.size() * 2 != plan.phase_edges.size()) return false;
  for (std::size_t i = 0; i < known.phases.size(); ++i) {
    const bool same =
        is_same_moment(known.phases[i].start, plan.phase_edges[2 * i], now, tolerance) &&
        is_same_moment(known.phases[i].end, plan.phase_edges[2 * i + 1], now, tolerance);
    if (!same) return false;
  }
  return true;
}

}  // namespace

Instant LiveController::planning_time_of(WallTime at) const {
  const double from_now_us = static_cast<double>(at.ms - ports_.loop->wall_now().ms) * 1000.0;
  const auto far_us = static_cast<double>(kFurtherNotice.us);
  return ports_.loop->now() +
         microseconds(std::llround(std::clamp(from_now_us * settings_.speed, -far_us, far_us)));
}

// The focus of the workshop, then those of its groups.
std::vector<ModelId> LiveController::models_meant_by(const Workshop& workshop) const {
  std::vector<ModelId> models;
  const auto add = [&](const std::vector<ModelId>& focus) {
    for (const ModelId model : focus) {
      const bool is_new = std::find(models.begin(), models.end(), model) == models.end();
      if (is_new && models_.contains(model)) models.push_back(model);
    }
  };
  add(workshop.focus);
  for (const Group& group : workshop.groups) add(group.focus);
  return models;
}

// All its models loaded one after the other, and the time for which the scheduler fetches back text models.
Duration LiveController::warm_up_lead(const Workshop& workshop) const {
  const scheduler::State& state = scheduler_.state();
  Duration lead = state.policy.home_lead;
  for (const ModelId model : models_meant_by(workshop)) lead += state.model(model).load.mean();
  return lead;
}

bool LiveController::is_past(const Workshop& workshop) const {
  const std::optional<WallTime> ends = end_of(workshop);
  return ends && *ends <= ports_.loop->wall_now();
}

// One phase: as planned, or from now on; whoever works on beyond the planned end works until further notice. Models are
// announced once the workshop is live, so that next week's plan takes no room from today's workshop.
scheduler::PlanSet LiveController::plan_of(const Workshop& workshop, Instant now) const {
  scheduler::PlanSet plan{.workshop = workshop.id};
  const bool is_live = scheduler::is_live(workshop.state);
  if (is_live) plan.announced = models_meant_by(workshop);
  const bool has_phase = is_live || (workshop.starts && workshop.state == WorkshopState::planned);
  if (!has_phase) return plan;
  Instant start = workshop.starts ? planning_time_of(*workshop.starts) : now;
  if (is_at_work(workshop)) start = std::min(start, now);
  const auto known = scheduler_.state().workshops.find(workshop.id);
  const bool has_begun = known != scheduler_.state().workshops.end() &&
                         !known->second.phases.empty() && known->second.phases[0].start <= now;
  if (has_begun && start <= now) start = known->second.phases[0].start;
  const std::optional<WallTime> ends = end_of(workshop);
  Instant end = ends ? planning_time_of(*ends) : start + kFurtherNotice;
  if (end <= now && !is_live) return plan;
  if (end <= now) end = now + kFurtherNotice;
  plan.phase_edges = {start, end};
  return plan;
}

void LiveController::tell_plan(WorkshopId id) {
  const Instant now = ports_.loop->now();
  const auto known = scheduler_.state().workshops.find(id);
  if (known == scheduler_.state().workshops.end()) return;
  scheduler::PlanSet plan = plan_of(world_.find_workshop(id)->workshop, now);
  const Duration tolerance{std::llround(static_cast<double>(kSameMoment.us) * settings_.speed)};
  if (!is_same_plan(known->second, plan, now, tolerance)) happen(std::move(plan));
}

void LiveController::set_state(WorkshopId id, WorkshopState state) {
  scheduler::WorkshopSet rules = rules_of(id);
  rules.state = state;
  set_rules(std::move(rules));
  tell_plan(id);
  refresh_wanted(CauseKind::warm_up);
}

// When the warm-up of a planned workshop begins by itself; nullopt: there is nothing to warm up, or no time for it.
std::optional<Instant> LiveController::warm_up_time(const Workshop& workshop, Instant now) const {
  const bool is_due = workshop.state == WorkshopState::planned && workshop.starts &&
                      planning_time_of(*end_of(workshop)) > now;
  if (!is_due || models_meant_by(workshop).empty()) return std::nullopt;
  return planning_time_of(*workshop.starts) - warm_up_lead(workshop);
}

// Begins warm-ups whose time has come, gives up those to which nobody came until their end, and tells what has changed.
void LiveController::keep_plans() {
  const Instant now = ports_.loop->now();
  std::optional<Instant> next;
  const auto consider = [&](Instant at) {
    if (at > now && at < now + kFurtherNotice / 2 && (!next || at < *next)) next = at;
  };
  for (const auto& [id, record] : world_.workshops()) {
    const auto told = scheduler_.state().workshops.find(id);
    if (told == scheduler_.state().workshops.end()) continue;
    const std::optional<Instant> warm_up = warm_up_time(record.workshop, now);
    if (warm_up) consider(*warm_up);
    const auto& phases = told->second.phases;
    const bool had_an_end = !phases.empty() && phases.back().end < now + kFurtherNotice / 2;
    const bool is_over = had_an_end && (phases.back().end <= now || is_past(record.workshop));
    if (warm_up && *warm_up <= now) {
      set_state(id, WorkshopState::warming);
    } else if (is_over && record.workshop.state == WorkshopState::warming) {
      set_state(id, WorkshopState::planned);
    } else {
      tell_plan(id);
    }
    if (!phases.empty()) consider(phases.back().end);
  }
  if (next_plan_) ports_.loop->cancel(*next_plan_);
  next_plan_.reset();
  if (next) next_plan_ = ports_.loop->after(*next - now, [this] { keep_plans(); });
}

}  // namespace stoker::controller
