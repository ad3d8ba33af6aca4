// The list of processes that NVML writes into a buffer.
//
// Purpose: the structs of this list changed their size without changing their name; the buffer tells which
//   it was.
// Threading: pure functions over values.
// Limits: kCardProcessesMax entries.
// Errors: none; a list that makes no sense has no entries and is not `complete`.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "gpu/driver.h"
#include "gpu/nvml/nvml_abi.h"

namespace stoker::gpu::nvml {

inline constexpr unsigned char kUnwritten = 0xA5;  // what the buffer holds before the call

struct ProcessList {
  std::vector<CardProcess> processes;
  bool complete = true;
};

// The size of one entry, from how far a library wrote into a buffer of kUnwritten. kProcessBytesV2 if that
// tells nothing.
std::size_t entry_bytes(std::span<const unsigned char> buffer, std::size_t entries);

// The entries of a buffer that the library filled.
std::vector<CardProcess> parse_processes(std::span<const unsigned char> buffer,
                                         std::size_t entries);

// Calls NVML with a buffer that grows until the list fits. A function that does not exist: not complete.
ProcessList list_processes(int (*function)(Device, unsigned*, void*), Device device);

// One entry per pid, ascending. A process in both lists holds its memory once: the larger amount.
std::vector<CardProcess> merge_processes(std::vector<CardProcess> compute,
                                         const std::vector<CardProcess>& graphics);

}  // namespace stoker::gpu::nvml
