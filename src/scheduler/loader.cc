#include "scheduler/loader.h"

#include <algorithm>
#include <array>

#include "scheduler/bookkeeping.h"
#include "scheduler/constraints.h"
#include "scheduler/planned_phases.h"
#include "scheduler/residency.h"
#include "scheduler/victims.h"

namespace stoker::scheduler {
namespace {

constexpr std::array<CauseKind, 3> kWantedOrder = {CauseKind::preload, CauseKind::warm_up,
                                                   CauseKind::focus_change};
// A model that fits beside a drain is loaded meanwhile if it is ready at most so much later than the drain.
constexpr Duration kBesideDrain = seconds(10);

Cause cause_of(const State& state, const ModelEntry& model, CauseKind kind) {
  if (model.waiting.empty()) return {kind, JobId{}, model.id, PersonId{}};
  const JobEntry& first = state.jobs.at(model.waiting.begin()->job);
  return {kind, first.id, model.id, first.person};
}

// By rank, then by id.
template <class Rank>
bool earlier(const std::pair<Rank, ModelEntry*>& a, const std::pair<Rank, ModelEntry*>& b) {
  return a.first != b.first ? a.first < b.first : a.second->id < b.second->id;
}

// One device, one decision: rules in order, each says whether the matter is settled for now.
class Planner {
 public:
  Planner(State& state, DeviceEntry& device, Instant now, std::vector<Decision>& out)
      : state_(state), device_(device), now_(now), out_(out) {}

  void decide() {
    give_way_to_foreign_memory();
    if (bring_homes_back() || warm_up()) return;
    if (keep_the_guarantee()) return;
    blocked_ = blocked_by_urgency();
    if (load_into_free_room() || load_over_unwanted()) return;
    if (exhaustive_visit() || visit_misfit()) return;
    if (blocked_.empty()) serve_wanted();
  }

 private:
  bool load(const ModelEntry& model, CauseKind kind) {
    start_load(state_, model.id, cause_of(state_, model, kind), now_, out_);
    return true;
  }
  bool exchange(const ModelEntry& model, std::vector<ModelId> victims, CauseKind kind) {
    begin_switch(state_, device_, model.id, std::move(victims), cause_of(state_, model, kind), now_,
                 out_);
    return true;
  }
  auto victims_for(const ModelEntry& model, VictimScope scope) const {
    return choose_victims(state_, model, scope, now_);
  }
  // One of them is at work in the only slot of its engine: its end is the moment to look again. With more slots there may
  // never be such a moment, so the exchange is decided and the models drain.
  bool ends_soon_on(const std::vector<ModelId>& models) const {
    return std::any_of(models.begin(), models.end(), [&](ModelId id) {
      const ModelEntry& model = state_.model(id);
      return is_leased(model) && state_.backends.at(model.backend).slots == 1;
    });
  }

  // Sum over the waiting of (wait + 10 s), per second of load time.
  double urgency(const ModelEntry& model) const {
    const auto n = static_cast<std::int64_t>(model.waiting.size());
    const std::int64_t waited_us = n * now_.us - model.waiting_release_us_sum + n * seconds(10).us;
    return static_cast<double>(waited_us) /
           static_cast<double>(std::max<std::int64_t>(model.load.mean().us, 1000));
  }

  std::vector<ModelEntry*> blocked_by_urgency() {
    std::vector<std::pair<double, ModelEntry*>> ranked;
    for (const ModelId id : device_.demanded) {
      ModelEntry& model = state_.model(id);
      if (can_be_loaded(state_, model, now_)) ranked.emplace_back(-urgency(model), &model);
    }
    std::sort(ranked.begin(), ranked.end(), earlier<double>);
    std::vector<ModelEntry*> blocked;
    blocked.reserve(ranked.size());
    for (const auto& [rank, model] : ranked) blocked.push_back(model);
    return blocked;
  }

  // ── 0 ──
  // Others hold what models use already: models that nobody wants go, cheapest first, until it fits again.
  void give_way_to_foreign_memory() {
    if (room(device_) >= MiB{0}) return;
    MiB missing = MiB{0} - room(device_);
    ModelEntry* cheapest = nullptr;
    for (const ModelId id : device_.present) {
      ModelEntry& model = state_.model(id);
      if (model.residency == ResidencyState::unloading) missing -= model.reserved;
      if (!is_spare_now(model)) continue;
      if (cheapest == nullptr ||
          keep_value(state_, model, now_) < keep_value(state_, *cheapest, now_))
        cheapest = &model;
    }
    if (missing <= MiB{0} || cheapest == nullptr) return;
    const Cause cause{CauseKind::foreign_memory, JobId{}, cheapest->id, PersonId{}};
    set_residency(state_, *cheapest, ResidencyState::unloading, cause, now_);
    out_.emplace_back(Unload{cheapest->id, cause});
  }
  bool is_spare_now(const ModelEntry& model) const {
    if (model.residency != ResidencyState::resident || model.pinned || model.home || model.focus)
      return false;
    if (state_.backends.at(model.backend).granularity != EvictionGranularity::model) return false;
    return model.waiting.empty() && model.coming == 0 && !is_leased(model);
  }

