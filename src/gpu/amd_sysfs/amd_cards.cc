#include "gpu/amd_sysfs/amd_cards.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "gpu/amd_sysfs/drm_clients.h"
#include "gpu/proc_files.h"

namespace stoker::gpu {
namespace {

constexpr std::string_view kVendor = "0x1002";
constexpr std::size_t kDrmEntriesMax = 1024;

// "card0" and so on, in the order of their numbers; connectors ("card0-DP-1") are something else.
std::vector<std::uint64_t> card_numbers(const std::string& drm) {
  constexpr std::string_view kPrefix = "card";
  std::vector<std::uint64_t> numbers;
  for (const std::string& name : names_in(drm, kDrmEntriesMax)) {
    if (!name.starts_with(kPrefix)) continue;
    if (const auto number = number_in(std::string_view(name).substr(kPrefix.size())))
      numbers.push_back(*number);
  }
  std::ranges::sort(numbers);
  return numbers;
}

std::optional<std::uint64_t> number_at(const std::string& path) {
  const auto text = read_small_file(path);
  return text ? number_in(*text) : std::nullopt;
}

std::string word_at(const std::string& path) {
  const auto text = read_small_file(path);
  return text ? printable(trimmed(*text), kCardNameMax) : std::string();
}

std::string pci_of(const std::string& device) {
  constexpr std::string_view kKey = "PCI_SLOT_NAME=";
  const auto uevent = read_small_file(device + "/uevent");
  std::string_view text = uevent ? std::string_view(*uevent) : std::string_view();
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (line.starts_with(kKey)) return normal_pci_bus_id(trimmed(line.substr(kKey.size())));
  }
  return {};
}

CardReading read_card(const std::string& device, std::int32_t index) {
  CardReading card{.kind = CardKind::amd, .index = index};
  card.uuid = word_at(device + "/unique_id");
  card.pci_bus_id = pci_of(device);
  card.name = word_at(device + "/product_name");
  if (card.name.empty()) card.name = "AMD GPU " + word_at(device + "/device");
  const auto total = number_at(device + "/mem_info_vram_total");
  const auto used = number_at(device + "/mem_info_vram_used");
  if (!total || !used || *total == 0) {
    card.trouble = Error{ErrorCode::backend_down,
                         "amdgpu does not tell this card's memory (mem_info_vram_*); "
                         "it may be lost, asleep, or driven by another module"};
    return card;
  }
  card.total = mib_from_bytes(*total);
  card.used = mib_from_bytes(*used);
  const auto busy = number_at(device + "/gpu_busy_percent");
  if (busy && *busy <= 100) card.utilisation_percent = static_cast<int>(*busy);
  return card;
}

void add_processes(CardReading& card, const DrmHolders& drm, const CardHolders& compute,
                   const std::string& proc_root) {
  std::map<std::int32_t, std::uint64_t> bytes;
  for (const CardHolders* holders : {&drm.bytes, &compute}) {
    for (const auto& [key, held] : *holders)
      if (key.first == card.pci_bus_id) bytes[key.second] = std::max(bytes[key.second], held);
  }
  for (const auto& [pid, held] : bytes) {
    if (card.processes.size() >= kCardProcessesMax) break;
    card.processes.push_back({.pid = pid,
                              .name = program_name(proc_root, pid).value_or(""),
                              .used = mib_from_bytes(held)});
  }
  card.processes_complete = drm.complete;
}

}  // namespace

AmdCards::AmdCards(Places places) : places_(std::move(places)) {}

Result<std::vector<CardReading>> AmdCards::read() {
  const std::string drm = places_.sys_root + "/class/drm";
  std::vector<CardReading> cards;
  for (const std::uint64_t number : card_numbers(drm)) {
    const std::string device = drm + "/card" + std::to_string(number) + "/device";
    if (word_at(device + "/vendor") != kVendor || cards.size() >= kCardsMax) continue;
    cards.push_back(read_card(device, static_cast<std::int32_t>(cards.size())));
    cards.back().driver_version = word_at(places_.sys_root + "/module/amdgpu/version");
  }
  if (cards.empty())
    return fail(ErrorCode::backend_down, "no card of the vendor 0x1002 (AMD) is in " + drm);
  const DrmHolders holders = drm_holders(places_.proc_root);
  const CardHolders compute = compute_holders(places_.sys_root);
  for (CardReading& card : cards)
    if (!card.trouble) add_processes(card, holders, compute, places_.proc_root);
  return cards;
}

}  // namespace stoker::gpu
