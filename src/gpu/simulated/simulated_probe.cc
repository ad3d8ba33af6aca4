#include "gpu/simulated/simulated_probe.h"

#include <utility>

#include "gpu/sample_sums.h"

namespace stoker {

SimulatedProbe::SimulatedProbe(Source source) : source_(std::move(source)) {}

Result<std::vector<GpuSample>> SimulatedProbe::sample() {
  auto samples = source_();
  if (!samples) return samples;
  if (samples->size() > kDevicesMax) samples->resize(kDevicesMax);
  for (GpuSample& sample : *samples) {
    sample.foreign = gpu::sum_processes(sample);
    gpu::cut_processes(sample);
  }
  return samples;
}

}  // namespace stoker
