// Residency: loads, unloads and what was measured of them become the ledger.
#include <algorithm>
#include <utility>

#include "controller/world.h"

namespace stoker::controller {
namespace {

constexpr std::size_t kFootprintsKept = 16;
constexpr std::size_t kSettingsKept = 8;  // of one model; a change of settings starts anew

std::optional<MiB> known(MiB amount) {
  return amount > MiB{0} ? std::optional(amount) : std::nullopt;
}

}  // namespace

void World::note(LedgerKind kind, ModelId model, const DatedCause& cause, const Stamp& at,
                 std::optional<MiB> predicted, std::optional<MiB> measured,
                 std::optional<Duration> took) {
  ledger_.push({at.seq, at.wall, kind, model, cause, predicted, measured, took, {}});
  if (model && kind != LedgerKind::refused) models_[model].last_change = cause;
}

void World::on(const scheduler::Load& d, const Stamp& at) {
  ModelStory& story = models_[d.model];
  story.load_since = at.mono;
  story.predicted = d.reserved;
  story.cause = dated(d.cause, at);
  note(LedgerKind::load_started, d.model, story.cause, at, d.reserved, std::nullopt, std::nullopt);
  for (const JobId id : open_) {
    JobRecord& record = jobs_.at(id);
    if (record.view.model != d.model || record.is_running) continue;
    add_cause(record, d.cause, at);
    changed_.insert(id);
  }
}

void World::on(const scheduler::LoadFinished& e, const Stamp& at) {
  end_load(e.model, at.mono);
  ModelStory& story = models_[e.model];
  story.load_failed = false;
  const auto measured = e.vram > MiB{0} ? std::optional(e.vram) : std::nullopt;
  note(LedgerKind::load_finished, e.model, {story.cause.cause, at.wall, story.cause.by}, at,
       story.predicted, measured, e.took);
}

void World::on(const scheduler::LoadFailed& e, const Stamp& at) {
  end_load(e.model, at.mono);
  ModelStory& story = models_[e.model];
  story.load_failed = true;
  const LedgerKind kind =
      e.cause == CauseKind::spilled ? LedgerKind::load_spilled : LedgerKind::load_failed;
  note(kind, e.model, dated({e.cause, story.cause.cause.job, e.model, {}}, at), at, story.predicted,
       std::nullopt, std::nullopt);
}

void World::on(const scheduler::Unload& d, const Stamp& at) {
  models_[d.model].cause = dated(d.cause, at);
  note(LedgerKind::unload_started, d.model, dated(d.cause, at), at, std::nullopt, std::nullopt,
       std::nullopt);
}

void World::on(const scheduler::UnloadFinished& e, const Stamp& at) {
  note_unload(LedgerKind::unload_finished, e.model, at);
}

void World::on(const scheduler::UnloadFailed& e, const Stamp& at) {
  note_unload(LedgerKind::unload_failed, e.model, at);
}

void World::on(const scheduler::ExternalLoad& e, const Stamp& at) {
  note(LedgerKind::external_load, e.model, dated({CauseKind::external, {}, e.model, {}}, at), at,
       std::nullopt, e.vram, std::nullopt);
}

void World::on(const scheduler::ExternalUnload& e, const Stamp& at) {
  note(LedgerKind::external_unload, e.model, dated({CauseKind::external, {}, e.model, {}}, at), at,
       std::nullopt, std::nullopt, std::nullopt);
}

void World::on(const scheduler::ForeignMemory& e, const Stamp& at) {
  // Only the last of several readings in a row is of interest.
  LedgerEntry* newest = ledger_.newest();
  if (newest != nullptr && newest->kind == LedgerKind::foreign_memory &&
      newest->device == e.device) {
    newest->at = at.wall;
    newest->cause.at = at.wall;
    newest->measured = e.used;
    return;
  }
  note(LedgerKind::foreign_memory, ModelId{}, dated({CauseKind::foreign_memory, {}, {}, {}}, at),
       at, std::nullopt, e.used, std::nullopt);
  ledger_.newest()->device = e.device;
}

// What was measured belongs to the event that follows.
void World::note_unload(LedgerKind kind, ModelId model, const Stamp& at) {
  ModelStory& story = models_[model];
  const auto measured = std::exchange(story.unload_measured, std::nullopt);
  note(kind, model, {story.cause.cause, at.wall, story.cause.by}, at, std::nullopt,
       measured ? known(measured->freed) : std::nullopt,
       measured ? std::optional(measured->took) : std::nullopt);
}

void World::on(const LoadMeasured& r, const Stamp&) {
  const MiB size = std::max(r.grew, r.told);
  if (size <= MiB{0} || r.was_there) return;
  auto& footprints = models_[r.model].footprints;
  if (footprints.size() >= kSettingsKept && !footprints.contains(r.settings)) footprints.clear();
  footprints.try_emplace(r.settings, kFootprintsKept).first->second.push(size);
}

void World::on(const UnloadMeasured& r, const Stamp&) {
  models_[r.model].unload_measured = r;
}

std::optional<Footprint> World::footprint(ModelId model, std::uint64_t settings) const {
  const auto story = models_.find(model);
  if (story == models_.end()) return std::nullopt;
  const auto found = story->second.footprints.find(settings);
  if (found == story->second.footprints.end()) return std::nullopt;
  const auto& sizes = found->second.entries();
  const auto [low, high] = std::minmax_element(sizes.begin(), sizes.end());
  return Footprint{static_cast<std::uint32_t>(sizes.size()), *low, *high, sizes.back()};
}

}  // namespace stoker::controller
