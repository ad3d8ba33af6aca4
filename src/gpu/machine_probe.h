// The probe of a real machine: configured devices joined with their cards, drivers and owners.
//
// Purpose: GpuSamples with backends from what drivers say about cards and /proc about processes.
// Threading: `sample` blocks for milliseconds (with nvidia-smi up to its deadline); one caller at a time.
// Ownership: owns the drivers; borrows the owners, which must live longer.
// Limits: kDevicesMax devices; those of probe.h.
// Errors: a device whose driver fails, or whose card is missing or lost, is a sample with `trouble`. When
//   that is so for every device, `sample` fails with the first device's trouble.
// What others hold: where every process is listed, measured and visible, `foreign` is the card's `used`
//   less what the backends hold, so that it has what no list shows, and is exact. Elsewhere (engines in
//   containers of which only the numbers of processes are seen, a driver that does not tell amounts) it is
//   the sum of what is surely not a backend's.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "gpu/driver.h"
#include "gpu/host/host_memory.h"
#include "gpu/owners/process_owners.h"
#include "gpu/probe.h"

namespace stoker::gpu {

// Which card a device is. `card` is an index ("1"), a UUID, or a PCI address; empty: the only one of its
// kind.
struct DeviceCard {
  DeviceId device;
  CardKind kind = CardKind::nvidia;
  std::string card = {};
};

// Where drivers are looked for; other places are for tests.
struct MachinePlaces {
  std::string nvml_library = "libnvidia-ml.so.1";
  std::string nvidia_smi = "nvidia-smi";
  std::string sys_root = "/sys";
  std::string proc_root = "/proc";
};

class MachineProbe final : public GpuProbe {
 public:
  MachineProbe(std::vector<DeviceCard> devices, ProcessOwners& owners,
               const MachinePlaces& places = {});
  // With drivers of the caller's; only those of the kinds in use are needed.
  struct Drivers {
    std::unique_ptr<CardDriver> nvidia;
    std::unique_ptr<CardDriver> amd;
    std::unique_ptr<HostMemory> host;
  };
  MachineProbe(std::vector<DeviceCard> devices, ProcessOwners& owners, Drivers drivers);

  Result<std::vector<GpuSample>> sample() override;

 private:
  CardDriver* driver_of(CardKind kind) const;

  const std::vector<DeviceCard> devices_;
  ProcessOwners& owners_;
  Drivers drivers_;
};

// The card that is meant; not_found in words for the operator.
Result<CardReading> choose_card(const std::vector<CardReading>& cards, const DeviceCard& wanted);

// What the port tells about a device from what its driver and /proc tell.
GpuSample sample_of(DeviceId device, const CardReading& card, const OwnerTable& owners);

}  // namespace stoker::gpu
