// Workshops: create, change, act, focus, preview, erase; and the operator's wishes about residency.
#include <algorithm>
#include <set>
#include <utility>

#include "controller/live_controller.h"
#include "scheduler/constraints.h"
#include "scheduler/forecast.h"
#include "workshop/plan_check.h"

namespace stoker::controller {
namespace {

constexpr std::string_view kCodeAlphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";  // no 0 O 1 I
constexpr std::size_t kCodeLength = 6;
constexpr int kCodeTriesMax = 100;

Verdict verdict_of(workshop::Verdict verdict) {
  switch (verdict) {
    case workshop::Verdict::fits:
      return Verdict::fits;
    case workshop::Verdict::tight:
      return Verdict::tight;
    case workshop::Verdict::misfit:
      return Verdict::misfit;
  }
  return Verdict::misfit;
}

void apply_settings(const WorkshopPatch& patch, scheduler::WorkshopSet& rules) {
  rules.head_count = patch.head_count.value_or(rules.head_count);
  rules.outstanding_max_per_person =
      patch.outstanding_max.value_or(rules.outstanding_max_per_person);
  rules.intake_open = patch.intake_open.value_or(rules.intake_open);
  rules.misfit = patch.misfit.value_or(rules.misfit);
}

Result<WorkshopState> next_state(WorkshopState state, WorkshopAction action) {
  const auto refuse = [] {
    return fail(ErrorCode::conflict, "not possible in this state", "state");
  };
  if (state == WorkshopState::ended) return fail(ErrorCode::ended, "the workshop is over");
  switch (action) {
    case WorkshopAction::warm:
      return state == WorkshopState::planned ? WorkshopState::warming : state;
    case WorkshopAction::start:
      if (state == WorkshopState::paused) return refuse();
      return WorkshopState::running;
    case WorkshopAction::pause:
      if (state != WorkshopState::running && state != WorkshopState::paused) return refuse();
      return WorkshopState::paused;
    case WorkshopAction::resume:
      if (state != WorkshopState::running && state != WorkshopState::paused) return refuse();
      return WorkshopState::running;
    case WorkshopAction::end:
      return WorkshopState::ended;
  }
  return refuse();
}

}  // namespace

scheduler::WorkshopSet LiveController::rules_of(WorkshopId id) const {
  const Workshop& workshop = world_.find_workshop(id)->workshop;
  return {.workshop = id,
          .state = workshop.state,
          .intake_open = workshop.intake_open,
          .misfit = workshop.misfit,
          .head_count = workshop.head_count,
          .outstanding_max_per_person = workshop.outstanding_max_per_person,
          .queue_max = workshop.queue_max,
          .focus = workshop.focus};
}

void LiveController::set_rules(scheduler::WorkshopSet rules) {
  happen(std::move(rules));
}

Result<void> LiveController::check_models(const std::vector<ModelId>& models) const {
  std::set<ModelId> seen;
  for (const ModelId id : models) {
    const auto model = models_.find(id);
    const bool is_offered = model != models_.end() && model->second.offered;
    if (!is_offered) return fail(ErrorCode::unknown_model, "no such model", "focus");
    if (!seen.insert(id).second)
      return fail(ErrorCode::bad_request, "a model is named twice", "focus");
  }
  return {};
}

// What live workshops want resident: their focus, in the order of their ids.
void LiveController::refresh_wanted(CauseKind cause) {
  std::vector<ModelId> wanted;
  for (const auto& [id, record] : world_.workshops()) {
    if (!scheduler::is_live(record.workshop.state)) continue;
    for (const ModelId model : models_meant_by(record.workshop)) {
      if (std::find(wanted.begin(), wanted.end(), model) == wanted.end()) wanted.push_back(model);
    }
  }
  const CauseKind other =
      cause == CauseKind::warm_up ? CauseKind::focus_change : CauseKind::warm_up;
  if (scheduler_.state().wanted.contains(other)) happen(scheduler::WantedSet{other, {}});
  happen(scheduler::WantedSet{cause, std::move(wanted)});
}

std::string LiveController::new_join_code() {
  for (int attempt = 0; attempt < kCodeTriesMax; ++attempt) {
    std::string code;
    std::uint64_t bits = ports_.random();
    for (std::size_t i = 0; i < kCodeLength; ++i) {
      code += kCodeAlphabet[bits % kCodeAlphabet.size()];
      bits /= kCodeAlphabet.size();
    }
    if (world_.find_by_code(code) == nullptr) return code;
  }
  STOKER_INVARIANT(false, "no free join code among a billion");
  return {};
}

void LiveController::create_workshop(Actor actor, CreateWorkshop command, Reply<WorkshopId> reply) {
  if (actor.role != Role::admin && actor.role != Role::leader) {
    return reply(fail(ErrorCode::forbidden, "only leaders create workshops"));
  }
  if (world_.workshops().size() >= kWorkshopsMax)
    return reply(fail(ErrorCode::limit_reached, "too many workshops"));
  if (command.groups.size() > kGroupsMax)
    return reply(fail(ErrorCode::limit_reached, "too many groups", "groups"));
  if (auto ok = check_models(command.focus); !ok) return reply(fail(ok.error()));
  for (const NewGroup& group : command.groups) {
    if (auto ok = check_models(group.focus); !ok) return reply(fail(ok.error()));
  }
  const WorkshopId id = world_.next_workshop();
  const Workshop defaults;
  scheduler::WorkshopSet rules{.workshop = id,
                               .state = WorkshopState::planned,
                               .intake_open = true,
                               .misfit = topology_.misfit,
                               .head_count = defaults.head_count,
                               .outstanding_max_per_person = defaults.outstanding_max_per_person,
                               .queue_max = defaults.queue_max,
                               .focus = command.focus};
  apply_settings(command.settings, rules);
  set_rules(std::move(rules));
  note(WorkshopDescribed{id, command.settings.starts.value_or(WallTime{}).ms,
                         command.settings.ends.value_or(WallTime{}).ms,
                         command.settings.retention_days.value_or(defaults.retention_days)});
  keep_text(DocumentKind::workshop_title, id.value, command.title);
  keep_text(DocumentKind::join_code, id.value, new_join_code());
  for (const NewGroup& group : command.groups) {
    const GroupId group_id = world_.next_group();
    happen(scheduler::GroupSet{id, group_id, group.focus});
    keep_text(DocumentKind::group_title, group_id.value, group.title);
  }
  keep_plans();
  const WallTime now = ports_.loop->wall_now();
  put_token({command.leader_token, Role::leader, id, PersonId{}, now, false});
  put_token({command.board_token, Role::board, id, PersonId{}, now, false});
  reply_after_commit<WorkshopId>(std::move(reply), id);
}

void LiveController::patch_workshop(Actor actor, WorkshopId id, WorkshopPatch patch,
                                    Reply<void> reply) {
  if (auto allowed = may_lead(actor, id); !allowed) return reply(fail(allowed.error()));
  scheduler::WorkshopSet rules = rules_of(id);
  apply_settings(patch, rules);
  set_rules(std::move(rules));
  const Workshop& now = world_.find_workshop(id)->workshop;
  const auto ms = [](const std::optional<WallTime>& fresh, const std::optional<WallTime>& old) {
    return fresh ? fresh->ms : old.value_or(WallTime{}).ms;
  };
  note(WorkshopDescribed{id, ms(patch.starts, now.starts), ms(patch.ends, now.ends),
                         patch.retention_days.value_or(now.retention_days)});
  keep_plans();
  if (patch.title) keep_text(DocumentKind::workshop_title, id.value, *patch.title);
  if (patch.board_message) keep_text(DocumentKind::board_message, id.value, *patch.board_message);
  reply_after_commit<void>(std::move(reply), {});
}

void LiveController::act_on_workshop(Actor actor, WorkshopId id, WorkshopAction action,
                                     Reply<void> reply) {
  if (auto allowed = may_lead(actor, id); !allowed) return reply(fail(allowed.error()));
  scheduler::WorkshopSet rules = rules_of(id);
  const auto state = next_state(rules.state, action);
  if (!state) return reply(fail(state.error()));
  const bool was_live = scheduler::is_live(rules.state);
  rules.state = *state;
  set_rules(std::move(rules));
  keep_plans();
  const bool is_live = scheduler::is_live(*state);
  if (is_live != was_live || action == WorkshopAction::warm) refresh_wanted(CauseKind::warm_up);
  reply_after_commit<void>(std::move(reply), {});
}

void LiveController::set_focus(Actor actor, WorkshopId id, std::optional<GroupId> group,
                               std::vector<ModelId> focus, Reply<void> reply) {
  if (auto allowed = may_lead(actor, id); !allowed) return reply(fail(allowed.error()));
  if (auto ok = check_models(focus); !ok) return reply(fail(ok.error()));
  if (group) {
    const auto& groups = world_.find_workshop(id)->workshop.groups;
    const bool known =
        std::any_of(groups.begin(), groups.end(), [&](const Group& g) { return g.id == *group; });
    if (!known) return reply(fail(ErrorCode::not_found, "no such group", "group"));
    happen(scheduler::GroupSet{id, *group, std::move(focus)});
  } else {
    scheduler::WorkshopSet rules = rules_of(id);
    rules.focus = std::move(focus);
    set_rules(std::move(rules));
  }
  keep_plans();
  if (scheduler::is_live(world_.find_workshop(id)->workshop.state))
    refresh_wanted(CauseKind::focus_change);
  reply_after_commit<void>(std::move(reply), {});
}

void LiveController::delete_workshop(Actor actor, WorkshopId id, Reply<Erased> reply) {
  if (auto allowed = may_lead(actor, id); !allowed) return reply(fail(allowed.error()));
  if (world_.find_workshop(id)->workshop.state != WorkshopState::ended) {
    return reply(fail(ErrorCode::conflict, "end the workshop first", "state"));
  }
  for (const JobId open : world_.open_jobs()) {
    if (world_.find_job(open)->view.workshop == id) {
      return reply(fail(ErrorCode::conflict, "a run is still being stopped", "state"));
    }
  }
  erase_workshop(id, std::move(reply));
}

void LiveController::erase_workshop(WorkshopId id, Reply<Erased> reply) {
  auto erased = std::make_shared<Erased>();
  for (const auto& [job, record] : world_.jobs()) {
    if (record.view.workshop != id) continue;
    ++erased->jobs;
    erased->texts += record.view.prompt ? 1 : 0;
    for (const ResultView& result : record.view.results) {
      ++erased->files;
      erased->bytes += result.bytes;
    }
  }
  revoke_tokens([id](const Identity& identity) { return identity.workshop == id; });
  for (const Group& group : world_.find_workshop(id)->workshop.groups) {
    keep_text(DocumentKind::group_title, group.id.value, {});
  }
  for (const auto kind :
       {DocumentKind::workshop_title, DocumentKind::join_code, DocumentKind::board_message}) {
    keep_text(kind, id.value, {});
  }
  note(WorkshopErased{id});
  ResultFiles* files = ports_.files;
  auto outcome = std::make_shared<Result<void>>();
  auto finish = [erased, outcome, reply = std::move(reply)]() mutable {
    if (!*outcome) return reply(fail(outcome->error()));
    reply(*erased);
  };
  auto remove_files = [this, files, id, outcome,
                       finish = std::move(finish)](Result<void> done) mutable {
    *outcome = std::move(done);
    ports_.loop->offload(
        [files, id, outcome] {
          if (auto removed = files->remove_workshop(id); !removed) *outcome = removed;
        },
        std::move(finish));
  };
  outbox_.after_commit([this, id, remove_files = std::move(remove_files)]() mutable {
    ports_.store->erase({.workshop = id}, std::move(remove_files));
  });
  flush_soon();
}

// ── plans ────────────────────────────────────────────────────────────────────────────────────────

Result<PlanCheck> LiveController::check_plan(const std::vector<ModelId>& focus) const {
  if (auto ok = check_models(focus); !ok) return fail(ok.error());
  if (topology_.devices.empty()) return fail(ErrorCode::backend_down, "no device is configured");
  const scheduler::State& state = scheduler_.state();
  std::map<DeviceId, std::vector<workshop::PlannedModel>> planned;
  for (const auto& [id, entry] : state.models) {
    const bool in_focus = std::find(focus.begin(), focus.end(), id) != focus.end();
    if (entry.removed || !(entry.pinned || in_focus)) continue;
    const std::uint32_t places = state.backends.at(entry.backend).models_max;
    planned[entry.device].push_back({id, entry.vram, entry.pinned, entry.backend, places});
  }
  // What is told is the device where it is tightest.
  PlanCheck check;
  std::optional<workshop::Verdict> worst;
  for (const auto& [id, device] : state.devices) {
    std::vector<workshop::PlannedModel>& models = planned[id];
    std::sort(models.begin(), models.end(), [](const auto& a, const auto& b) {
      return a.vram != b.vram ? a.vram > b.vram : a.model < b.model;
    });
    const workshop::Budget budget = workshop::check_budget(models, device.vram - device.reserve);
    for (const workshop::PlannedModel& model : models) check.models.push_back(model.model);
    if (worst && budget.verdict <= *worst) continue;
    worst = budget.verdict;
    check.verdict = verdict_of(budget.verdict);
    check.needed = budget.needed;
    check.capacity = device.vram;
    check.reserve = device.reserve;
    check.ways_out = budget.ways_out;
  }
  return check;
}

// What the focus would do, by the scheduler's own code on a copy of its state.
Result<FocusPreview> LiveController::preview_focus(WorkshopId id, std::optional<GroupId> group,
                                                   const std::vector<ModelId>& focus) const {
  if (world_.find_workshop(id) == nullptr)
    return fail(ErrorCode::not_found, "no such workshop", "workshop");
  auto check = check_plan(focus);
  if (!check) return fail(check.error());
  const Instant now = last_mono_;
  FocusPreview preview{.check = std::move(*check)};
  scheduler::Scheduler copy(scheduler_.state());
  Workshop wished = world_.find_workshop(id)->workshop;
  if (group) {
    copy.apply(scheduler::GroupSet{id, *group, focus}, now);
    for (Group& own : wished.groups) {
      if (own.id == *group) own.focus = focus;
    }
  } else {
    scheduler::WorkshopSet rules = rules_of(id);
    rules.focus = wished.focus = focus;
    copy.apply(rules, now);
  }
  copy.apply(plan_of(wished, now), now);
  copy.apply(scheduler::WantedSet{CauseKind::warm_up, {}}, now);
  const scheduler::Forecast seen = scheduler::forecast_wanted(
      copy.state(), scheduler::WantedSet{CauseKind::focus_change, focus}, now);
  for (const ModelId model : focus) {
    const bool is_here =
        scheduler_.state().model(model).residency == scheduler::ResidencyState::resident;
    if (!is_here) preview.load.push_back(model);
  }
  preview.unload = seen.unloads;
  const std::set<ModelId> leaving(seen.unloads.begin(), seen.unloads.end());
  for (const auto& [job, entry] : scheduler_.state().jobs) {
    if (leaving.contains(entry.model())) preview.waits.push_back(job);
  }
  double variance = 0;
  Instant ready = now;
  for (const ModelId model : preview.load) {
    const auto load = seen.loads.find(model);
    if (load != seen.loads.end()) ready = std::max(ready, load->second);
    const scheduler::DurationEstimate& estimate = scheduler_.state().model(model).load;
    const double spread = static_cast<double>(estimate.mean().us) * estimate.relative_spread();
    variance += spread * spread;
  }
  const scheduler::DurationRange takes = scheduler::range_of(ready - now, variance);
  preview.takes_low = takes.low;
  preview.takes_high = takes.high;
  return preview;
}

// ── residency ────────────────────────────────────────────────────────────────────────────────────

void LiveController::preload(Actor actor, std::vector<ModelId> models, Reply<void> reply) {
  if (actor.role != Role::admin) return reply(fail(ErrorCode::forbidden, "only admins preload"));
  std::set<ModelId> seen;
  for (const ModelId id : models) {
    if (!models_.contains(id))
      return reply(fail(ErrorCode::unknown_model, "no such model", "models"));
    if (!seen.insert(id).second)
      return reply(fail(ErrorCode::bad_request, "a model is named twice", "models"));
  }
  happen(scheduler::WantedSet{CauseKind::preload, std::move(models)});
  reply_after_commit<void>(std::move(reply), {});
}

void LiveController::unload(Actor actor, ModelId model, Reply<void> reply) {
  if (actor.role != Role::admin) return reply(fail(ErrorCode::forbidden, "only admins unload"));
  if (!models_.contains(model))
    return reply(fail(ErrorCode::unknown_model, "no such model", "model"));
  const auto decisions = happen(scheduler::UnloadOrdered{model, actor.person});
  const bool ordered = std::any_of(
      decisions.begin(), decisions.end(),
      [](const scheduler::Decision& d) { return std::holds_alternative<scheduler::Unload>(d); });
  if (!ordered)
    return reply(fail(ErrorCode::conflict, "the model is not loaded, or at work", "state"));
  reply_after_commit<void>(std::move(reply), {});
}

}  // namespace stoker::controller
