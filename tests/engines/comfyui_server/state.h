// Everything that the parts of the played ComfyUI share.
//
// Threading: network thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/engines/comfyui_server.h"
#include "tests/engines/comfyui_server/files.h"
#include "tests/engines/comfyui_server/memory.h"
#include "tests/engines/comfyui_server/node_cache.h"
#include "tests/engines/comfyui_server/node_classes.h"
#include "tests/engines/comfyui_server/queue.h"
#include "tests/engines/comfyui_server/sockets.h"
#include "tests/engines/faults.h"
#include "tests/engines/gates.h"

namespace stoker::engines::comfyui {

inline constexpr std::uint64_t kUploadBytesMaxDefault = 100ULL * 1024 * 1024;

// What the command line says.
struct Flags {
  CachePolicy cache = CachePolicy::pressure;
  std::size_t cache_size = 0;
  bool cpu = false;
  bool smart_memory = true;
  bool previews = false;
  bool metadata = true;
  std::uint64_t reserve_bytes = 400ULL * 1024 * 1024;
  std::uint64_t upload_bytes_max = kUploadBytesMaxDefault;
  std::optional<std::string> cors = {};
};
Flags read_flags(const ComfyUiOptions& options);

struct NodeFailure {
  std::string class_type;
  std::string message;
  std::size_t times = 1;
};

// The prompt that is being played.
struct Running {
  QueueItem item;
  std::string node;            // the last one that began
  std::shared_ptr<Life> wait;  // ends with an interrupt
};

struct State {
  State(net::Network& the_network, Gates& the_gates, Faults& the_faults, Watch& the_watch,
        ComfyUiOptions the_options);

  // Sorted names by folder, "input" among them.
  Folders folders() const;
  std::uint64_t bytes_of(const std::string& folder, const std::string& name) const;
  json::object features() const;
  std::size_t queue_remaining() const { return queue.heap().size() + (running ? 1 : 0); }
  json::object status() const;
  void broadcast_status() { sockets.broadcast("status", {{"status", status()}}); }
  bool recent() const { return options.era == Era::recent; }

  net::Network& network;
  Gates& gates;
  Faults& faults;
  Watch& watch;
  ComfyUiOptions options;
  Flags flags;
  std::function<std::int64_t()> now_ms;  // virtual, since 1970

  NodeTable table;
  Files files;
  PromptQueue queue;
  History history;
  NodeCache cache;
  DeviceMemory memory;
  Sockets sockets;
  ComfyUiCounts counts;

  std::optional<Running> running;
  bool interrupted = false;
  bool free_memory = false;  // what /free asked for
  bool unload_models = false;
  std::string loading;
  std::int64_t next_number = 0;
  std::uint64_t minted = 0;  // ids

  std::vector<NodeFailure> failures;
  std::size_t history_delay = 0;
  // An entry that is not visible yet, and for how many more requests.
  struct LateEntry {
    QueueItem item;
    json::object entry;
    std::size_t requests = 0;
  };
  std::vector<LateEntry> late;
};

}  // namespace stoker::engines::comfyui
