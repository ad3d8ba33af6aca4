// Everything that the parts of the played SwarmUI share.
//
// Threading: network thread.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/engines/faults.h"
#include "tests/engines/gates.h"
#include "tests/engines/swarmui_server.h"
#include "tests/engines/swarmui_server/params.h"

namespace stoker::engines::swarmui {

struct Generation;

struct Session {
  std::string id;
  std::string user;
  std::set<std::shared_ptr<Generation>> generations;
  // The four figures of a status.
  std::size_t waiting_gens = 0;
  std::size_t loading_models = 0;
  std::size_t waiting_backends = 0;
  std::size_t live_gens = 0;
  // Who wants to hear of changes, by a number of its own.
  std::map<std::uint64_t, std::function<void()>> listeners;

  void changed() {
    for (const auto& [number, listener] : std::map(listeners)) listener();
  }
};

// One request for images.
struct Generation {
  Generation(net::Network& network, Watch& watch) : ended(network, watch) {}

  std::shared_ptr<Session> session;
  Params params;
  std::string request_id;
  std::size_t index_offset = 0;  // of its batch indices on a shared socket
  std::size_t left = 0;          // images that are not finished
  std::map<std::size_t, std::string> images;
  std::optional<std::string> error;
  bool interrupted = false;
  Life cancel;     // ends with an interrupt
  WaitList ended;  // woken when nothing is left
  // Messages of the websocket; empty for HTTP.
  std::function<void(const json::object&)> tell;

  void say(const json::object& message) const {
    if (tell) tell(message);
  }
};

struct Backend {
  Backend(int number, net::Network& network, Watch& watch) : id(number), turn(network, watch) {}

  int id;
  SwarmBackendStatus status = SwarmBackendStatus::running;
  std::string current_model;  // what SwarmUI believes
  std::string resident;       // what the card holds
  std::uint64_t leaked = 0;
  std::size_t usages = 0;
  bool reserved = false;  // for a load
  bool at_work = false;   // its ComfyUI plays one prompt at a time
  WaitList turn;
  Instant released_at;
  std::uint64_t released_as = 0;  // counts up over all backends
  std::set<std::string> failed;   // models that it could not load
};

struct State {
  State(net::Network& the_network, Gates& the_gates, Faults& the_faults, Watch& the_watch,
        SwarmUiOptions the_options);

  std::vector<std::string> model_names(std::string_view subtype = "Stable-Diffusion") const;
  std::uint64_t bytes_of(std::string_view model) const;
  std::uint64_t used_on(const Backend& backend) const;
  bool loaded(std::string_view model) const;

  // {"status":…,"backend_status":…,"supported_features":…} of one session, or of all for null.
  json::object status_of(const Session* session) const;
  json::object backend_status() const;

  net::Network& network;
  Gates& gates;
  Faults& faults;
  Watch& watch;
  SwarmUiOptions options;
  std::function<Instant()> now;  // virtual
  std::function<std::string()> date;

  std::map<std::string, std::shared_ptr<Session>> sessions;
  std::vector<std::unique_ptr<Backend>> backends;
  std::map<std::string, std::string> outputs;  // "View/local/raw/…" -> bytes
  std::set<std::string, std::less<>> denied;
  std::uint64_t other_use = 0;
  std::uint64_t minted = 0;
  std::uint64_t saved = 0;
  std::uint64_t releases = 0;
  SwarmUiCounts counts;
};

std::string_view status_name(SwarmBackendStatus status);

}  // namespace stoker::engines::swarmui
