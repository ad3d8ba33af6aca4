// Which cards this machine has, for `stoker doctor` and for proposing a configuration.
//
// Purpose: one look at every kind of driver, with the reason where one gives no card.
// Threading: blocks, up to the deadline of nvidia-smi; any one thread.
// Ownership: values.
// Limits: kCardsMax cards per kind.
// Errors: none; failures are `absent` entries with words for an operator, and cards with `trouble`.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gpu/driver.h"
#include "gpu/machine_probe.h"

namespace stoker::gpu {

struct FoundCard {
  CardKind kind = CardKind::nvidia;
  std::int32_t index = 0;
  std::string uuid;
  std::string pci_bus_id;
  std::string name;
  MiB total;
  MiB used;
  std::string driver_version;    // empty: not known
  std::optional<Error> trouble;  // set: the amounts mean nothing
};

struct AbsentDriver {
  CardKind kind = CardKind::nvidia;
  std::string reason;
};

struct MachineCards {
  std::vector<FoundCard> cards;  // nvidia, amd, host
  std::vector<AbsentDriver> absent;
};

MachineCards detect_cards(const MachinePlaces& places = {});

}  // namespace stoker::gpu
