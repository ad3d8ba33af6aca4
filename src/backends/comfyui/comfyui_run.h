// One prompt from its submission to its end, and what it made.
//
// Purpose: the websocket tells progress and end; queue and history are asked when it is lost, seldom beside it, and for
//   what an earlier life of Stoker began. Nothing but the end of our own prompt ends a run.
// Threading: network thread, inside tasks. Errors: see comfyui_backend.h.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "backends/comfyui/comfyui_site.h"
#include "backends/comfyui/comfyui_workflow.h"
#include "backends/http/run_listener.h"

namespace stoker::comfyui {

// How far the submission of a prompt has come, so that a cancellation does not overtake it. Network thread only.
struct RunState {
  bool unwanted = false;  // do not submit any more
  bool asked = false;     // on its way
  bool answered = false;
};

struct Play {
  std::string prompt_id;
  std::string graph;   // empty: it was submitted before, only its end is waited for
  std::string output;  // the node that must be run
  std::string client_id;
  Duration deadline;
  std::shared_ptr<RunState> state;
  std::shared_ptr<RunListener> listener;  // may be null
};

// The entry in the history, however it ended.
net::Task<Result<wire::HistoryEntry>> play(SharedSite site, Play play);

// Where a prompt is.
enum class Place : std::uint8_t { nowhere, in_queue, in_history };
net::Task<Result<Place>> place_of(SharedSite site, std::string prompt_id, Duration deadline);

// conflict or the fault; success has none.
std::optional<Error> error_of(const wire::HistoryEntry& entry);

struct Played {
  RunReport report;
  wire::SystemStats stats;
};

struct Work {
  std::shared_ptr<const Workflow> workflow;
  RunCall call;
  Play play;
};
net::Task<Result<Played>> run(SharedSite site, Work work);

// Takes the prompt out of the queue, interrupts it if it runs, and waits until it is in neither; then it leaves the
// history. `state` may be null: the prompt was submitted long ago or never.
net::Task<Result<void>> withdraw(SharedSite site, std::string prompt_id,
                                 std::shared_ptr<RunState> state, Duration deadline);

}  // namespace stoker::comfyui
