// AMD cards by what the kernel's driver amdgpu tells in /sys, without a library of the vendor.
//
// Purpose: memory from mem_info_vram_total and mem_info_vram_used; holders from /proc/PID/fdinfo (graphics
//   and Vulkan) and from the compute driver's /sys/class/kfd (ROCm). A process that both name holds the
//   larger of the two amounts.
// Threading: one caller at a time; looks through the open files of all processes.
// Limits: those of driver.h; kDrmFilesMax open files per process. Memory of the host that a card borrows
//   (GTT) is not counted, so the share of a processor's built-in graphics is its fixed part alone.
// Errors: backend_down when there is no AMD card. A card whose numbers cannot be read is a reading with
//   `trouble`. Without the right to look into other accounts' processes the list is marked as not complete.
#pragma once

#include <string>
#include <vector>

#include "gpu/driver.h"

namespace stoker::gpu {

class AmdCards final : public CardDriver {
 public:
  struct Places {
    std::string sys_root = "/sys";
    std::string proc_root = "/proc";
  };

  AmdCards() : AmdCards(Places{}) {}
  explicit AmdCards(Places places);

  Result<std::vector<CardReading>> read() override;

 private:
  const Places places_;
};

}  // namespace stoker::gpu
