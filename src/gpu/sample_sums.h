// Sums over the processes of a sample, taken before the list is cut to the limits of the port.
//
// Purpose: every probe fills the sums of a GpuSample in the same way.
// Threading: pure functions.
#pragma once

#include "gpu/probe.h"

namespace stoker::gpu {

// Fills `backends` from the processes and returns what the processes of nobody hold.
MiB sum_processes(GpuSample& sample);

// Largest first, at most kGpuProcessesMax.
void cut_processes(GpuSample& sample);

}  // namespace stoker::gpu
