// The GPU probe port: how much memory each device has, uses, and who uses it.
//
// Purpose: the measured side of the memory ledger; the controller compares it with what it ordered.
// Threading: `sample` may block for some milliseconds and is called where that does no harm (Loop::offload).
// Limits: at most kDevicesMax devices and kGpuProcessesMax processes per device, largest first.
// Errors: backend_down when the driver does not answer; callers show the loss and keep the last values as old.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "domain/ids.h"
#include "domain/model.h"

namespace stoker {

inline constexpr std::size_t kGpuProcessesMax = 64;

struct GpuProcess {
  std::string name;   // program name, no arguments
  BackendId backend;  // whose it is; none: foreign
  MiB used;
};

struct GpuSample {
  DeviceId device;
  MiB total;
  MiB used;
  std::vector<GpuProcess> processes;
};

class GpuProbe {
 public:
  virtual ~GpuProbe() = default;
  virtual Result<std::vector<GpuSample>> sample() = 0;
};

}  // namespace stoker
