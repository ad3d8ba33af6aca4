// NVIDIA cards by NVML, the library of NVIDIA's driver.
//
// Purpose: memory, processes and identity of every NVIDIA card, in about a millisecond and without a child
//   process.
// Threading: one caller at a time. A driver that hangs holds the calling thread: NVML knows no deadline.
// Ownership: loads the library at the first `read`; initialises it once, shuts it down on destruction.
// Limits: those of driver.h. Cards cut into instances (MIG) are seen as one card.
// Errors: not_found when the library cannot be loaded (nvidia-smi may be asked then); backend_down when it
//   is loaded and fails: driver not loaded, driver and library of different versions, no permission. After
//   a failure the next `read` loads and initialises it again; after the loss of a card too, then at every
//   tenth while it stays lost. A lost card is a reading with `trouble` and with the identity that it had.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gpu/driver.h"
#include "gpu/nvml/library.h"

namespace stoker::gpu {

class NvmlCards final : public CardDriver {
 public:
  struct Places {
    std::string library = "libnvidia-ml.so.1";
    std::string proc_root = "/proc";
  };

  NvmlCards() : NvmlCards(Places{}) {}
  explicit NvmlCards(Places places);
  ~NvmlCards() override;
  NvmlCards(const NvmlCards&) = delete;
  NvmlCards& operator=(const NvmlCards&) = delete;

  Result<std::vector<CardReading>> read() override;

 private:
  struct Identity {
    std::string uuid;
    std::string pci_bus_id;
    std::string name;
  };

  Result<void> start();
  void stop();
  Error failure(int code, const char* during) const;
  CardReading read_card(std::uint32_t index);
  std::optional<Error> read_identity(nvml::Device device, CardReading& card) const;
  std::optional<Error> read_memory(nvml::Device device, CardReading& card) const;
  void read_processes(nvml::Device device, CardReading& card) const;
  std::string driver_version() const;

  const Places places_;
  std::optional<nvml::Library> library_;  // set: loaded and initialised
  std::string driver_version_;
  std::vector<Identity> identities_;  // by index, as last seen
  std::uint32_t troubled_reads_ = 0;  // one after the other
};

}  // namespace stoker::gpu
