// A probe without a driver: samples come from a function, for rehearsals and tests.
//
// Purpose: the measured side of a simulated card looks to everybody else like that of a real one.
// Threading: `sample` calls the function on the calling thread; the function says which threads may
//   call it.
// Limits: fills the sums and cuts what the function gives to the limits of probe.h, largest processes first.
// Errors: those of the function, unchanged.
#pragma once

#include <functional>
#include <vector>

#include "gpu/probe.h"

namespace stoker {

class SimulatedProbe final : public GpuProbe {
 public:
  using Source = std::function<Result<std::vector<GpuSample>>()>;

  explicit SimulatedProbe(Source source);

  Result<std::vector<GpuSample>> sample() override;

 private:
  Source source_;
};

}  // namespace stoker
