#include "server/rehearsal_rig.h"

#include <algorithm>
#include <charconv>

#include "backends/rehearsal/catalogue.h"
#include "gpu/simulated/simulated_probe.h"

namespace stoker::server {
namespace {

constexpr std::string_view kFaultsOfModels[] = {"load_failed", "run_failed", "load_stalled",
                                                "run_stalled"};

std::optional<std::int64_t> number_of(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

// Cuts "NAME:5" at its last colon; names may hold colons themselves.
std::optional<std::pair<std::string_view, std::int64_t>> name_and_number(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto number = number_of(text.substr(colon + 1));
  if (!number) return std::nullopt;
  return std::pair(text.substr(0, colon), *number);
}

}  // namespace

std::optional<FaultOrder> parse_fault(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon + 1 == text.size()) return std::nullopt;
  FaultOrder order{.what = std::string(text.substr(0, colon)),
                   .name = std::string(text.substr(colon + 1)),
                   .second = {}};
  if (std::ranges::find(kFaultsOfModels, order.what) != std::end(kFaultsOfModels)) return order;
  const auto parts = name_and_number(order.name);
  if (order.what == "backend_down") {
    if (parts) order.second = parts->second;
    if (parts) order.name = parts->first;
    return order;
  }
  if (!parts) return std::nullopt;
  order.second = parts->second;
  order.name = parts->first;
  if (order.what == "foreign_memory") return order;
  const auto loads = number_of(order.name);
  if (order.what != "chance" || !loads || *loads > 1000 || *order.second > 1000)
    return std::nullopt;
  order.first = *loads;
  return order;
}

RehearsalRig::RehearsalRig(Loop& loop, const Machine& machine, std::uint64_t seed)
    : loop_(loop), models_(machine.models) {
  for (const Device& device : machine.devices) {
    const auto card = std::ranges::find(machine.cards, device.id, &CardSetup::device);
    if (card == machine.cards.end() || card->source != CardSource::simulated) continue;
    device_names_.emplace(device.name, device.id);
    gpus_.emplace(device.id, std::make_unique<VirtualGpu>(loop, device.id, device.vram));
  }
  for (const EngineSetup& engine : machine.engines) {
    if (!engine.is_rehearsal()) continue;
    backend_names_.emplace(engine.info.name, engine.info.id);
    backends_.emplace(engine.info.id, std::make_unique<RehearsalBackend>(
                                          loop, *gpus_.at(engine.info.device),
                                          options_of(RehearsalEngine{engine.info, engine.style},
                                                     1.0, seed + engine.info.id.value),
                                          models_));
  }
  probe_ = std::make_unique<SimulatedProbe>([this] { return sample(); });
}

std::vector<std::pair<BackendId, Backend*>> RehearsalRig::backends() const {
  std::vector<std::pair<BackendId, Backend*>> list;
  for (const auto& [id, backend] : backends_) list.emplace_back(id, backend.get());
  return list;
}

void RehearsalRig::set_models(const std::vector<Model>& models) {
  models_ = models;
  for (const auto& [id, backend] : backends_) backend->set_models(models);
}

// Any thread: the cards and their snapshots do not change their places.
Result<std::vector<GpuSample>> RehearsalRig::sample() const {
  std::vector<GpuSample> samples;
  for (const auto& [id, gpu] : gpus_) {
    const VirtualGpuSnapshot card = gpu->snapshot();
    GpuSample sample{.device = id, .total = card.total, .used = card.used, .processes = {}};
    std::map<BackendId, MiB> held;
    for (const VirtualHolding& holding : card.holdings) held[holding.backend] += holding.sum();
    for (const auto& [backend, used] : held)
      sample.processes.push_back({"rehearsal", backend, used});
    if (card.foreign.count > 0) sample.processes.push_back({"foreign", {}, card.foreign});
    samples.push_back(std::move(sample));
  }
  return samples;
}

RehearsalBackend* RehearsalRig::backend_of(std::string_view name) const {
  const auto found = backend_names_.find(name);
  return found == backend_names_.end() ? nullptr : backends_.at(found->second).get();
}

Result<std::pair<RehearsalBackend*, ModelId>> RehearsalRig::model_of(std::string_view name) const {
  for (const Model& model : models_)
    if (model.name == name) return std::pair(backends_.at(model.backend).get(), model.id);
  return fail(ErrorCode::bad_request, "no model has the id \"" + std::string(name) + "\"");
}

Result<void> RehearsalRig::take_down(const FaultOrder& fault) {
  RehearsalBackend* backend = backend_of(fault.name);
  if (backend == nullptr)
    return fail(ErrorCode::bad_request, "no backend has the id \"" + fault.name + "\"");
  backend->take_down();
  if (fault.second) loop_.after(seconds(*fault.second), [backend] { backend->bring_up(); });
  return {};
}

Result<void> RehearsalRig::hold_memory(const FaultOrder& fault) {
  const auto found = device_names_.find(fault.name);
  if (found == device_names_.end())
    return fail(ErrorCode::bad_request, "no device has the id \"" + fault.name + "\"");
  gpus_.at(found->second)->set_foreign(MiB{fault.second.value_or(0)});
  return {};
}

Result<void> RehearsalRig::arrange(const FaultOrder& fault) {
  if (fault.what == "backend_down") return take_down(fault);
  if (fault.what == "foreign_memory") return hold_memory(fault);
  if (fault.what == "chance") {
    for (const auto& [id, backend] : backends_) {
      backend->faults().break_by_chance(static_cast<std::uint32_t>(fault.first),
                                        static_cast<std::uint32_t>(fault.second.value_or(0)));
    }
    return {};
  }
  const auto model = model_of(fault.name);
  if (!model) return fail(model.error());
  const PlannedFault planned{fault.what.ends_with("stalled") ? FaultKind::stall : FaultKind::fail,
                             0.5};
  if (fault.what.starts_with("load"))
    model->first->faults().break_next_load(model->second, planned);
  if (fault.what.starts_with("run")) model->first->faults().break_next_run(model->second, planned);
  return {};
}

}  // namespace stoker::server
