// Models, backends and devices as the scheduler and the pages see them.
//
// Purpose: plain values; where they come from is the business of configuration and probes.
// Limits: kModelsMax, kBackendsMax, kDevicesMax are the most that one machine may configure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/time.h"
#include "domain/ids.h"
#include "domain/medium.h"

namespace stoker {

inline constexpr std::size_t kModelsMax = 1000;
inline constexpr std::size_t kBackendsMax = 64;
inline constexpr std::size_t kDevicesMax = 16;

// How much a backend can throw out at once (ARCHITECTURE §7a).
enum class EvictionGranularity : std::uint8_t {
  model,    // one model can be unloaded and the unload confirmed
  backend,  // unloading drops everything the backend holds
  self,     // the backend evicts by itself when its next load needs room
};
std::string_view granularity_name(EvictionGranularity granularity);

// Where the size of a model comes from; shown to people beside the number.
enum class SizeSource : std::uint8_t { declared, files, measured };
std::string_view size_source_name(SizeSource source);

struct Model {
  ModelId id;
  std::string name;   // "flux2", unique
  std::string title;  // "Flux", for people
  BackendId backend;
  Medium medium = Medium::text;
  MiB vram;  // what planning uses: measured, else files, else declared
  SizeSource vram_source = SizeSource::declared;
  MiB declared_vram;  // what its documentation claims
  MiB files_vram;     // what its weight files say; 0: none are known
  std::uint64_t settings =
      0;               // of everything that changes its size; measurements count for these alone
  Duration load_hint;  // typical load time before anything was learned
  Duration run_hint;   // typical run time before anything was learned
  std::uint32_t steps_hint = 0;  // sampling steps of a typical run, 0 if it has none
  bool pinned = false;           // never evicted except by an operator's named action
  bool offered = true;           // participants may choose it (safety models are not offered)

  friend bool operator==(const Model&, const Model&) = default;
};

struct BackendInfo {
  BackendId id;
  std::string name;  // "images"
  std::string kind;  // "rehearsal", "comfyui", ...
  DeviceId device;
  std::uint32_t slots = 1;  // steps that may run at the same time
  EvictionGranularity granularity = EvictionGranularity::model;
  bool simulated = false;
};

struct Device {
  DeviceId id;
  std::string name;
  MiB vram;
  MiB reserve;  // kept free for the desktop and for peaks
};

}  // namespace stoker
