// The start: fold the journal, tell a new scheduler everything that still matters, ask the engines, restore the work.
#include <algorithm>
#include <utility>

#include "controller/dictionary.h"
#include "controller/journal_codec.h"
#include "controller/live_controller.h"
#include "scheduler/constraints.h"

namespace stoker::controller {
namespace {

constexpr std::array kTextKinds = {DocumentKind::workshop_title, DocumentKind::join_code,
                                   DocumentKind::board_message, DocumentKind::group_title};

scheduler::DeviceSpeeds speeds_of(const Topology& topology, DeviceId device) {
  for (const scheduler::DeviceSpeeds& speeds : topology.speeds) {
    if (speeds.device == device) return speeds;
  }
  return {.device = device};
}

}  // namespace

Result<void> LiveController::read_store() {
  Result<void> broken;
  auto read = ports_.store->read_journal(0, [&](const JournalRow& row) {
    auto entry = decode(row);
    if (!entry) {
      broken = fail(entry.error());
      return false;
    }
    world_.apply(*entry, {row.seq, row.wall, row.mono});
    last_seq_ = row.seq;
    journal_ended_ = row.mono;
    return true;
  });
  if (!read) return read;
  if (!broken) return broken;
  for (const DocumentKind kind : kTextKinds) {
    auto documents = ports_.store->read_documents(kind);
    if (!documents) return fail(documents.error());
    for (const DocumentRow& document : *documents) world_.apply_document(document);
  }
  auto texts = ports_.store->read_all_content();
  if (!texts) return fail(texts.error());
  for (ContentRow& row : *texts) {
    if (row.kind != ContentKind::prompt) continue;
    world_.set_prompt(row.job, std::make_shared<const std::string>(std::move(row.text)));
  }
  auto tokens = ports_.store->read_tokens();
  if (!tokens) return fail(tokens.error());
  auto table = std::make_shared<TokenTable>();
  for (const TokenRow& token : *tokens) {
    if (!token.revoked) (*table)[token.hash] = {token.role, token.workshop, token.person};
  }
  tokens_ = std::move(table);
  auto keys = ports_.store->read_idempotency();
  if (!keys) return fail(keys.error());
  for (const IdempotencyRow& row : *keys) {
    idempotency_[{row.token, row.key}] = {row.body_hash, row.job, row.created};
  }
  return {};
}

Result<void> LiveController::start(Topology topology) {
  if (auto read = read_store(); !read) return read;
  // A new start of the machine begins a new clock; places are times on the clock and move with it.
  clock_went_back_ = std::max(journal_ended_ - ports_.loop->now(), Duration{});
  note(EpochStarted{settings_.build_id});
  use_measurements(topology);
  tell_scheduler(topology);
  topology_ = std::move(topology);
  for (const auto& [id, record] : world_.workshops()) tell_workshop(record);
  refresh_wanted(CauseKind::warm_up);
  if (!settings_.preload.empty())
    happen(scheduler::WantedSet{CauseKind::preload, settings_.preload});
  restore_jobs();
  look_at_disk();
  probe();
  watch_cards();
  ports_.loop->after(minutes(1), [this] { forget_what_is_due(); });
  publish();
  return {};
}

void LiveController::tell_scheduler(const Topology& topology) {
  for (const Device& device : topology.devices) {
    happen(scheduler::DeviceSet{device.id, device.vram, device.reserve});
  }
  for (const BackendInfo& backend : topology.backends) {
    engines_.set_device(backend.id, backend.device);
    happen(scheduler::BackendSet{backend.id, backend.device, backend.slots, backend.granularity});
  }
  for (const Model& model : topology.models) {
    models_[model.id] = model;
    happen(scheduler::ModelSet{model.id, model.backend, model.medium, model.vram, model.load_hint,
                               model.run_hint, model.pinned});
  }
  tell_speeds(topology);
  for (DocumentRow& name : dictionary_of(topology))
    outbox_.pending().documents.push_back(std::move(name));
}

// Speeds and patience, where they differ from what the scheduler was told before.
void LiveController::tell_speeds(const Topology& topology) {
  for (const Device& device : topology.devices) {
    scheduler::DeviceSpeeds before = speeds_of(topology_, device.id);
    scheduler::DeviceSpeeds speeds = speeds_of(topology, device.id);
    if (speeds.fields() != before.fields()) happen(speeds);
  }
  scheduler::PatienceSet before = topology_.patience;
  scheduler::PatienceSet patience = topology.patience;
  if (patience.fields() != before.fields()) happen(patience);
}

void LiveController::tell_workshop(const WorkshopRecord& record) {
  if (record.workshop.state == WorkshopState::ended) return;
  // Models that are no longer configured fall out of the focus; nobody could ask for them.
  const auto known = [&](std::vector<ModelId> models) {
    std::erase_if(models, [&](ModelId model) { return !models_.contains(model); });
    return models;
  };
  const WorkshopId id = record.workshop.id;
  const std::vector<Group> groups = record.workshop.groups;
  scheduler::WorkshopSet rules = rules_of(id);
  rules.focus = known(std::move(rules.focus));
  if (rules.state == WorkshopState::warming && is_past(record.workshop))
    rules.state = WorkshopState::planned;
  happen(std::move(rules));
  for (const Group& group : groups) happen(scheduler::GroupSet{id, group.id, known(group.focus)});
  tell_plan(id);
}

// Queued work is queued again at its place. Running work is looked up at its engine and joined, else started again:
// making a picture once more harms nobody, and its result has one name.
void LiveController::restore_jobs() {
  const std::set<JobId> open = world_.open_jobs();
  for (const JobId id : open) {
    const JobRecord& record = *world_.find_job(id);
    const auto model =
        models_.find(record.step < record.steps.size() ? record.steps[record.step] : ModelId{});
    if (!record.is_running || model == models_.end() || !engines_.knows(model->second.backend)) {
      restore_job(id, false);
      continue;
    }
    const AttemptId attempt = attempt_id(id, record.step, record.tries);
    engines_.find_attempt(model->second.backend, attempt, [this, id](AttemptFate fate) {
      restore_job(id, fate != AttemptFate::unknown);
    });
  }
}

void LiveController::restore_job(JobId id, bool running) {
  const JobRecord* record = world_.find_job(id);
  if (record == nullptr || !world_.open_jobs().contains(id)) return;
  const RunOrder order{.job = id,
                       .workshop = record->view.workshop,
                       .step = record->step,
                       .attempt = record->tries,
                       .model = record->view.model,
                       .backend = running ? models_.at(record->view.model).backend : BackendId{},
                       .medium = record->view.medium,
                       .prompt = record->view.prompt,
                       .seed = record->seed,
                       .deadline = running ? run_deadline(record->view.model) : Duration{}};
  // A try that the restart cut off was nobody's fault and does not count, but its number is used up.
  happen(scheduler::JobRestored{
      .job = id,
      .person = record->view.person,
      .workshop = record->view.workshop,
      .group = record->view.group,
      .step = record->step,
      .attempts = running ? 1U : 0U,
      .earlier_tries = running && record->tries > 0 ? record->tries - 1 : record->tries,
      .tag_us = record->tag_us - clock_went_back_.us,
      .running = running,
      .steps = record->steps});
  if (running) outbox_.after_commit([this, order] { engines_.join(order); });
}

// ── looking around ───────────────────────────────────────────────────────────────────────────────

void LiveController::probe() {
  const auto believed = [this](BackendId backend) {
    std::vector<ModelId> loaded;
    for (const auto& [id, model] : scheduler_.state().models) {
      const bool is_there = model.residency == scheduler::ResidencyState::resident ||
                            model.residency == scheduler::ResidencyState::draining;
      if (model.backend == backend && is_there) loaded.push_back(id);
    }
    return loaded;
  };
  engines_.probe_all(believed, [this] {
    tell_engine_limits();
    ready_ = true;
    touch();
  });
  check_wall_clock();
  keep_plans();
  look_at_disk();
  ports_.loop->after(settings_.probe_interval, [this] { probe(); });
}

void LiveController::look_at_disk() {
  const auto free = ports_.files->free_bytes();
  free_bytes_ = free ? *free : 0;
}

// ── reload ───────────────────────────────────────────────────────────────────────────────────────

void LiveController::set_topology(Topology topology, Reply<void> reply) {
  use_measurements(topology);
  for (const auto& [id, model] : std::map(models_)) {
    const auto stays = [&, wanted = id](const Model& m) { return m.id == wanted; };
    if (std::any_of(topology.models.begin(), topology.models.end(), stays)) continue;
    happen(scheduler::ModelRemoved{id});
    happen(scheduler::UnloadOrdered{id, PersonId{}});
    Model gone = model;
    gone.offered = false;
    models_[id] = gone;
  }
  for (Device& device : topology.devices) {
    const auto before = scheduler_.state().devices.find(device.id);
    const bool same = before != scheduler_.state().devices.end() &&
                      before->second.vram == device.vram &&
                      before->second.reserve == device.reserve;
    if (!same) happen(scheduler::DeviceSet{device.id, device.vram, device.reserve});
  }
  for (const BackendInfo& backend : topology.backends) {
    const auto before = scheduler_.state().backends.find(backend.id);
    const bool same = before != scheduler_.state().backends.end() &&
                      before->second.slots == backend.slots &&
                      before->second.granularity == backend.granularity;
    if (!same)
      happen(scheduler::BackendSet{backend.id, backend.device, backend.slots, backend.granularity});
  }
  for (const Model& model : topology.models) {
    const auto before = models_.find(model.id);
    if (before != models_.end() && before->second == model) continue;
    models_[model.id] = model;
    happen(scheduler::ModelSet{model.id, model.backend, model.medium, model.vram, model.load_hint,
                               model.run_hint, model.pinned});
  }
  tell_speeds(topology);
  for (DocumentRow& name : dictionary_of(topology))
    outbox_.pending().documents.push_back(std::move(name));
  topology_ = std::move(topology);
  keep_plans();
  reply_after_commit<void>(std::move(reply), {});
}

}  // namespace stoker::controller
