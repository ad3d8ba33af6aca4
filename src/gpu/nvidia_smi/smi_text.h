// What nvidia-smi prints with --format=csv,noheader,nounits, as readings.
//
// Purpose: the parsers, apart from the program that prints.
// Threading: pure functions.
// Limits: kCardsMax cards, kCardProcessesMax processes per card.
// Errors: lines that cannot be understood are left out and counted; the caller decides what that means.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gpu/driver.h"

namespace stoker::gpu {

// What is asked for, in this order. The name is the only field that may hold a comma; the parser reads both
// ends.
inline constexpr std::string_view kSmiCardFields =
    "index,uuid,pci.bus_id,name,memory.total,memory.used,utilization.gpu,driver_version";
inline constexpr std::string_view kSmiProcessFields = "gpu_uuid,pid,used_memory";

struct SmiCardList {
  std::vector<CardReading> cards;  // a card whose memory is not told has `trouble`
  std::size_t lines_not_understood = 0;
};
SmiCardList parse_smi_cards(std::string_view text);

struct SmiProcess {
  std::string uuid;
  CardProcess process;
};
struct SmiProcessList {
  std::vector<SmiProcess> processes;
  std::size_t lines_not_understood = 0;
};
SmiProcessList parse_smi_processes(std::string_view text);

}  // namespace stoker::gpu
