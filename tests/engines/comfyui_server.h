// A server that plays ComfyUI: prompts, queue, history, websockets, files and memory, from its wire format alone.
//
// Purpose: contract tests of what talks to ComfyUI. Workflows of the known node classes are validated and played;
//   outputs are small valid files. Every route exists twice, below / and below /api.
// Gates: head, load (a loader node reads its files; named in `loading`), node (before each node that is not cached),
//   step (before each sampling step), result (before the history entry exists), unload (before /free acts).
//   An interrupt lets a run that waits at node or step go on to its end; at load and result it does not.
// Faults: those of every engine before the route is looked at, and load_error (a loader raises `text`),
//   out_of_memory (the next node that needs weights), spill (only half of the weights fit), cut_stream (the sockets
//   are cut after `after` frames of a run to its owner), garbage_in_stream, unload_keeps_memory.
// Threading: control functions from the test's thread, see engine_server.h.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/engines/comfyui_server/validation.h"
#include "tests/engines/engine_server.h"

namespace stoker::engines {

using ComfyUiEra = comfyui::Era;

inline constexpr std::uint64_t kGiB = 1024ULL * 1024 * 1024;

// A file below models/FOLDER.
struct ComfyUiFile {
  std::string folder;  // "checkpoints", "diffusion_models", "text_encoders", "vae", "loras", …
  std::string name;    // may name subfolders
  std::uint64_t bytes = kGiB;
};

// A node class of an extension, in the notation of comfyui_server/node_classes.h.
struct ComfyUiNode {
  std::string name;     // "UnetLoaderGGUF"
  std::string inputs;   // "unet_name:FILES,diffusion_models"
  std::string outputs;  // "MODEL"
  bool output_node = false;
};

struct ComfyUiOptions {
  ComfyUiEra era = ComfyUiEra::recent;
  // As on the command line. Understood: --cache-classic, --cache-lru N, --cache-none, --cache-ram, --cpu,
  // --disable-smart-memory, --reserve-vram GB, --preview-method M, --disable-metadata, --max-upload-size MB,
  // --enable-cors-header [ORIGIN]. All of it shows in /system_stats.
  std::vector<std::string> arguments = {};
  std::vector<ComfyUiFile> files = {};
  std::vector<ComfyUiNode> extensions = {};
  std::uint64_t vram_bytes = 24 * kGiB;
  std::uint64_t ram_bytes = 64 * kGiB;
  std::uint64_t context_bytes = kGiB / 2;  // taken by the process from the first load on
  bool interrupts_by_id = true;  // false: releases before 2025-09 ignore the body of /interrupt
};

struct ComfyUiCounts {
  std::size_t accepted = 0;  // prompts that were queued
  std::size_t refused = 0;   // prompts answered with 400
  std::size_t started = 0;   // runs
  std::size_t succeeded = 0;
  std::size_t failed = 0;
  std::size_t interrupted = 0;
  std::size_t interrupts = 0;   // requests
  std::size_t most_queued = 0;  // pending and running at the same time
  std::size_t unloads = 0;      // models moved out of device memory
  std::size_t freed = 0;        // /free took effect
  std::map<std::string, std::size_t, std::less<>> disk_loads = {};    // by file name
  std::map<std::string, std::size_t, std::less<>> device_loads = {};  // by file name

  std::size_t disk_loads_of(std::string_view file) const;
  std::size_t device_loads_of(std::string_view file) const;
};

class ComfyUiServer : public EngineServer {
 public:
  explicit ComfyUiServer(net::Network& network, ComfyUiOptions options = {});
  ~ComfyUiServer() override;

  ComfyUiCounts counts();
  std::vector<std::string> pending();  // prompt ids, the next one first
  std::optional<std::string> running();
  // The file that is being read from disk, while a run waits at the load gate.
  std::string loading();
  bool in_history(std::string_view prompt_id);
  // Until so many runs have ended since the server was made, well or not, and none runs.
  [[nodiscard]] bool wait_for_end(std::size_t runs = 1);
  std::size_t socket_count();
  std::vector<std::string> output_files();  // paths below output/

  // Device memory.
  std::uint64_t device_bytes_of(std::string_view file);
  std::vector<std::string> device_files();
  std::uint64_t vram_free();
  bool spilled(std::string_view file);
  // What other processes take; seen at the next load.
  void set_other_use(std::uint64_t bytes);
  // Main memory runs short: what the node cache holds is dropped.
  void drop_cache();

  // The next runs fail in the first node of that class (empty: the first node that runs) with this exception.
  void fail_node(std::string_view class_type, std::string_view message, std::size_t times = 1);
  // Every history entry stays invisible for this many requests of /history after its run has ended.
  void delay_history(std::size_t requests);
  // Requests of that path (as sent) wait without an answer until `answer_paths`, or for ever.
  void hang(std::string_view path);
  void answer_paths();
  // All websockets break; the run goes on.
  void cut_sockets();
  void cut_socket(std::string_view client_id);
  // The process dies and a new one starts: connections cut, queue, history, cache and device memory lost, output
  // files kept.
  void restart();
  // What an unknown extension would send: a frame to the client, as it is.
  void send_frame(std::string_view client_id, std::string_view text);
  void send_binary_frame(std::string_view client_id, std::string_view bytes);
  // A model file appears or goes while the server runs.
  void add_file(ComfyUiFile file);
  void remove_file(std::string_view folder, std::string_view name);

 protected:
  net::Task<void> handle(net::Exchange& exchange, std::string body, Life& life) override;
  void forget() override;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace stoker::engines
