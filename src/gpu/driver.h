// What a card's driver tells: the port that NVML, nvidia-smi, the AMD sysfs and the host's memory implement.
//
// Purpose: numbers as the driver gives them, not yet joined with configured devices or with engines.
// Threading: `read` blocks for milliseconds (nvidia-smi: up to some seconds); one caller at a time.
// Ownership: readings are values.
// Limits: kCardsMax cards, kCardProcessesMax processes per card, names cut to kCardNameMax bytes.
// Errors: backend_down when the driver as a whole does not answer; the detail tells an operator what to do.
//   One card that does not answer is a reading with `trouble`: the other cards stay readable.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace stoker::gpu {

inline constexpr std::size_t kCardsMax = 64;
inline constexpr std::size_t kCardProcessesMax = 1024;
inline constexpr std::size_t kCardNameMax = 96;

enum class CardKind : std::uint8_t { nvidia, amd, host };
std::string_view card_kind_name(CardKind kind);
std::optional<CardKind> card_kind_from_name(std::string_view name);

struct CardProcess {
  std::int32_t pid = 0;
  std::string name = {};         // program name; empty: this machine's /proc does not show the pid
  std::optional<MiB> used = {};  // none: the driver does not tell
  MiB uncounted = {};            // the part of `used` that the card's own `used` leaves out
};

struct CardReading {
  CardKind kind = CardKind::nvidia;
  std::int32_t index = 0;       // as the vendor's tool counts
  std::string uuid = {};        // "GPU-…"; empty: there is none
  std::string pci_bus_id = {};  // "0000:01:00.0", lower case; empty: there is none
  std::string name = {};
  std::string driver_version = {};  // empty: not known
  MiB total = {};
  MiB used = {};      // without `reserved`, as the vendor's tool shows it
  MiB reserved = {};  // what the driver keeps for itself; neither used nor free
  std::optional<int> utilisation_percent = {};
  std::vector<CardProcess> processes = {};
  bool processes_complete = true;     // false: other programs may hold memory that is not listed
  std::optional<Error> trouble = {};  // set: amounts and processes mean nothing
};

class CardDriver {
 public:
  virtual ~CardDriver() = default;
  virtual Result<std::vector<CardReading>> read() = 0;
};

// Bytes as MiB, rounded to the nearest.
MiB mib_from_bytes(std::uint64_t bytes);

// "00000000:01:00.0" and "0000:01:00.0" are one address: the domain gets four digits where they suffice.
std::string normal_pci_bus_id(std::string_view text);

}  // namespace stoker::gpu
