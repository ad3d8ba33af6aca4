#include "controller/world.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

namespace stoker::controller {
namespace {

constexpr std::array<std::string_view, kLedgerKindCount> kLedgerKinds = {
    "load_started",    "load_finished", "load_failed",   "unload_started",
    "unload_finished", "unload_failed", "external_load", "external_unload",
    "foreign_memory",  "load_spilled",  "refused"};

}  // namespace

std::string_view ledger_kind_name(LedgerKind kind) {
  return kLedgerKinds.at(static_cast<std::size_t>(kind));
}

std::string normalise_code(std::string_view code) {
  std::string normalised;
  for (const char c : code) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0) normalised += static_cast<char>(std::toupper(byte));
  }
  return normalised;
}

DatedCause dated(const Cause& cause, const Stamp& at) {
  return {cause, at.wall, by_of(cause.kind)};
}

By by_of(CauseKind kind) {
  switch (kind) {
    case CauseKind::request:
    case CauseKind::cancelled_by_person:
      return By::person;
    case CauseKind::cancelled_by_leader:
    case CauseKind::workshop_ended:
    case CauseKind::focus_change:
    case CauseKind::warm_up:
    case CauseKind::paused:
      return By::leader;
    case CauseKind::operator_action:
    case CauseKind::preload:
      return By::admin;
    default:
      return By::stoker;
  }
}

World::World() : ledger_(kLedgerShownMax), revisions_(kRevisionsShownMax) {}

void World::apply(const Entry& entry, const Stamp& stamp) {
  std::visit(
      [&](const auto& outer) { std::visit([&](const auto& inner) { on(inner, stamp); }, outer); },
      entry);
  last_mono_ = stamp.mono;
}

// ── lookups ──────────────────────────────────────────────────────────────────────────────────────

JobRecord* World::job(JobId id) {
  const auto it = jobs_.find(id);
  if (it == jobs_.end()) return nullptr;
  changed_.insert(id);
  return &it->second;
}

const JobRecord* World::find_job(JobId id) const {
  const auto it = jobs_.find(id);
  return it == jobs_.end() ? nullptr : &it->second;
}

const PersonRecord* World::find_person(PersonId id) const {
  const auto it = people_.find(id);
  return it == people_.end() ? nullptr : &it->second;
}

const WorkshopRecord* World::find_workshop(WorkshopId id) const {
  const auto it = workshops_.find(id);
  return it == workshops_.end() ? nullptr : &it->second;
}

const WorkshopRecord* World::find_by_code(std::string_view normalised_code) const {
  if (normalised_code.empty()) return nullptr;
  for (const auto& [id, record] : workshops_) {
    if (record.workshop.join_code == normalised_code) return &record;
  }
  return nullptr;
}

const std::optional<DatedCause>* World::last_change(ModelId model) const {
  const auto it = models_.find(model);
  return it == models_.end() ? nullptr : &it->second.last_change;
}

bool World::load_has_failed(ModelId model) const {
  const auto it = models_.find(model);
  return it != models_.end() && it->second.load_failed;
}

std::optional<Instant> World::load_since(ModelId model) const {
  const auto it = models_.find(model);
  return it == models_.end() ? std::nullopt : it->second.load_since;
}

// ── shares of a job's life ───────────────────────────────────────────────────────────────────────

void World::add_cause(JobRecord& record, const Cause& cause, const Stamp& at) {
  std::vector<DatedCause>& causes = record.view.causes;
  if (!causes.empty() && causes.back().cause == cause) return;
  if (causes.size() == kCausesPerJobMax) causes.erase(causes.begin());
  causes.push_back(dated(cause, at));
}

void World::start_waiting(JobRecord& record, Instant at) {
  record.view.state = JobState::queued;
  record.view.share_since = at;
  record.loading_in_share = Duration{};
  record.is_running = false;
}

void World::end_waiting(JobRecord& record, Instant at) {
  const auto story = models_.find(record.view.model);
  if (story != models_.end() && story->second.load_since) {
    record.loading_in_share += at - std::max(*story->second.load_since, record.view.share_since);
  }
  const Duration waited = at - record.view.share_since;
  const Duration loading = std::min(record.loading_in_share, waited);
  record.view.loading += loading;
  record.view.queued += waited - loading;
  record.loading_in_share = Duration{};
  record.view.share_since = at;
}

void World::end_running(JobRecord& record, Instant at) {
  if (!record.is_running) return;
  record.view.running += at - record.view.share_since;
  record.view.share_since = at;
  record.is_running = false;
}

void World::end_load(ModelId model, Instant at) {
  ModelStory& story = models_[model];
  if (!story.load_since) return;
  for (const JobId id : open_) {
    JobRecord& record = jobs_.at(id);
    if (record.view.model != model || record.is_running) continue;
    record.loading_in_share += at - std::max(*story.load_since, record.view.share_since);
    changed_.insert(id);
  }
  story.load_since.reset();
}

