// What the cards and the engines' own settings say, told to the scheduler where it changes something.
#include <algorithm>

#include "controller/live_controller.h"
#include "scheduler/constraints.h"

namespace stoker::controller {
namespace {

constexpr Duration kCardInterval = seconds(1);
// A smaller change of what others hold is not worth a new plan; the reserve covers it.
constexpr MiB kForeignChangeMin{64};
constexpr std::int64_t kForeignChangeShareOfReserve = 8;
// Smaller pools of idle engines; the reserve covers them.
constexpr MiB kUnplannedMin{256};
// Engines give back what a run needed only after some seconds.
constexpr Duration kIdleBeforeCounted = seconds(20);

bool is_moving(scheduler::ResidencyState residency) {
  return residency == scheduler::ResidencyState::loading ||
         residency == scheduler::ResidencyState::unloading;
}

MiB above(MiB amount, MiB threshold) {
  return amount > threshold ? amount : MiB{0};
}

}  // namespace

void LiveController::watch_cards() {
  if (!meter_.has_probe()) return;
  meter_.read(gpu::HistoryMark::regular,
              [this] { ports_.loop->after(kCardInterval, [this] { watch_cards(); }); });
}

// Memory that no model of ours accounts for: other programs, and what an engine holds beyond its models once it has been
// idle for a while (another client's model, a pool). Models whose engine has no share in the reading lie in what the card
// cannot attribute.
MiB LiveController::foreign_on(const GpuSample& sample) {
  const scheduler::State& state = scheduler_.state();
  const Instant now = ports_.loop->now();
  MiB foreign = sample.foreign;
  MiB not_attributed;
  for (const ModelId id : state.devices.at(sample.device).present) {
    const scheduler::ModelEntry& model = state.model(id);
    const auto has_share = [&](const BackendShare& share) {
      return share.backend == model.backend;
    };
    // What comes or goes just now may be there or not.
    const bool is_there = !is_moving(model.residency);
    if (is_there && std::none_of(sample.backends.begin(), sample.backends.end(), has_share))
      not_attributed += model.reserved;
  }
  if (sample.backends.empty() && !sample.foreign_is_exact) foreign = std::max(foreign, sample.used);
  foreign = std::max(foreign - not_attributed, MiB{0});
  for (const BackendShare& share : sample.backends) {
    const auto backend = state.backends.find(share.backend);
    if (backend == state.backends.end()) continue;
    MiB planned;
    bool is_idle = backend->second.running == 0;
    for (const ModelId id : state.devices.at(sample.device).present) {
      const scheduler::ModelEntry& model = state.model(id);
      if (model.backend != share.backend) continue;
      planned += model.reserved;
      is_idle = is_idle && !is_moving(model.residency);
    }
    Unplanned& unplanned = unplanned_[{share.backend, sample.device}];
    if (!is_idle) unplanned.busy_at = now;
    if (now - unplanned.busy_at >= kIdleBeforeCounted)
      unplanned.held = above(share.used - planned, kUnplannedMin);
    foreign += unplanned.held;
  }
  return foreign;
}

void LiveController::on_reading() {
  for (const auto& [id, sample] : meter_.latest()) {
    const auto device = scheduler_.state().devices.find(id);
    if (!meter_.ok(id) || device == scheduler_.state().devices.end()) continue;
    const MiB foreign = foreign_on(sample);
    const MiB change = foreign - device->second.foreign;
    const MiB least = std::max(kForeignChangeMin,
                               MiB{device->second.reserve.count / kForeignChangeShareOfReserve});
    if (change >= least || change <= MiB{0} - least) happen(scheduler::ForeignMemory{id, foreign});
  }
  touch();
}

void LiveController::memory_history(DeviceId device, Duration back,
                                    Reply<MemoryHistory> reply) const {
  const Instant now = ports_.loop->now();
  reply(MemoryHistory{now, meter_.history().since(device, now - back)});
}

// What loads with the same settings took before replaces what files and makers say, not an operator's own measurement.
void LiveController::use_measurements(Topology& topology) const {
  for (Model& model : topology.models) {
    if (model.settings == 0 || model.vram_source == SizeSource::measured) continue;
    const auto footprint = world_.footprint(model.id, model.settings);
    if (!footprint) continue;
    model.vram = footprint->high;
    model.vram_source = SizeSource::measured;
  }
}

// An engine's own settings may allow less than the configuration says.
void LiveController::tell_engine_limits() {
  for (const auto& [id, status] : engines_.status()) {
    const auto known = scheduler_.state().backends.find(id);
    if (!status.reachable || known == scheduler_.state().backends.end()) continue;
    const scheduler::BackendEntry before = known->second;
    if (before.models_max != status.models_max)
      happen(scheduler::BackendHolds{id, status.models_max});
    if (status.granularity && *status.granularity != before.granularity)
      happen(scheduler::BackendSet{id, before.device, before.slots, *status.granularity});
  }
}

}  // namespace stoker::controller
