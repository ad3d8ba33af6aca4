// What a ComfyUI is asked besides runs, one task for each call of the port.
//
// Threading: network thread, inside tasks. Errors: see comfyui_backend.h.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "backends/comfyui/comfyui_residency.h"
#include "backends/comfyui/comfyui_run.h"
#include "backends/comfyui/comfyui_site.h"
#include "backends/comfyui/comfyui_workflow.h"

namespace stoker::comfyui {

net::Task<Result<ProbeReport>> probe(SharedSite site, Fleet fleet, Duration deadline);

// Files of checkpoints and diffusion models.
net::Task<Result<std::vector<OfferedModel>>> list(SharedSite site, Duration deadline);

// `marker`: a prompt that the engine remembers unless it was started anew; may be empty.
net::Task<Result<Sighting>> look(SharedSite site, std::string marker, Duration deadline);

struct Loading {
  std::shared_ptr<const Workflow> workflow;
  std::uint64_t nonce = 0;
  std::string prompt_id;
  std::string client_id;
  std::string old_marker;  // leaves the history once the new one is there
  Duration deadline;
};
struct Loaded {
  LoadReport report;  // `took` is left to the loop, which has a clock
  wire::SystemStats stats;
};
net::Task<Result<Loaded>> load(SharedSite site, Loading loading);

// `expected`: what the engine is believed to hold, for deciding when it is gone.
net::Task<Result<void>> unload(SharedSite site, MiB expected, Duration deadline);

net::Task<Result<AttemptFate>> find(SharedSite site, std::string prompt_id, Duration deadline);

}  // namespace stoker::comfyui
