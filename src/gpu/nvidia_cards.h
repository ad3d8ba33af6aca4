// NVIDIA cards by whatever this machine has: NVML, or the program nvidia-smi where NVML cannot be loaded.
//
// Purpose: the choice between the two, in one place. NVML that is there and fails is reported and not
//   replaced: the program would fail for the same reason, and an operator should learn it.
// Threading, limits: those of nvml_cards.h and smi_cards.h.
// Errors: backend_down; the detail names both when neither is there.
#pragma once

#include <vector>

#include "gpu/driver.h"
#include "gpu/nvidia_smi/smi_cards.h"
#include "gpu/nvml/nvml_cards.h"

namespace stoker::gpu {

class NvidiaCards final : public CardDriver {
 public:
  NvidiaCards() = default;
  NvidiaCards(NvmlCards::Places nvml, SmiCards::Places smi);

  Result<std::vector<CardReading>> read() override;

 private:
  NvmlCards nvml_;
  SmiCards smi_;
};

}  // namespace stoker::gpu
