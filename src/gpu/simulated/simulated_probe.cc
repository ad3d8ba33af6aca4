#include "gpu/simulated/simulated_probe.h"

#include <algorithm>
#include <utility>

namespace stoker {

SimulatedProbe::SimulatedProbe(Source source) : source_(std::move(source)) {}

Result<std::vector<GpuSample>> SimulatedProbe::sample() {
  auto samples = source_();
  if (!samples) return samples;
  if (samples->size() > kDevicesMax) samples->resize(kDevicesMax);
  for (GpuSample& sample : *samples) {
    std::ranges::sort(sample.processes, std::ranges::greater{}, &GpuProcess::used);
    if (sample.processes.size() > kGpuProcessesMax) sample.processes.resize(kGpuProcessesMax);
  }
  return samples;
}

}  // namespace stoker
