#include "gpu/sample_sums.h"

#include <algorithm>
#include <map>

namespace stoker::gpu {

MiB sum_processes(GpuSample& sample) {
  std::map<BackendId, MiB> sums;
  for (const GpuProcess& process : sample.processes) sums[process.backend] += process.used;
  const MiB foreign = sums[BackendId{}];
  sums.erase(BackendId{});
  sample.backends.clear();
  for (const auto& [backend, used] : sums) sample.backends.push_back({backend, used});
  return foreign;
}

void cut_processes(GpuSample& sample) {
  std::ranges::sort(sample.processes, [](const GpuProcess& a, const GpuProcess& b) {
    return a.used != b.used ? a.used > b.used : a.pid < b.pid;
  });
  if (sample.processes.size() > kGpuProcessesMax) sample.processes.resize(kGpuProcessesMax);
}

}  // namespace stoker::gpu
