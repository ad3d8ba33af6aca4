// The GPU probe port: how much memory each device has, uses, and who uses it.
//
// Purpose: the measured side of the memory ledger; the controller compares it with what it ordered.
// Threading: `sample` may block for some milliseconds and is called where that does no harm
//   (Loop::offload), by one caller at a time.
// Limits: at most kDevicesMax devices and kGpuProcessesMax processes per device, largest first; sums hold
//   the rest too.
// Errors: backend_down when no device can be read; callers show the loss and keep the last values as old. A
//   device that cannot be read while others can is a sample with `trouble`: callers do the same for that
//   device alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "domain/ids.h"
#include "domain/model.h"

namespace stoker {

inline constexpr std::size_t kGpuProcessesMax = 64;

struct GpuProcess {
  std::string name;   // program name, no arguments; empty: not visible to this machine's /proc
  BackendId backend;  // whose it is; none: foreign
  MiB used;
  std::int32_t pid = 0;
  bool measured = true;  // false: the driver does not tell how much, `used` is 0
};

struct BackendShare {
  BackendId backend;
  MiB used;

  friend bool operator==(const BackendShare&, const BackendShare&) = default;
};

struct GpuSample {
  DeviceId device;
  MiB total;
  MiB used;  // without `reserved`
  std::vector<GpuProcess> processes;
  MiB reserved = {};             // what the driver keeps for itself: neither used nor free
  MiB foreign = {};              // what programs hold that are no backend's
  bool foreign_is_exact = true;  // false: at least so much; not everything is visible
  std::vector<BackendShare> backends = {};  // what each backend holds, by id; nothing is left out
  std::optional<int> utilisation_percent = {};
  std::optional<Error> trouble = {};  // set: everything but `device` means nothing
};

class GpuProbe {
 public:
  virtual ~GpuProbe() = default;
  virtual Result<std::vector<GpuSample>> sample() = 0;
};

}  // namespace stoker
