#include "scheduler/admission.h"

#include "scheduler/constraints.h"

namespace stoker::scheduler {
namespace {

std::optional<Refusal> refused_by_workshop(const WorkshopEntry& workshop) {
  switch (workshop.state) {
    case WorkshopState::planned:
    case WorkshopState::warming:
    case WorkshopState::ready:
      return Refusal{ErrorCode::not_started};
    case WorkshopState::paused:
      return Refusal{ErrorCode::paused};
    case WorkshopState::ended:
      return Refusal{ErrorCode::ended};
    case WorkshopState::running:
      break;
  }
  if (!workshop.intake_open) return Refusal{ErrorCode::paused};
  return std::nullopt;
}

std::optional<Refusal> refused_by_model(const State& state, WorkshopId workshop, GroupId group,
                                        ModelId model, MisfitRule misfit) {
  const auto entry = state.models.find(model);
  if (entry == state.models.end() || entry->second.removed)
    return Refusal{ErrorCode::unknown_model};
  if (!in_focus_of(state, workshop, group, model)) return Refusal{ErrorCode::out_of_focus};
  if (!state.backends.at(entry->second.backend).reachable) return Refusal{ErrorCode::backend_down};
  const bool is_here = entry->second.residency == ResidencyState::resident;
  const MiB most = capacity(state.devices.at(state.device_of(model)));
  if (!is_here && entry->second.vram > most) return Refusal{ErrorCode::misfit, most.count};
  if (is_here) return std::nullopt;
  // Beside the home models it would have to take turns; beside what is pinned it could never be loaded.
  const bool must_turn = entry->second.misfit && misfit == MisfitRule::refuse;
  if (must_turn || !can_ever_fit(state, model)) {
    return Refusal{ErrorCode::misfit, most.count};
  }
  return std::nullopt;
}

}  // namespace

std::optional<Refusal> refusal_of(const State& state, const JobSubmitted& job) {
  const auto workshop = state.workshops.find(job.workshop);
  const WorkshopEntry everyday;
  const WorkshopEntry& rules = workshop == state.workshops.end() ? everyday : workshop->second;
  if (workshop != state.workshops.end()) {
    if (auto refusal = refused_by_workshop(rules)) return refusal;
  }
  if (job.steps.empty() || job.steps.size() > kChainMax) return Refusal{ErrorCode::bad_request};
  for (const ModelId model : job.steps) {
    if (auto refusal = refused_by_model(state, job.workshop, job.group, model, rules.misfit))
      return refusal;
  }
  const auto person = state.people.find(job.person);
  const std::uint32_t outstanding = person == state.people.end() ? 0 : person->second.outstanding;
  if (outstanding >= rules.outstanding_max_per_person) {
    return Refusal{ErrorCode::limit_reached, rules.outstanding_max_per_person};
  }
  if (rules.waiting >= rules.queue_max) return Refusal{ErrorCode::queue_full, rules.queue_max};
  return std::nullopt;
}

std::optional<Refusal> refusal_of_step(const State& state, const JobEntry& job) {
  const auto workshop = state.workshops.find(job.workshop);
  const MisfitRule misfit =
      workshop == state.workshops.end() ? MisfitRule::refuse : workshop->second.misfit;
  return refused_by_model(state, job.workshop, job.group, job.model(), misfit);
}

}  // namespace stoker::scheduler
