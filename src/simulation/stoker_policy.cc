#include "simulation/stoker_policy.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>

namespace stoker::simulation {
namespace {

using scheduler::Decision;

constexpr DeviceId kDevice{1};
constexpr WorkshopId kWorkshop{1};
constexpr std::uint32_t kNoLimit = 1'000'000;

ModelId model_id(ModelIndex index) {
  return ModelId{index + 1};
}
ModelIndex model_index(ModelId id) {
  return id.value - 1;
}
BackendId backend_id(BackendIndex index) {
  return BackendId{index + 1};
}

std::uint32_t ppm(double share) {
  return static_cast<std::uint32_t>(std::lround(share * 1e6));
}

std::vector<ModelId> model_ids(const std::vector<ModelIndex>& models) {
  std::vector<ModelId> ids;
  ids.reserve(models.size());
  for (const ModelIndex model : models) ids.push_back(model_id(model));
  return ids;
}

// Here an unload takes no time.
scheduler::Policy policy_without_delays(const StokerOptions& options) {
  scheduler::Policy policy = options.policy;
  policy.unload_expected = Duration{};
  return policy;
}

}  // namespace

StokerPolicy::StokerPolicy(const StokerOptions& options)
    : options_(options), scheduler_(scheduler::QuoteMode::off, policy_without_delays(options)) {}

void StokerPolicy::begin(World& world) {
  const Setting& setting = world.setting();
  std::map<std::string_view, GroupId> groups{{"", GroupId{}}};
  for (const ParticipantFacts& participant : setting.participants) {
    const auto next = GroupId{static_cast<std::uint32_t>(groups.size())};
    group_of_.push_back(groups.try_emplace(participant.group, next).first->second);
  }
  idea_of_.resize(setting.participants.size());
  describe_machine(world);
  describe_workshop(world);
}

void StokerPolicy::describe_machine(World& world) {
  const Setting& setting = world.setting();
  const Contention& contention = setting.contention;
  happen(scheduler::DeviceSet{kDevice, setting.device.vram, setting.device.reserve});
  happen(scheduler::DeviceSpeeds{kDevice, setting.loads_max, ppm(contention.text_parallel_penalty),
                                 ppm(contention.generation_parallel_penalty),
                                 ppm(contention.text_rate_beside_generation),
                                 ppm(contention.generation_rate_beside_text)});
  for (BackendIndex i = 0; i < setting.backends.size(); ++i) {
    happen(scheduler::BackendSet{backend_id(i), kDevice, setting.backends[i].slots});
    happen(scheduler::BackendReachable{backend_id(i), true});
  }
  for (ModelIndex i = 0; i < setting.models.size(); ++i) {
    const ModelFacts& model = setting.models[i];
    const std::vector<ModelIndex>& pins = setting.plan.pinned;
    const bool pinned = std::find(pins.begin(), pins.end(), i) != pins.end();
    const Medium medium = model.kind == StepKind::text ? Medium::text : Medium::image;
    happen(scheduler::ModelSet{model_id(i), backend_id(model.backend), medium, model.memory,
                               model.load, model.hint, pinned});
  }
  for (const ModelIndex model : setting.initial_resident)
    happen(scheduler::ExternalLoad{model_id(model), MiB{0}});
  // What others hold from the first moment on is no change.
  if (world.foreign() > MiB{0}) foreign_changed(world);
}

void StokerPolicy::describe_workshop(World& world) {
  const Setting& setting = world.setting();
  happen(scheduler::WorkshopSet{.workshop = kWorkshop,
                                .state = WorkshopState::running,
                                .misfit = options_.misfit,
                                .head_count = setting.plan.head_count.value_or(0),
                                .outstanding_max_per_person = kNoLimit,
                                .queue_max = kNoLimit});
  happen(scheduler::PatienceSet{setting.patience[kind_index(StepKind::text)],
                                setting.patience[kind_index(StepKind::generation)]});
  if (options_.plan == PlanUse::none) return;
  std::vector<Instant> edges;
  for (const Phase& phase : setting.plan.phases) {
    edges.push_back(phase.start);
    edges.push_back(phase.end);
  }
  std::vector<ModelId> announced = model_ids(setting.plan.pinned);
  for (const ModelIndex model : setting.plan.focus) announced.push_back(model_id(model));
  happen(scheduler::PlanSet{kWorkshop, std::move(edges), std::move(announced)});
}

// ── what happens ─────────────────────────────────────────────────────────────────────────────────

void StokerPolicy::released(World&, const Job& job) {
  Idea& idea = idea_of_[job.participant];
  idea.job = job.index;
  if (job.step > 0) {
    happen(scheduler::StepAdded{idea.id, model_id(job.model)});
  } else {
    idea.id = JobId{++last_id_};
    who_[idea.id] = job.participant;
    happen(scheduler::IdeaBegun{idea.id, PersonId{job.user + 1ULL}, kWorkshop,
                                group_of_[job.participant], model_id(job.model)});
  }
  if (options_.quotes) unquoted_.push_back(job.index);
}

void StokerPolicy::finished(World& world, const Job& job) {
  const JobId id = idea_of_[job.participant].id;
  happen(scheduler::StepFinished{id, job.step, *job.work});
  if (options_.quotes) quotes_.finished(id, world.now());
}

void StokerPolicy::result(World&, const Job& job) {
  const JobId id = idea_of_[job.participant].id;
  happen(scheduler::IdeaEnded{id});
  who_.erase(id);
}

void StokerPolicy::abandoned(World&, const Job& job) {
  if (refusing_) return;
  const JobId id = idea_of_[job.participant].id;
  happen(scheduler::JobCancelled{id, CauseKind::cancelled_by_person});
  happen(scheduler::RunStopped{id, job.step});
  std::erase(unquoted_, job.index);
  quotes_.forget(id);
  who_.erase(id);
}

void StokerPolicy::requeued(World&, const Job& job, CancelCause cause) {
  happen(scheduler::StepFailed{
      idea_of_[job.participant].id, job.step,
      cause == CancelCause::crash ? CauseKind::run_failed : CauseKind::backend_down});
}

void StokerPolicy::loaded(World& world, ModelIndex model) {
  happen(scheduler::LoadFinished{model_id(model), MiB{0}, world.setting().models[model].load});
}

void StokerPolicy::load_failed(World&, ModelIndex model) {
  happen(scheduler::LoadFailed{model_id(model)});
}

void StokerPolicy::evicted_externally(World&, ModelIndex model) {
  happen(scheduler::ExternalUnload{model_id(model)});
}

void StokerPolicy::foreign_changed(World& world) {
  happen(scheduler::ForeignMemory{kDevice, world.foreign()});
}

// ── what is decided ──────────────────────────────────────────────────────────────────────────────

void StokerPolicy::decide(World& world) {
  if (happened_.empty()) happen(scheduler::Tick{});
  while (!happened_.empty()) {
    const std::vector<scheduler::Event> events = std::exchange(happened_, {});
    for (const Decision& decision : scheduler_.apply(events, world.now()))
      carry_out(world, decision);
  }
  quote(world);
  if (const auto next = scheduler_.next_wakeup(world.now())) world.wake_at(*next);
}

void StokerPolicy::carry_out(World& world, const Decision& decision) {
  if (const auto* load = std::get_if<scheduler::Load>(&decision)) {
    note_cause(world, "x_load", load->model, load->cause);
    world.load(model_index(load->model));
  } else if (const auto* unload = std::get_if<scheduler::Unload>(&decision)) {
    world.evict(model_index(unload->model), cause_name(unload->cause.kind));
    happen(scheduler::UnloadFinished{unload->model});
  } else if (const auto* dispatch = std::get_if<scheduler::Dispatch>(&decision)) {
    world.start(idea_of_[who_.at(dispatch->job)].job);
  } else if (const auto* refused = std::get_if<scheduler::Refuse>(&decision)) {
    give_up(world, refused->job);
  } else if (const auto* finish = std::get_if<scheduler::Finish>(&decision)) {
    const bool given_up =
        finish->state == stoker::JobState::refused || finish->state == stoker::JobState::failed;
    if (given_up) give_up(world, finish->job);
  }
}

// The scheduler will not serve this idea.
void StokerPolicy::give_up(World& world, JobId id) {
  const auto who = who_.find(id);
  if (who == who_.end()) return;
  const JobIndex job = idea_of_[who->second].job;
  std::erase(unquoted_, job);
  quotes_.forget(id);
  who_.erase(who);
  if (world.job(job).attempts > 0) return;  // started once: the participant's patience ends it
  refusing_ = true;
  world.refuse(job);
  refusing_ = false;
}

void StokerPolicy::note_cause(World& world, std::string_view event, ModelId model,
                              const Cause& cause) const {
  if (!world.keeps_notes()) return;
  std::string members = "\"model\":\"" + world.setting().models[model_index(model)].name;
  members += "\",\"cause\":\"";
  members += cause_name(cause.kind);
  members += '"';
  world.note(event, members);
}

void StokerPolicy::quote(World& world) {
  for (const JobIndex index : std::exchange(unquoted_, {})) {
    const JobId id = idea_of_[world.job(index).participant].id;
    const scheduler::DurationRange range = quotes_.quote(scheduler_.state(), id, world.now());
    world.eta(index, range.low, range.mid, range.high);
  }
}

}  // namespace stoker::simulation