  // ── 1 ──
  // Steps that a visit was made for are still to be served.
  bool visit_is_on() const {
    for (const ModelId id : device_.present) {
      const ModelEntry& model = state_.model(id);
      if (model.waiting.empty() || !is_guest(state_, model)) continue;
      for (const QueueKey& key : model.waiting) {
        if (state_.jobs.at(key.job).released <= device_.visit_since) return true;
      }
    }
    return false;
  }

  bool bring_homes_back() {
    std::vector<ModelEntry*> absent;
    for (const ModelId id : device_.homes) {
      ModelEntry& model = state_.model(id);
      if (can_be_loaded(state_, model, now_)) absent.push_back(&model);
    }
    std::sort(absent.begin(), absent.end(), [](const ModelEntry* a, const ModelEntry* b) {
      const Duration x = a->load.mean();
      const Duration y = b->load.mean();
      return x != y ? x > y : a->id < b->id;
    });
    return std::any_of(absent.begin(), absent.end(),
                       [&](const ModelEntry* model) { return bring_back(*model); });
  }

  bool bring_back(const ModelEntry& model) {
    const bool about = state_.reading > 0 || phase_is_near(state_, now_, state_.policy.home_lead) ||
                       !models_to_warm_up(state_, device_.id, now_).empty();
    const bool visit = visit_is_on();
    if (model.waiting.empty() && !about && !visit) return false;
    auto victims = victims_for(model, VictimScope::guests);
    if (!victims) victims = victims_for(model, VictimScope::loose);
    if (!victims) return false;  // foreign memory: the others need not wait for it
    if (ends_soon_on(*victims)) {
      load_beside_drain(*victims);
      return true;
    }
    if (visit) return true;
    CauseKind why = CauseKind::request;
    if (model.waiting.empty()) {
      const bool is_planned = model.home && model.coming == 0;
      why = is_planned ? CauseKind::warm_up : CauseKind::expected_soon;
    }
    return exchange(model, std::move(*victims), why);
  }

  // While a drain goes on, the loader may bring something that fits and is ready about as soon.
  void load_beside_drain(const std::vector<ModelId>& victims) {
    Duration left;
    for (const Run& run : device_.runs) {
      if (std::find(victims.begin(), victims.end(), run.model) == victims.end()) continue;
      const Duration done{static_cast<std::int64_t>(run.done_us)};
      left = std::max(left, state_.model(run.model).run.mean() - done);
    }
    for (const ModelEntry* model : blocked_by_urgency()) {
      if (model->home || model->pinned || is_guest(state_, *model)) continue;
      if (!fits_into_free_room(state_, *model)) continue;
      if (model->load.mean() > left + kBesideDrain) continue;
      load(*model, CauseKind::request);
      return;
    }
  }

  // ── 2 ──
  bool warm_up() {
    for (const ModelId id : models_to_warm_up(state_, device_.id, now_)) {
      const ModelEntry& model = state_.model(id);
      if (can_be_loaded(state_, model, now_) && fits_into_free_room(state_, model))
        return load(model, CauseKind::warm_up);
    }
    return false;
  }

  // ── 3 ──
  Duration overdue_after(const ModelEntry& model) const {
    const Policy& policy = state_.policy;
    Duration patience = state_.patience_for(model);
    if (patience <= Duration{}) {
      patience =
          model.is_text() ? policy.text_patience_assumed : policy.generation_patience_assumed;
    }
    return std::min(model.load.mean() * policy.overdue_loads,
                    patience * policy.overdue_patience_percent / 100);
  }

  bool keep_the_guarantee() {
    for (const auto& [oldest, id] : device_.by_age) {
      const ModelEntry& model = state_.model(id);
      if (is_guest(state_, model) || !can_be_loaded(state_, model, now_)) continue;
      if (now_ - oldest <= overdue_after(model)) continue;
      if (!victims_for(model, VictimScope::loose)) continue;  // foreign memory
      if (auto victims = victims_for(model, VictimScope::past_quantum))
        exchange(model, std::move(*victims), CauseKind::overdue);
      return true;  // until there is room, nothing else is loaded
    }
    return false;
  }

  // ── 4 and 5 ──
  // What ideas in progress will need, and nobody waits for yet: most needed per second of load first.
  std::vector<ModelEntry*> expected_soon() const {
    std::vector<ModelEntry*> soon;
    for (auto& [id, model] : state_.models) {
      if (model.coming == 0 || model.device != device_.id || !model.waiting.empty()) continue;
      if (can_be_loaded(state_, model, now_)) soon.push_back(&model);
    }
    std::sort(soon.begin(), soon.end(), [](const ModelEntry* a, const ModelEntry* b) {
      const double x = static_cast<double>(a->coming) * static_cast<double>(b->load.mean().us);
      const double y = static_cast<double>(b->coming) * static_cast<double>(a->load.mean().us);
      return x != y ? x > y : a->id < b->id;
    });
    return soon;
  }

