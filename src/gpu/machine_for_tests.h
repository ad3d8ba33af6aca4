// One machine in two disguises: a file for the library that looks like NVML, and a script that looks like
// nvidia-smi.
//
// Purpose: tests ask both and compare the answers with the numbers that both were made from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gpu/tree_for_tests.h"

namespace stoker::gpu {

inline constexpr std::uint64_t kMiBytes = 1024ULL * 1024ULL;

struct PlayedProcess {
  std::int32_t pid = 0;
  std::optional<std::uint64_t> bytes = {};
  bool graphics = false;
};

struct PlayedCard {
  std::string uuid;
  std::string pci;
  std::string name;
  std::uint64_t total = 0;
  std::uint64_t used = 0;
  std::uint64_t reserved = 0;
  int utilisation = 0;
  bool lost = false;
  std::vector<PlayedProcess> processes = {};
};

// Three cards with odd amounts; the second has a desktop on it.
inline std::vector<PlayedCard> three_cards() {
  return {{.uuid = "GPU-11111111-aaaa-bbbb-cccc-000000000001",
           .pci = "00000000:01:00.0",
           .name = "NVIDIA RTX PRO 6000",
           .total = 98304 * kMiBytes,
           .used = 40123 * kMiBytes + 700000,
           .reserved = 600 * kMiBytes,
           .utilisation = 37,
           .processes = {{.pid = 50, .bytes = 30000 * kMiBytes + 12345},
                         {.pid = 60, .bytes = 10000 * kMiBytes}}},
          {.uuid = "GPU-22222222-aaaa-bbbb-cccc-000000000002",
           .pci = "00000000:41:00.0",
           .name = "NVIDIA A10, PCIe, 24GB",
           .total = 24146608128,
           .used = 700 * kMiBytes,
           .reserved = 512 * kMiBytes,
           .processes = {{.pid = 70, .bytes = 300 * kMiBytes, .graphics = true}}},
          {.uuid = "GPU-33333333-aaaa-bbbb-cccc-000000000003",
           .pci = "00010000:C1:00.0",
           .name = "NVIDIA H200",
           .total = 150754820096,
           .used = 5 * kMiBytes}};
}

inline std::string nvml_text(const std::vector<PlayedCard>& cards, const std::string& more = "") {
  std::string text = "# a machine for tests\ndriver 580.95.05\n" + more;
  for (const PlayedCard& card : cards) {
    text += "card\nuuid " + card.uuid + "\npci " + card.pci + "\nname " + card.name + "\n";
    text += "total " + std::to_string(card.total) + "\nused " + std::to_string(card.used) + "\n";
    text += "reserved " + std::to_string(card.reserved) + "\n";
    text += "utilisation " + std::to_string(card.utilisation) + "\n";
    if (card.lost) text += "lost\n";
    for (const PlayedProcess& process : card.processes) {
      text += process.graphics ? "graphics " : "compute ";
      text += std::to_string(process.pid) + " ";
      text += (process.bytes ? std::to_string(*process.bytes) : "-") + "\n";
    }
  }
  return text;
}

// Prints what nvidia-smi prints for the two questions that are asked.
inline std::string smi_script(const std::vector<PlayedCard>& cards) {
  std::string listed;
  std::string processes;
  for (std::size_t i = 0; i < cards.size(); ++i) {
    const PlayedCard& card = cards[i];
    listed += std::to_string(i) + ", " + card.uuid + ", " + card.pci + ", " + card.name + ", " +
              std::to_string(card.total / kMiBytes) + ", " + std::to_string(card.used / kMiBytes) +
              ", " + std::to_string(card.utilisation) + ", 580.95.05\n";
    for (const PlayedProcess& process : card.processes) {
      if (process.graphics) continue;
      processes += card.uuid + ", " + std::to_string(process.pid) + ", " +
                   (process.bytes ? std::to_string(*process.bytes / kMiBytes) : "[N/A]") + "\n";
    }
  }
  return "case \"$1\" in\n--query-gpu=*) cat <<'END'\n" + listed +
         "END\n;;\n--query-compute-apps=*) cat <<'END'\n" + processes + "END\n;;\nesac\n";
}

}  // namespace stoker::gpu
