#include "gpu/detect.h"

#include <utility>

#include "gpu/amd_sysfs/amd_cards.h"
#include "gpu/nvidia_cards.h"

namespace stoker::gpu {
namespace {

void look_at(CardDriver& driver, CardKind kind, MachineCards& found) {
  auto cards = driver.read();
  if (!cards) {
    found.absent.push_back({kind, std::move(cards.error().detail)});
    return;
  }
  if (cards->empty()) found.absent.push_back({kind, "the driver answers and lists no card"});
  for (CardReading& card : *cards) {
    found.cards.push_back({.kind = kind,
                           .index = card.index,
                           .uuid = std::move(card.uuid),
                           .pci_bus_id = std::move(card.pci_bus_id),
                           .name = std::move(card.name),
                           .total = card.total,
                           .used = card.used,
                           .driver_version = std::move(card.driver_version),
                           .trouble = std::move(card.trouble)});
  }
}

}  // namespace

MachineCards detect_cards(const MachinePlaces& places) {
  MachineCards found;
  NvidiaCards nvidia({.library = places.nvml_library, .proc_root = places.proc_root},
                     {.program = places.nvidia_smi, .proc_root = places.proc_root});
  AmdCards amd({.sys_root = places.sys_root, .proc_root = places.proc_root});
  HostMemory host(places.proc_root);
  look_at(nvidia, CardKind::nvidia, found);
  look_at(amd, CardKind::amd, found);
  look_at(host, CardKind::host, found);
  return found;
}

}  // namespace stoker::gpu
