// A library that looks like NVIDIA's libnvidia-ml.so.1 and reads its cards from a text file, for tests.
//
// It is built twice: `stub_nvml/libnvidia-ml.so.1` has today's functions, `stub_nvml_old/libnvidia-ml.so.1`
// lacks the memory function of version 2 and the process lists of version 3. A test gives the path to the probe,
// or starts a whole server with LD_LIBRARY_PATH set to one of the two folders (build folder, src/gpu/). It is
// never linked into anything.
//
// The environment variable STOKER_STUB_NVML names the file. The file is read again at nvmlInit_v2 and at
// every nvmlDeviceGetCount_v2, so a test may rewrite it (write beside it and rename) while the probe runs.
// Lines:
//   driver VERSION                     what nvmlSystemGetDriverVersion says
//   fail FUNCTION CODE                 that function answers with this number, for every card
//   entry BYTES                        size of one process entry: 24 unless told, 16 and 32 occur
//   card                               begins a card; the lines below speak of the last one
//   uuid TEXT / pci TEXT / name WORDS  its identity
//   total BYTES / used BYTES / reserved BYTES / utilisation PERCENT
//   lost                               every question about the card is answered with "GPU is lost"
//   lost-handle                        the card cannot even be opened
//   compute PID BYTES / graphics PID BYTES   a process; BYTES may be `-`: the driver does not tell
//   # words                            nothing
// Without the variable or the file, nvmlInit_v2 answers "driver not loaded".
#include <array>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "gpu/nvml/nvml_abi.h"

namespace {

using namespace stoker::gpu::nvml;

struct Process {
  unsigned pid = 0;
  unsigned long long used = kValueNotAvailable;
};

struct Card {
  std::string uuid, pci, name;
  unsigned long long total = 0, used = 0, reserved = 0;
  unsigned utilisation = 0;
  bool lost = false, lost_handle = false;
  std::vector<Process> compute, graphics;
};

struct Machine {
  std::string driver;
  std::map<std::string, int> failures;
  std::size_t entry = kProcessBytesV2;
  std::vector<Card> cards;
};

constexpr std::size_t kCardsMax = 64;

Machine machine;
int initialised = 0;
std::array<char, kCardsMax> handles;  // their addresses stand for the cards

std::string rest_of(std::istringstream& line) {
  std::string rest;
  std::getline(line >> std::ws, rest);
  return rest;
}

Process process_of(std::istringstream& line) {
  Process process;
  std::string used;
  line >> process.pid >> used;
  if (used != "-") process.used = std::strtoull(used.c_str(), nullptr, 10);
  return process;
}

void read_card_line(Card& card, const std::string& word, std::istringstream& line) {
  if (word == "uuid") card.uuid = rest_of(line);
  if (word == "pci") card.pci = rest_of(line);
  if (word == "name") card.name = rest_of(line);
  if (word == "total") line >> card.total;
  if (word == "used") line >> card.used;
  if (word == "reserved") line >> card.reserved;
  if (word == "utilisation") line >> card.utilisation;
  if (word == "lost") card.lost = true;
  if (word == "lost-handle") card.lost_handle = true;
  if (word == "compute") card.compute.push_back(process_of(line));
  if (word == "graphics") card.graphics.push_back(process_of(line));
}

bool read_machine() {
  const char* path = std::getenv("STOKER_STUB_NVML");
  std::ifstream file(path == nullptr ? "" : path);
  if (!file) return false;
  machine = {};
  for (std::string text; std::getline(file, text);) {
    std::istringstream line(text);
    std::string word;
    line >> word;
    if (word == "driver") machine.driver = rest_of(line);
    if (word == "entry") line >> machine.entry;
    if (word == "card" && machine.cards.size() < kCardsMax) machine.cards.emplace_back();
    if (word == "fail") {
      std::string function;
      line >> function >> machine.failures[function];
    }
    if (!machine.cards.empty()) read_card_line(machine.cards.back(), word, line);
  }
  return true;
}

// What the file wants this function to answer, before the card is asked.
int answer(const char* function) {
  if (initialised == 0) return kUninitialized;
  const auto found = machine.failures.find(function);
  return found == machine.failures.end() ? static_cast<int>(kSuccess) : found->second;
}

int card_of(const char* function, Device device, Card*& card) {
  if (const int code = answer(function)) return code;
  const auto index = static_cast<std::size_t>(reinterpret_cast<char*>(device) - handles.data());
  if (index >= machine.cards.size()) return kInvalidArgument;
  card = &machine.cards[index];
  return card->lost ? kGpuIsLost : kSuccess;
}

int copy_text(const std::string& text, char* buffer, unsigned length) {
  if (text.size() + 1 > length) return kInsufficientSize;
  std::memcpy(buffer, text.c_str(), text.size() + 1);
  return kSuccess;
}

int copy_processes(const std::vector<Process>& processes, unsigned* count, void* infos) {
  const unsigned room = *count;
  *count = static_cast<unsigned>(processes.size());
  if (processes.size() > room) return kInsufficientSize;
  auto* out = static_cast<unsigned char*>(infos);
  for (const Process& process : processes) {
    std::array<unsigned char, kProcessBytesV3> entry{};
    const ProcessHead head{process.pid, process.used};
    std::memcpy(entry.data(), &head, sizeof head);
    std::memset(entry.data() + sizeof head, 0xFF, 8);  // no instances
    std::memcpy(out, entry.data(), machine.entry);
    out += machine.entry;
  }
  return kSuccess;
}

}  // namespace

