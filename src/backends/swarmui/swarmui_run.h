// One run at a SwarmUI, in a session of its own, so that interrupting that session stops nothing else.
//
// Threading: network thread, inside tasks. Errors: see swarmui_backend.h.
#pragma once

#include <memory>
#include <string>

#include "backends/backend.h"
#include "backends/engine_model.h"
#include "backends/http/run_listener.h"
#include "backends/swarmui/swarmui_site.h"

namespace stoker::swarmui {

// How far a run has come, for its cancellation. Network thread only.
struct RunState {
  bool unwanted = false;
  std::string session;  // empty: nothing was asked yet
  bool asked = false;
  bool heard = false;  // the server has taken the request
  bool ended = false;
};

struct Work {
  EngineModel model;
  RunCall call;
  std::shared_ptr<RunState> state;
  std::shared_ptr<RunListener> listener;
};

net::Task<Result<RunReport>> run(SharedSite site, Work work);

// Interrupts the session of a run and waits until nothing of it waits or works.
net::Task<Result<void>> withdraw(SharedSite site, std::shared_ptr<RunState> state,
                                 Duration deadline);

}  // namespace stoker::swarmui
