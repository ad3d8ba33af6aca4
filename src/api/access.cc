#include "api/access.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "storage/result_files.h"

namespace stoker::api {
namespace {

using controller::GroupView;
using controller::JobView;
using controller::ModelState;
using controller::ModelView;
using controller::WorkshopView;

bool names(const std::vector<ModelId>& focus, ModelId model) {
  return std::ranges::find(focus, model) != focus.end();
}

// Smaller is better.
int readiness(const ModelView& model) {
  switch (model.state) {
    case ModelState::hot:
      return 0;
    case ModelState::loading:
      return 1;
    case ModelState::cold:
      return 2;
    case ModelState::draining:
      return 3;
    case ModelState::failed:
      return 4;
  }
  return 5;
}

void add_workshop_reasons(const WorkshopView& workshop, std::uint32_t outstanding,
                          std::vector<WhyNot>& out) {
  switch (workshop.state) {
    case WorkshopState::planned:
    case WorkshopState::warming:
    case WorkshopState::ready:
      out.push_back(WhyNot::not_started);
      break;
    case WorkshopState::paused:
      out.push_back(WhyNot::paused);
      break;
    case WorkshopState::ended:
      out.push_back(WhyNot::ended);
      break;
    case WorkshopState::running:
      break;
  }
  if (!workshop.intake_open) out.push_back(WhyNot::intake_closed);
  if (outstanding >= workshop.outstanding_max) out.push_back(WhyNot::limit_reached);
  if (workshop.waiting >= workshop.queue_max) out.push_back(WhyNot::queue_full);
}

bool disk_is_full(const Snapshot& snapshot) {
  // 0: not measured yet.
  const bool little_left =
      snapshot.free_bytes != 0 && snapshot.free_bytes < ResultFiles::kFreeBytesMin;
  return !snapshot.store_ok || little_left;
}

}  // namespace

bool leads(const Identity& who, WorkshopId workshop) {
  if (who.role == Role::admin) return true;
  return who.role == Role::leader && (!who.workshop || who.workshop == workshop);
}

bool owns(const Identity& who, const JobView& job) {
  return static_cast<bool>(who.person) && who.person == job.person;
}

bool may_touch(const Identity& who, const JobView& job) {
  return owns(who, job) || leads(who, job.workshop);
}

bool may_see_results(const Identity& who, const JobView& job) {
  return may_touch(who, job) || (job.released && who.workshop == job.workshop);
}

bool may_see_prompt(const Identity& who, const JobView& job) {
  return owns(who, job) || (who.role == Role::leader && leads(who, job.workshop));
}

const WorkshopView* workshop_of(const Snapshot& snapshot, WorkshopId id) {
  const auto found = snapshot.workshops.find(id);
  return found == snapshot.workshops.end() ? nullptr : found->second.get();
}

const controller::PersonView* person_of(const Snapshot& snapshot, PersonId id) {
  const auto found = snapshot.people.find(id);
  return found == snapshot.people.end() ? nullptr : found->second.get();
}

FocusEyes eyes_of(const Snapshot& snapshot, WorkshopId workshop, GroupId group) {
  FocusEyes eyes{.workshop = workshop_of(snapshot, workshop)};
  if (eyes.workshop == nullptr || !group) return eyes;
  for (const GroupView& candidate : eyes.workshop->groups) {
    if (candidate.id == group) eyes.group = &candidate;
  }
  return eyes;
}

FocusEyes eyes_of(const Snapshot& snapshot, const Identity& who) {
  const controller::PersonView* person = person_of(snapshot, who.person);
  return eyes_of(snapshot, who.workshop, person != nullptr ? person->group : GroupId());
}

bool in_focus(const ModelView& model, const FocusEyes& eyes) {
  if (!model.model.offered) return false;
  if (eyes.workshop == nullptr) return true;
  if (eyes.group != nullptr && !eyes.group->focus.empty())
    return names(eyes.group->focus, model.model.id);
  if (eyes.workshop->focus.empty()) return true;
  return names(eyes.workshop->focus, model.model.id);
}

std::string_view off_reason_name(OffReason reason) {
  constexpr std::array<std::string_view, kOffReasonCount> kNames = {"out_of_focus", "misfit",
                                                                    "backend_down"};
  return kNames.at(static_cast<std::size_t>(reason));
}

std::optional<OffReason> off_reason(const ModelView& model, const FocusEyes& eyes) {
  if (!model.model.offered) return std::nullopt;  // nobody may choose it, today or ever
  if (!in_focus(model, eyes)) return OffReason::out_of_focus;
  const bool takes_turns = eyes.workshop != nullptr && eyes.workshop->misfit == MisfitRule::turns;
  if (!model.can_fit && !takes_turns) return OffReason::misfit;
  if (!model.backend_reachable) return OffReason::backend_down;
  return std::nullopt;
}

const ModelView* model_for_medium(const Snapshot& snapshot, Medium medium, const FocusEyes& eyes) {
  const ModelView* best = nullptr;
  const auto rank = [&eyes](const ModelView& m) {
    return std::tuple(off_reason(m, eyes).has_value(), readiness(m), m.waiting + m.running,
                      m.model.id);
  };
  for (const auto& [id, model] : snapshot.models) {
    if (model->model.medium != medium || !in_focus(*model, eyes)) continue;
    if (best == nullptr || rank(*model) < rank(*best)) best = model.get();
  }
  return best;
}

std::string_view why_not_name(WhyNot reason) {
  constexpr std::array<std::string_view, kWhyNotCount> kNames = {
      "paused",     "not_started",   "ended",    "limit_reached",
      "queue_full", "intake_closed", "disk_full"};
  return kNames.at(static_cast<std::size_t>(reason));
}

std::vector<WhyNot> why_not_send(const Snapshot& snapshot, const Identity& who,
                                 std::uint32_t outstanding) {
  std::vector<WhyNot> reasons;
  if (const WorkshopView* workshop = workshop_of(snapshot, who.workshop)) {
    add_workshop_reasons(*workshop, outstanding, reasons);
  }
  if (disk_is_full(snapshot)) reasons.push_back(WhyNot::disk_full);
  return reasons;
}

}  // namespace stoker::api