// The names are NVIDIA's.
// NOLINTBEGIN(readability-identifier-naming)
extern "C" {

int nvmlInit_v2() {
  if (!read_machine()) return kDriverNotLoaded;
  ++initialised;
  const int code = answer("nvmlInit_v2");
  if (code != kSuccess) --initialised;
  return code;
}

int nvmlShutdown() {
  if (initialised == 0) return kUninitialized;
  --initialised;
  return kSuccess;
}

const char* nvmlErrorString(int code) {
  switch (code) {
    case kGpuIsLost:
      return "GPU is lost";
    case kDriverNotLoaded:
      return "Driver Not Loaded";
    case kLibraryMismatch:
      return "Driver/library version mismatch";
    default:
      return "Unknown Error";
  }
}

int nvmlSystemGetDriverVersion(char* buffer, unsigned length) {
  if (const int code = answer("nvmlSystemGetDriverVersion")) return code;
  return copy_text(machine.driver, buffer, length);
}

int nvmlDeviceGetCount_v2(unsigned* count) {
  if (initialised > 0) read_machine();
  if (const int code = answer("nvmlDeviceGetCount_v2")) return code;
  *count = static_cast<unsigned>(machine.cards.size());
  return kSuccess;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, Device* device) {
  if (const int code = answer("nvmlDeviceGetHandleByIndex_v2")) return code;
  if (index >= machine.cards.size()) return kInvalidArgument;
  if (machine.cards[index].lost_handle) return kGpuIsLost;
  *device = reinterpret_cast<Device>(&handles.at(index));
  return kSuccess;
}

int nvmlDeviceGetName(Device device, char* buffer, unsigned length) {
  Card* card = nullptr;
  if (const int code = card_of("nvmlDeviceGetName", device, card)) return code;
  return copy_text(card->name, buffer, length);
}

int nvmlDeviceGetUUID(Device device, char* buffer, unsigned length) {
  Card* card = nullptr;
  if (const int code = card_of("nvmlDeviceGetUUID", device, card)) return code;
  return copy_text(card->uuid, buffer, length);
}

int nvmlDeviceGetPciInfo_v3(Device device, PciInfo* pci) {
  Card* card = nullptr;
  if (const int code = card_of("nvmlDeviceGetPciInfo_v3", device, card)) return code;
  return copy_text(card->pci, pci->bus_id, sizeof pci->bus_id);
}

int nvmlDeviceGetUtilizationRates(Device device, Utilization* utilization) {
  Card* card = nullptr;
  if (const int code = card_of("nvmlDeviceGetUtilizationRates", device, card)) return code;
  utilization->gpu = card->utilisation;
  return kSuccess;
}

int nvmlDeviceGetMemoryInfo(Device device, MemoryV1* memory) {
  Card* card = nullptr;
  if (const int code = card_of("nvmlDeviceGetMemoryInfo", device, card)) return code;
  memory->total = card->total;
  memory->used = card->used + card->reserved;
  memory->free = card->total - memory->used;
  return kSuccess;
}

#ifndef STOKER_STUB_NVML_OLD
int nvmlDeviceGetMemoryInfo_v2(Device device, MemoryV2* memory) {
  Card* card = nullptr;
  if (const int code = card_of("nvmlDeviceGetMemoryInfo_v2", device, card)) return code;
  if (memory->version != ((2U << 24U) | 40U)) return kArgumentVersionMismatch;
  memory->total = card->total;
  memory->used = card->used;
  memory->reserved = card->reserved;
  memory->free = card->total - card->used - card->reserved;
  return kSuccess;
}

int nvmlDeviceGetComputeRunningProcesses_v3(Device device, unsigned* count, void* infos) {
  Card* card = nullptr;
  if (const int code = card_of("nvmlDeviceGetComputeRunningProcesses", device, card)) return code;
  return copy_processes(card->compute, count, infos);
}

int nvmlDeviceGetGraphicsRunningProcesses_v3(Device device, unsigned* count, void* infos) {
  Card* card = nullptr;
  if (const int code = card_of("nvmlDeviceGetGraphicsRunningProcesses", device, card)) return code;
  return copy_processes(card->graphics, count, infos);
}
#else
int nvmlDeviceGetComputeRunningProcesses_v2(Device device, unsigned* count, void* infos) {
  Card* card = nullptr;
  if (const int code = card_of("nvmlDeviceGetComputeRunningProcesses", device, card)) return code;
  return copy_processes(card->compute, count, infos);
}

int nvmlDeviceGetGraphicsRunningProcesses_v2(Device device, unsigned* count, void* infos) {
  Card* card = nullptr;
  if (const int code = card_of("nvmlDeviceGetGraphicsRunningProcesses", device, card)) return code;
  return copy_processes(card->graphics, count, infos);
}
#endif
}
// NOLINTEND(readability-identifier-naming)