  bool load_first_that_fits(const std::vector<ModelEntry*>& models, CauseKind kind) {
    for (const ModelEntry* model : models) {
      if (fits_into_free_room(state_, *model)) return load(*model, kind);
    }
    return false;
  }

  bool load_into_free_room() {
    if (!blocked_.empty()) return load_first_that_fits(blocked_, CauseKind::request);
    soon_ = expected_soon();
    return load_first_that_fits(soon_, CauseKind::expected_soon);
  }

  bool load_over_unwanted() {
    const bool prefetch = blocked_.empty();
    for (const ModelEntry* model : prefetch ? soon_ : blocked_) {
      auto victims = victims_for(*model, VictimScope::unwanted);
      if (!victims) continue;
      return exchange(*model, std::move(*victims),
                      prefetch ? CauseKind::expected_soon : CauseKind::request);
    }
    return false;
  }

  // ── 6 and 7 ──
  bool is_waited_for(const std::vector<ModelId>& models) const {
    return std::any_of(models.begin(), models.end(),
                       [&](ModelId id) { return !state_.model(id).waiting.empty(); });
  }
  bool exhaustive_visit() {
    const std::size_t options = std::min(blocked_.size(), kOptionsMax);
    for (std::size_t i = 0; i < options; ++i) {
      if (is_guest(state_, *blocked_[i])) continue;
      auto victims = victims_for(*blocked_[i], VictimScope::loose);
      if (!victims || ends_soon_on(*victims) || is_waited_for(*victims)) continue;
      return exchange(*blocked_[i], std::move(*victims), CauseKind::request);
    }
    return false;
  }

  // Texts are away for this long if the model is visited now.
  Duration outage(const ModelEntry& model) const {
    Duration sum = model.load.mean() + model.run.mean();
    for (const auto& [id, other] : state_.models) {
      if (other.home && other.device == device_.id) sum += other.load.mean();
    }
    return sum;
  }

  bool may_visit(const ModelEntry& model) const {
    const Policy& policy = state_.policy;
    if (is_between_phases(state_, now_, policy.visit_edge)) return true;
    if (state_.patience.text <= Duration{}) return true;
    return outage(model) <= state_.patience.text * policy.visit_outage_percent / 100;
  }

  // Steps on the victims would have to wait for the visit's end: they may be fewer than those it is for, and none of them
  // has waited through a visit before.
  bool may_put_aside(const std::vector<ModelId>& victims, const ModelEntry& guest) const {
    std::size_t steps = 0;
    for (const ModelId id : victims) {
      const ModelEntry& model = state_.model(id);
      steps += model.waiting.size();
      if (model.home && model.oldest && *model.oldest < model.since) return false;
    }
    return steps <= guest.waiting.size();
  }

  bool visit_misfit() {
    const std::size_t options = std::min(blocked_.size(), kOptionsMax);
    for (std::size_t i = 0; i < options; ++i) {
      const ModelEntry& model = *blocked_[i];
      if (!is_guest(state_, model) || !may_visit(model)) continue;
      auto victims = victims_for(model, VictimScope::any);
      if (!victims || ends_soon_on(*victims)) continue;
      if (!may_put_aside(*victims, model)) continue;
      return exchange(model, std::move(*victims), CauseKind::visit);
    }
    return false;
  }

  // ── 8 ──
  bool is_spare(ModelId id) const { return !is_wanted(state_, id) && !state_.model(id).focus; }

  void serve_wanted() {
    for (const CauseKind kind : kWantedOrder) {
      const auto wanted = state_.wanted.find(kind);
      if (wanted == state_.wanted.end()) continue;
      for (const ModelId id : wanted->second) {
        const auto model = state_.models.find(id);
        if (model == state_.models.end() || model->second.device != device_.id) continue;
        if (!can_be_loaded(state_, model->second, now_)) continue;
        auto victims = victims_for(model->second, VictimScope::unwanted);
        if (!victims || !std::all_of(victims->begin(), victims->end(),
                                     [&](ModelId victim) { return is_spare(victim); })) {
          continue;
        }
        exchange(model->second, std::move(*victims), kind);
        return;
      }
    }
  }

  State& state_;
  DeviceEntry& device_;
  Instant now_;
  std::vector<Decision>& out_;
  std::vector<ModelEntry*> blocked_;
  std::vector<ModelEntry*> soon_;
};

}  // namespace

void plan_residency(State& state, Instant now, std::vector<Decision>& out) {
  for (auto& [id, device] : state.devices) {
    while (true) {
      if (device.switching && advance_switch(state, device, now, out)) break;
      if (device.loading >= device.loads_parallel) break;
      const std::uint32_t loading = device.loading;
      Planner(state, device, now, out).decide();
      if (device.switching || device.loading == loading) break;
    }
  }
}

std::optional<Instant> next_planned_moment(const State& state, Instant now) {
  return next_phase_moment(state, now);
}

}  // namespace stoker::scheduler
