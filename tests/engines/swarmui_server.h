// A server that plays SwarmUI: sessions, generations over HTTP and websocket, its scheduler, models and backends.
//
// Purpose: contract tests of what talks to SwarmUI. Its own jobs are played here; a ComfyUiServer may stand behind
//   /ComfyBackendDirect and receives the /free of FreeBackendMemory and of the idle cleaner, but not the jobs.
// Gates: head, load (a backend loads a model, also the hidden reload after a /free), step (before each sampling
//   step), result (before an image is saved), unload (before FreeBackendMemory acts), transfer (the two seconds
//   between socket_intention and the end of a websocket). An interrupt ends what waits at step; a load runs on.
// Faults: those of every engine before the route is looked at, and load_error, out_of_memory, cut_stream (a websocket
//   of a generation breaks after `after` messages), error_in_stream (the next generation fails with `text`),
//   garbage_in_stream, unload_keeps_memory.
// Threading: control functions from the test's thread, see engine_server.h.
// Ownership: a ComfyUiServer that is named in the options must outlive this server.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/engines/comfyui_server.h"
#include "tests/engines/engine_server.h"

namespace stoker::engines {

struct SwarmUiModel {
  std::string name;  // below the model root: "OfficialStableDiffusion/sd3.5_large.safetensors"
  std::uint64_t bytes = kGiB;
  std::string subtype = "Stable-Diffusion";
};

struct SwarmUiOptions {
  std::vector<SwarmUiModel> models = {{"m.safetensors"}};
  std::size_t backends = 1;
  std::size_t uses_max = 2;  // of one backend at a time: 1 + OverQueue
  ComfyUiServer* comfy = nullptr;
  std::uint64_t vram_bytes = 24 * kGiB;              // of each backend's card
  bool shows_cards = true;                           // false: no nvidia-smi
  std::int64_t clear_vram_after_minutes = 10;        // -1: never
  std::int64_t clear_system_ram_after_minutes = 60;  // -1: never
  std::optional<std::string> authorization = {};     // what the header must be
};

enum class SwarmBackendStatus : std::uint8_t { disabled, errored, waiting, loading, idle, running };

struct SwarmUiCounts {
  std::size_t sessions = 0;
  std::size_t requests = 0;     // generations
  std::size_t images = 0;       // made
  std::size_t failed = 0;       // images that failed
  std::size_t interrupted = 0;  // images that were cancelled, waiting or running
  std::size_t interrupts = 0;   // requests
  std::size_t most_live = 0;    // images that held a backend at the same time
  std::size_t frees = 0;        // FreeBackendMemory and the idle cleaner
  std::size_t cleanings = 0;    // the idle cleaner alone
  std::map<std::string, std::size_t, std::less<>> loads = {};  // into device memory, by model

  std::size_t loads_of(std::string_view model) const;
};

class SwarmUiServer : public EngineServer {
 public:
  explicit SwarmUiServer(net::Network& network, SwarmUiOptions options = {});
  ~SwarmUiServer() override;

  SwarmUiCounts counts();
  // What backend `id` believes, and what its card really holds; empty: nothing.
  std::string current_model(int backend = 0);
  std::string resident_model(int backend = 0);
  // Images that were asked for and are neither made nor given up.
  std::size_t waiting_images();
  [[nodiscard]] bool wait_for_images(std::size_t made);

  void set_backend_status(int backend, SwarmBackendStatus status);
  void expire_sessions();
  void deny(std::string_view permission);  // "control_mem_clean"
  void set_other_use(std::uint64_t bytes);
  void add_model(SwarmUiModel model);
  void restart();

 protected:
  net::Task<void> handle(net::Exchange& exchange, std::string body, Life& life) override;
  void forget() override;
  void time_passed() override;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace stoker::engines
