#include "gpu/nvml/nvml_cards.h"

#include <algorithm>
#include <array>
#include <utility>

#include "gpu/nvml/process_list.h"
#include "gpu/proc_files.h"

namespace stoker::gpu {
namespace {

using nvml::Device;

constexpr std::uint32_t kReadsBetweenStarts = 10;

template <std::size_t N>
std::string text_of(const std::array<char, N>& buffer) {
  const auto end = std::ranges::find(buffer, '\0');
  return printable(std::string_view(buffer.data(), static_cast<std::size_t>(end - buffer.begin())),
                   kCardNameMax);
}

// What an operator can do about the failures that occur in practice.
const char* advice(int code) {
  switch (code) {
    case nvml::kNoPermission:
      return "; may this account open /dev/nvidia*?";
    case nvml::kDriverNotLoaded:
      return "; the kernel module nvidia is not loaded, or the driver is not installed";
    case nvml::kGpuIsLost:
      return "; the card fell off the bus or crashed, look into the kernel's log and restart the "
             "machine";
    case nvml::kResetRequired:
      return "; the card needs a reset, or the machine a restart";
    case nvml::kLibraryMismatch:
      return "; the driver was updated while it was running, restart the machine or load its "
             "module again";
    default:
      return "";
  }
}

// What concerns the driver as a whole, so that asking the other cards makes no sense.
bool ends_the_driver(int code) {
  return code == nvml::kUninitialized || code == nvml::kDriverNotLoaded ||
         code == nvml::kLibraryMismatch;
}

}  // namespace

NvmlCards::NvmlCards(Places places) : places_(std::move(places)) {}

NvmlCards::~NvmlCards() {
  stop();
}

Result<std::vector<CardReading>> NvmlCards::read() {
  // A start costs time while a card is lost, so it is tried at once and then only now and then.
  if (troubled_reads_ % kReadsBetweenStarts == 1) stop();
  if (auto started = start(); !started) return fail(std::move(started.error()));
  const nvml::Functions& nvml = library_->functions();
  unsigned count = 0;
  if (const int code = nvml.device_count(&count); code != nvml::kSuccess) {
    Error error = failure(code, "counting the cards");
    stop();
    return fail(std::move(error));
  }
  std::vector<CardReading> cards;
  for (unsigned index = 0; index < count && index < kCardsMax; ++index)
    cards.push_back(read_card(index));
  const bool troubled =
      std::ranges::any_of(cards, [](const CardReading& card) { return card.trouble.has_value(); });
  troubled_reads_ = troubled ? troubled_reads_ + 1 : 0;
  return cards;
}

Result<void> NvmlCards::start() {
  if (library_) return {};
  auto library = nvml::Library::open(places_.library);
  if (!library) return fail(std::move(library.error()));
  library_ = std::move(*library);
  if (const int code = library_->functions().init(); code != nvml::kSuccess) {
    Error error = failure(code, "starting");
    library_.reset();
    return fail(std::move(error));
  }
  driver_version_ = driver_version();
  return {};
}

void NvmlCards::stop() {
  if (!library_) return;
  library_->functions().shutdown();
  library_.reset();
}

Error NvmlCards::failure(int code, const char* during) const {
  const nvml::Functions& nvml = library_->functions();
  const char* text = nvml.error_text == nullptr ? nullptr : nvml.error_text(code);
  std::string words = text == nullptr ? "no text" : printable(text, 120);
  return {ErrorCode::backend_down, "NVML, while " + std::string(during) + ": " + std::move(words) +
                                       " (" + std::to_string(code) + ")" + advice(code)};
}

CardReading NvmlCards::read_card(std::uint32_t index) {
  CardReading card{.kind = CardKind::nvidia,
                   .index = static_cast<std::int32_t>(index),
                   .driver_version = driver_version_};
  if (identities_.size() <= index) identities_.resize(index + 1);
  Device device = nullptr;
  const int code = library_->functions().device_by_index(index, &device);
  if (code != nvml::kSuccess) card.trouble = failure(code, "opening a card");
  if (!card.trouble) card.trouble = read_identity(device, card);
  Identity& known = identities_[index];
  if (card.trouble) {
    card.uuid = known.uuid;
    card.pci_bus_id = known.pci_bus_id;
    card.name = known.name;
  } else {
    known = {card.uuid, card.pci_bus_id, card.name};
    card.trouble = read_memory(device, card);
  }
  if (card.trouble) return card;
  read_processes(device, card);
  return card;
}

std::optional<Error> NvmlCards::read_identity(Device device, CardReading& card) const {
  const nvml::Functions& nvml = library_->functions();
  std::array<char, nvml::kUuidBytes> uuid{};
  if (const int code = nvml.device_uuid(device, uuid.data(), nvml::kUuidBytes))
    return failure(code, "reading a card's UUID");
  card.uuid = text_of(uuid);
  std::array<char, nvml::kNameBytes> name{};
  if (const int code = nvml.device_name(device, name.data(), nvml::kNameBytes))
    return failure(code, "reading a card's name");
  card.name = text_of(name);
  nvml::PciInfo pci;
  if (nvml.pci_info == nullptr || nvml.pci_info(device, &pci) != nvml::kSuccess) return {};
  card.pci_bus_id = normal_pci_bus_id(text_of(std::to_array(pci.bus_id)));
  return {};
}

std::optional<Error> NvmlCards::read_memory(Device device, CardReading& card) const {
  const nvml::Functions& nvml = library_->functions();
  nvml::Utilization busy;
  if (nvml.utilization != nullptr && nvml.utilization(device, &busy) == nvml::kSuccess)
    card.utilisation_percent = static_cast<int>(std::min(busy.gpu, 100U));

  nvml::MemoryV2 memory;
  const int code = nvml.memory_v2 == nullptr ? static_cast<int>(nvml::kFunctionNotFound)
                                             : nvml.memory_v2(device, &memory);
  if (code == nvml::kSuccess && memory.free <= memory.total &&
      memory.reserved <= memory.total - memory.free) {
    const unsigned long long rest = memory.total - memory.free - memory.reserved;
    card.total = mib_from_bytes(memory.total);
    card.reserved = mib_from_bytes(memory.reserved);
    card.used = mib_from_bytes(std::min(memory.used, rest));
    return {};
  }
  if (code == nvml::kGpuIsLost || ends_the_driver(code)) return failure(code, "reading memory");
  nvml::MemoryV1 first;
  if (const int v1_code = nvml.memory_v1(device, &first)) return failure(v1_code, "reading memory");
  card.total = mib_from_bytes(first.total);
  card.used = mib_from_bytes(first.used);
  return {};
}

void NvmlCards::read_processes(Device device, CardReading& card) const {
  const nvml::Functions& nvml = library_->functions();
  nvml::ProcessList compute = nvml::list_processes(nvml.compute_processes, device);
  const nvml::ProcessList graphics = nvml::list_processes(nvml.graphics_processes, device);
  card.processes_complete = compute.complete && graphics.complete;
  card.processes = nvml::merge_processes(std::move(compute.processes), graphics.processes);
  for (CardProcess& process : card.processes)
    process.name = program_name(places_.proc_root, process.pid).value_or("");
}

std::string NvmlCards::driver_version() const {
  const nvml::Functions& nvml = library_->functions();
  std::array<char, nvml::kVersionBytes> version{};
  if (nvml.driver_version == nullptr) return {};
  if (nvml.driver_version(version.data(), nvml::kVersionBytes) != nvml::kSuccess) return {};
  return text_of(version);
}

}  // namespace stoker::gpu
