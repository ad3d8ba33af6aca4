// What a SwarmUI is asked besides runs, one task for each call of the port.
//
// Threading: network thread, inside tasks. Errors: see swarmui_backend.h.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "backends/engine_model.h"
#include "backends/swarmui/swarmui_site.h"

namespace stoker::swarmui {

// No model is loaded while the cards hold no more than this.
inline constexpr MiB kNothingLoaded{256};

// `models`: how many are configured; one alone can be unloaded without touching another.
net::Task<Result<ProbeReport>> probe(SharedSite site, std::size_t models, Duration deadline);
net::Task<Result<std::vector<OfferedModel>>> list(SharedSite site, Duration deadline);

// What the server says about its memory.
struct Sighting {
  std::set<std::string, std::less<>>
      loaded;  // names that it believes to be loaded, as resolve() wants them
  std::optional<MiB> card_use;
};
net::Task<Result<Sighting>> look(SharedSite site, std::vector<EngineModel> believed,
                                 Duration deadline);

// Whether the server believed before that it had the model.
net::Task<Result<bool>> load(SharedSite site, EngineModel model, Duration deadline);

// `expected`: what is believed to be there, for deciding when it is gone.
net::Task<Result<void>> unload(SharedSite site, MiB expected, Duration deadline);

}  // namespace stoker::swarmui
