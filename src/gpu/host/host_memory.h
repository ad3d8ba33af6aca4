// The machine's own memory as a card, for machines and engines without a GPU.
//
// Purpose: one ledger for engines that compute on the processor. total = MemTotal, used = MemTotal -
//   MemAvailable. An engine holds what it has resident: anonymous, shared and file-backed memory. Weights
//   mapped from files are pages of the file cache, which the system calls available although dropping them
//   would make the engine read them again; here they count for the engine. So the engines' sum may exceed
//   the card's `used`: the file-backed part is named `uncounted`, and what others hold is `used` less the
//   engines' memory without it, never below zero.
// Threading: one caller at a time.
// Limits: kCardProcessesMax processes. Pages that two processes of an engine share count twice. A limit of
//   a container (cgroup) is not seen.
// Errors: backend_down when /proc/meminfo does not tell the two numbers. A process that is gone is left out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gpu/driver.h"

namespace stoker::gpu {

class HostMemory final : public CardDriver {
 public:
  explicit HostMemory(std::string proc_root = "/proc");

  // The processes that the next readings look at: those of known engines.
  void watch(std::vector<std::int32_t> pids);

  Result<std::vector<CardReading>> read() override;

 private:
  const std::string proc_root_;
  std::vector<std::int32_t> pids_;
};

}  // namespace stoker::gpu
