#include "gpu/machine_probe.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "gpu/amd_sysfs/amd_cards.h"
#include "gpu/nvidia_cards.h"
#include "gpu/proc_files.h"
#include "gpu/sample_sums.h"

namespace stoker::gpu {
namespace {

// A card without any listed process may have this much in use before that looks like processes which are
// hidden.
constexpr MiB kUsedWithoutProcessesMax{1024};

MachineProbe::Drivers drivers_for(const std::vector<DeviceCard>& devices,
                                  const MachinePlaces& places) {
  MachineProbe::Drivers drivers;
  if (has(devices, CardKind::nvidia, &DeviceCard::kind)) {
    drivers.nvidia = std::make_unique<NvidiaCards>(
        NvmlCards::Places{.library = places.nvml_library, .proc_root = places.proc_root},
        SmiCards::Places{.program = places.nvidia_smi, .proc_root = places.proc_root});
  }
  if (has(devices, CardKind::amd, &DeviceCard::kind)) {
    drivers.amd = std::make_unique<AmdCards>(
        AmdCards::Places{.sys_root = places.sys_root, .proc_root = places.proc_root});
  }
  if (has(devices, CardKind::host, &DeviceCard::kind))
    drivers.host = std::make_unique<HostMemory>(places.proc_root);
  return drivers;
}

std::vector<DeviceCard> at_most_all(std::vector<DeviceCard> devices) {
  if (devices.size() > kDevicesMax) devices.resize(kDevicesMax);
  return devices;
}

bool is_meant(const CardReading& card, const std::string& words) {
  if (const auto index = number_in(words))
    return card.index >= 0 && static_cast<std::uint64_t>(card.index) == *index;
  if (!card.uuid.empty() && card.uuid == words) return true;
  return !card.pci_bus_id.empty() && card.pci_bus_id == normal_pci_bus_id(words);
}

GpuSample trouble_of(DeviceId device, Error error) {
  GpuSample sample{.device = device, .total = {}, .used = {}, .processes = {}};
  sample.trouble = std::move(error);
  return sample;
}

// True when `used` less the backends' share is what others hold.
bool tells_everything(const CardReading& card) {
  if (card.kind == CardKind::host) return true;
  if (card.processes.empty() && card.used > kUsedWithoutProcessesMax) return false;
  return card.processes_complete && std::ranges::all_of(card.processes, [](const CardProcess& p) {
           return p.used && !p.name.empty();
         });
}

}  // namespace

MachineProbe::MachineProbe(std::vector<DeviceCard> devices, ProcessOwners& owners,
                           const MachinePlaces& places)
    : devices_(at_most_all(std::move(devices))),
      owners_(owners),
      drivers_(drivers_for(devices_, places)) {}

MachineProbe::MachineProbe(std::vector<DeviceCard> devices, ProcessOwners& owners, Drivers drivers)
    : devices_(at_most_all(std::move(devices))), owners_(owners), drivers_(std::move(drivers)) {}

CardDriver* MachineProbe::driver_of(CardKind kind) const {
  switch (kind) {
    case CardKind::nvidia:
      return drivers_.nvidia.get();
    case CardKind::amd:
      return drivers_.amd.get();
    case CardKind::host:
      return drivers_.host.get();
  }
  return nullptr;
}

Result<std::vector<GpuSample>> MachineProbe::sample() {
  const OwnerTable owners = owners_.look();
  if (drivers_.host) {
    std::vector<std::int32_t> engines;
    for (const OwnedProcess& process : owners.owned()) engines.push_back(process.pid);
    drivers_.host->watch(std::move(engines));
  }
  std::map<CardKind, Result<std::vector<CardReading>>> readings;
  std::vector<GpuSample> samples;
  for (const DeviceCard& wanted : devices_) {
    CardDriver* driver = driver_of(wanted.kind);
    if (driver == nullptr) {
      samples.push_back(trouble_of(wanted.device, {ErrorCode::internal, "no driver was given"}));
      continue;
    }
    if (!readings.contains(wanted.kind)) readings.emplace(wanted.kind, driver->read());
    const auto& cards = readings.at(wanted.kind);
    const auto card = cards ? choose_card(*cards, wanted) : fail(cards.error());
    if (card && !card->trouble) {
      samples.push_back(sample_of(wanted.device, *card, owners));
    } else {
      samples.push_back(trouble_of(wanted.device, card ? *card->trouble : card.error()));
    }
  }
  const bool any = std::ranges::any_of(samples, [](const GpuSample& s) { return !s.trouble; });
  if (!any && !samples.empty()) return fail(*samples.front().trouble);
  return samples;
}

Result<CardReading> choose_card(const std::vector<CardReading>& cards, const DeviceCard& wanted) {
  const std::string kind(card_kind_name(wanted.kind));
  if (wanted.card.empty()) {
    if (cards.size() == 1) return cards.front();
    return fail(ErrorCode::not_found, "there are " + std::to_string(cards.size()) +
                                          " cards of kind " + kind +
                                          "; the device must say which one it is");
  }
  for (const CardReading& card : cards)
    if (is_meant(card, wanted.card)) return card;
  // A card that was lost before it was ever seen has no name to be found by.
  for (const CardReading& card : cards)
    if (card.trouble && card.uuid.empty() && !number_in(wanted.card)) return card;
  return fail(ErrorCode::not_found,
              "no card of kind " + kind + " is \"" + printable(wanted.card, kCardNameMax) + "\"");
}

GpuSample sample_of(DeviceId device, const CardReading& card, const OwnerTable& owners) {
  GpuSample sample{.device = device, .total = card.total, .used = card.used, .processes = {}};
  sample.reserved = card.reserved;
  sample.utilisation_percent = card.utilisation_percent;
  MiB surely_foreign;
  MiB backends_in_used;
  for (const CardProcess& process : card.processes) {
    const BackendId owner = owners.owner_of(process.pid);
    const MiB held = process.used.value_or(MiB{});
    if (owner) backends_in_used += held - process.uncounted;
    if (!owner && !process.name.empty()) surely_foreign += held;
    sample.processes.push_back({process.name, owner, held, process.pid, process.used.has_value()});
  }
  sum_processes(sample);
  cut_processes(sample);
  sample.foreign_is_exact = tells_everything(card);
  sample.foreign =
      sample.foreign_is_exact ? std::max(MiB{}, card.used - backends_in_used) : surely_foreign;
  return sample;
}

}  // namespace stoker::gpu