// ── jobs ─────────────────────────────────────────────────────────────────────────────────────────

void World::on(const JobDescribed& r, const Stamp& at) {
  JobRecord& record = jobs_[r.job];
  record.view.id = r.job;
  record.view.medium = r.medium;
  record.view.created = at.wall;
  record.view.edited_from = r.edited_from;
  record.seed = r.seed;
  last_job_ = std::max(last_job_, r.job.value);
}

void World::on(const scheduler::JobSubmitted& e, const Stamp& at) {
  JobRecord& record = jobs_[e.job];
  record.view.id = e.job;
  record.view.person = e.person;
  record.view.workshop = e.workshop;
  record.view.group = e.group;
  record.view.share_since = at.mono;
  record.steps = e.steps;
  if (!e.steps.empty()) record.view.model = e.steps.front();
  const auto person = people_.find(e.person);
  if (person != people_.end()) record.view.symbol = person->second.symbol;
  last_job_ = std::max(last_job_, e.job.value);
}

void World::on(const scheduler::JobRestored& e, const Stamp& at) {
  JobRecord* record = job(e.job);
  if (record == nullptr) return;
  if (!e.running) return start_waiting(*record, at.mono);
  record->view.state = JobState::running;
  record->view.share_since = at.mono;
  record->is_running = true;
}

void World::on(const scheduler::Accept& d, const Stamp& at) {
  JobRecord* record = job(d.job);
  if (record == nullptr) return;
  record->tag_us = d.tag_us;
  if (open_.insert(d.job).second) ++workshops_[record->view.workshop].jobs;
  if (!record->is_running) record->view.state = JobState::queued;
  add_cause(*record, d.cause, at);
}

void World::on(const scheduler::Refuse& d, const Stamp& at) {
  const JobRecord* record = job(d.job);
  if (record != nullptr && d.code == ErrorCode::misfit) {
    note(LedgerKind::refused, record->view.model, dated(d.cause, at), at, std::nullopt,
         std::nullopt, std::nullopt);
  }
  jobs_.erase(d.job);
  changed_.erase(d.job);
}

void World::on(const scheduler::Dispatch& d, const Stamp& at) {
  JobRecord* record = job(d.job);
  if (record == nullptr) return;
  end_waiting(*record, at.mono);
  record->view.state = JobState::running;
  record->view.model = d.model;
  record->view.attempt = d.attempt;
  record->step = d.step;
  record->tries = d.attempt;
  record->is_running = true;
  add_cause(*record, d.cause, at);
}

void World::on(const scheduler::StepFinished& e, const Stamp& at) {
  JobRecord* record = job(e.job);
  if (record == nullptr) return;
  end_running(*record, at.mono);
  if (e.step + 1 >= record->steps.size()) return;
  record->step = e.step + 1;
  record->tries = 0;
  record->view.state = JobState::waiting_for_person;
}

void World::on(const scheduler::StepFailed& e, const Stamp& at) {
  if (JobRecord* record = job(e.job)) end_running(*record, at.mono);
}

void World::on(const scheduler::RunStopped& e, const Stamp& at) {
  if (JobRecord* record = job(e.job)) end_running(*record, at.mono);
}

void World::on(const scheduler::StopRun& d, const Stamp& at) {
  if (JobRecord* record = job(d.job)) add_cause(*record, d.cause, at);
}

void World::on(const scheduler::Requeue& d, const Stamp& at) {
  JobRecord* record = job(d.job);
  if (record == nullptr) return;
  record->tag_us = d.tag_us;
  add_cause(*record, d.cause, at);
  if (d.cause.kind != CauseKind::operator_action) start_waiting(*record, at.mono);
}

void World::on(const scheduler::Finish& d, const Stamp& at) {
  JobRecord* record = job(d.job);
  if (record == nullptr) return;
  if (record->is_running) {
    end_running(*record, at.mono);
  } else if (record->view.state == JobState::queued) {
    end_waiting(*record, at.mono);
  }
  record->view.state = d.state;
  record->view.ended = at.wall;
  if (d.state == JobState::failed) record->view.error = d.code;
  if (d.state == JobState::cancelled) record->view.cancelled_by = by_of(d.cause.kind);
  if (d.state != JobState::done) add_cause(*record, d.cause, at);
  open_.erase(d.job);
  WorkshopRecord& workshop = workshops_[record->view.workshop];
  if (d.state == JobState::done) {
    ++workshop.done;
    const auto person = people_.find(record->view.person);
    if (person != people_.end()) ++person->second.done;
  }
  if (d.state == JobState::failed) ++workshop.failed;
}

void World::on(const scheduler::Revise& d, const Stamp& at) {
  Revision revision{.seq = at.seq, .job = d.job, .reason = d.cause.kind};
  if (d.known) revision.eta = EtaView{d.low_at, d.high_at};
  revisions_.push(revision);
  if (JobRecord* record = job(d.job)) add_cause(*record, d.cause, at);
}

void World::on(const PromptChanged& r, const Stamp&) {
  job(r.job);
}

