// GET /system_stats: which engine this is, how it was started and what it holds.
//
// Purpose: the version, the command line and the memory figures, and what they mean for keeping models.
// Threading: pure functions. Errors: backend_down for an answer that is none.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace stoker::protocol::comfyui {

struct Version {
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::uint32_t patch = 0;
  friend auto operator<=>(const Version&, const Version&) = default;
};
// "0.3.64", "v0.38.1-2-gabc"; zeros for what is none.
Version parse_version(std::string_view text);

// Interrupting one prompt by its id; older versions stop whatever runs.
inline constexpr Version kInterruptsOne{0, 3, 57};
// From here on the engine keeps old workflows while main memory lasts, unless told otherwise. Earlier ones are taken
// for the classic cache: keeping more than is believed does no harm.
inline constexpr Version kRamCacheByDefault{0, 22, 0};
// From here on weights are paged on demand on NVIDIA cards, unless told otherwise.
inline constexpr Version kPagesByDefault{0, 17, 0};

enum class CachePolicy : std::uint8_t {
  classic,  // what the new prompt does not use is dropped
  lru,      // the newest `lru_results` node results stay
  ram,  // old ones go when main memory runs short; never where that is always so (see keeps_by_ram)
  none  // everything is computed again
};

struct SystemStats {
  std::string version_text;
  Version version;
  std::vector<std::string> flags;  // without paths
  CachePolicy cache = CachePolicy::classic;
  std::uint32_t lru_results = 0;
  bool pages_weights = false;
  bool unloads_after_run = false;
  bool interrupts_one = false;
  bool on_cpu = false;
  MiB device_total;
  MiB device_free;
  MiB torch_active;  // what this process has in use on its devices
  MiB ram_total;
  MiB ram_free;
};

// The RAM cache gives up what the new prompt does not use once less than this is free, unless `--cache-ram A I` says
// otherwise. On a machine that has no more, that is at every prompt, as with the classic cache (checked on 0.33.0).
inline constexpr MiB kRamKeptFree{128 * 1024};

Result<SystemStats> parse_system_stats(std::string_view body);

// How many workflows of so many nodes stay side by side: the LRU cache counts results of nodes. 0: as many as fit.
std::uint32_t workflows_kept(const SystemStats& stats, std::size_t nodes);

}  // namespace stoker::protocol::comfyui
