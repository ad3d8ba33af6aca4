// NVIDIA cards by the program nvidia-smi, where NVML itself cannot be loaded.
//
// Purpose: the same numbers as NVML gives, at the price of two child processes per read.
// Threading: one caller at a time; blocks until nvidia-smi ended, at most twice the deadline of
//   run_program.h.
// Limits: those of driver.h and run_program.h. The driver's reserve is not asked for and stays 0. Only
//   compute programs are listed, so a desktop's share shows in `used` alone.
// Errors: not_found when there is no nvidia-smi; backend_down when it hangs, fails or prints nothing that
//   is a card; the detail holds its first line. A failing list of processes leaves the cards readable,
//   marked as not complete.
#pragma once

#include <string>
#include <vector>

#include "gpu/driver.h"
#include "gpu/nvidia_smi/run_program.h"

namespace stoker::gpu {

class SmiCards final : public CardDriver {
 public:
  struct Places {
    std::string program = "nvidia-smi";
    std::string proc_root = "/proc";
    Program::Limits limits = {};
  };

  SmiCards() : SmiCards(Places{}) {}
  explicit SmiCards(Places places);

  Result<std::vector<CardReading>> read() override;

 private:
  void read_processes(std::vector<CardReading>& cards);

  const Places places_;
  Program program_;
};

}  // namespace stoker::gpu