void World::on(const ResultStored& r, const Stamp&) {
  JobRecord* record = job(r.job);
  if (record == nullptr) return;
  const ResultView result{r.n, r.medium, r.format, r.bytes, r.simulated};
  std::vector<ResultView>& results = record->view.results;
  const auto same =
      std::find_if(results.begin(), results.end(), [&](const auto& x) { return x.n == r.n; });
  if (same != results.end()) {
    *same = result;
  } else {
    results.push_back(result);
  }
  record->view.simulated = record->view.simulated || r.simulated;
}

void World::on(const JobReleased& r, const Stamp&) {
  if (JobRecord* record = job(r.job)) record->view.released = r.released;
}

void World::set_prompt(JobId id, std::shared_ptr<const std::string> prompt) {
  if (JobRecord* record = job(id)) record->view.prompt = std::move(prompt);
}

void World::on(const EpochStarted&, const Stamp& at) {
  for (const JobId id : open_) {
    JobRecord& record = *job(id);
    const bool was_running = record.is_running;
    if (was_running) {
      end_running(record, last_mono_);
      record.is_running = true;  // until the restart says otherwise
    } else {
      end_waiting(record, last_mono_);
    }
    record.view.share_since = at.mono;
    record.view.state = JobState::queued;
  }
  for (auto& [id, story] : models_) story.load_since.reset();
}

// ── people and workshops ─────────────────────────────────────────────────────────────────────────

void World::on(const PersonJoined& r, const Stamp&) {
  people_[r.person] = {.id = r.person,
                       .workshop = r.workshop,
                       .group = r.group,
                       .symbol = {r.animal, r.colour},
                       .here = true};
  last_person_ = std::max(last_person_, r.person.value);
  ++workshops_[r.workshop].people;
}

void World::on(const PersonLeft& r, const Stamp&) {
  const auto person = people_.find(r.person);
  if (person == people_.end() || !person->second.here) return;
  person->second.here = false;
  WorkshopRecord& workshop = workshops_[person->second.workshop];
  if (workshop.people > 0) --workshop.people;
}

void World::on(const scheduler::WorkshopSet& e, const Stamp& at) {
  WorkshopRecord& record = workshops_[e.workshop];
  Workshop& workshop = record.workshop;
  const bool ends = e.state == WorkshopState::ended && workshop.state != WorkshopState::ended;
  if (ends) record.ended = at.wall;
  workshop.id = e.workshop;
  workshop.state = e.state;
  workshop.intake_open = e.intake_open;
  workshop.misfit = e.misfit;
  workshop.head_count = e.head_count;
  workshop.outstanding_max_per_person = e.outstanding_max_per_person;
  workshop.queue_max = e.queue_max;
  workshop.focus = e.focus;
  last_workshop_ = std::max(last_workshop_, e.workshop.value);
}

void World::on(const scheduler::GroupSet& e, const Stamp&) {
  std::vector<Group>& groups = workshops_[e.workshop].workshop.groups;
  const auto same =
      std::find_if(groups.begin(), groups.end(), [&](const Group& g) { return g.id == e.group; });
  if (same != groups.end()) {
    same->focus = e.focus;
  } else {
    groups.push_back({e.group, {}, e.focus});
  }
  last_group_ = std::max(last_group_, e.group.value);
}

void World::on(const WorkshopDescribed& r, const Stamp&) {
  Workshop& workshop = workshops_[r.workshop].workshop;
  workshop.starts = r.starts_ms != 0 ? std::optional(WallTime{r.starts_ms}) : std::nullopt;
  workshop.ends = r.ends_ms != 0 ? std::optional(WallTime{r.ends_ms}) : std::nullopt;
  workshop.retention_days = r.retention_days;
}

void World::on(const WorkshopErased& r, const Stamp&) {
  std::erase_if(jobs_, [&](const auto& entry) {
    if (entry.second.view.workshop != r.workshop) return false;
    open_.erase(entry.first);
    changed_.erase(entry.first);
    return true;
  });
  std::erase_if(people_, [&](const auto& entry) { return entry.second.workshop == r.workshop; });
  workshops_.erase(r.workshop);
}

void World::apply_document(const DocumentRow& document) {
  if (document.kind == DocumentKind::group_title) {
    for (auto& [id, record] : workshops_) {
      for (Group& group : record.workshop.groups) {
        if (group.id.value == document.id) group.title = document.text;
      }
    }
    return;
  }
  const auto found = workshops_.find(WorkshopId{static_cast<std::uint32_t>(document.id)});
  if (found == workshops_.end()) return;
  if (document.kind == DocumentKind::workshop_title) found->second.workshop.title = document.text;
  if (document.kind == DocumentKind::join_code) found->second.workshop.join_code = document.text;
  if (document.kind == DocumentKind::board_message)
    found->second.workshop.board_message = document.text;
}

// ── residency ────────────────────────────────────────────────────────────────────────────────────

}  // namespace stoker::controller
