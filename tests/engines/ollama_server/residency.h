// Which models are in memory: Ollama's scheduler.
//
// Purpose: loads one at a time in the order of the requests, keeps what is loaded for its session duration, evicts by
//   the shortest one, reloads when settings differ.
// Threading: network thread. Ownership: a Lease must not outlive the Residency.
#pragma once

#include <expected>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "net/task_list.h"
#include "tests/engines/ollama_server.h"
#include "tests/engines/ollama_server/names.h"

namespace stoker::engines::ollama {

// Settings of a load. Absent means automatic.
struct LoadSettings {
  std::int64_t num_ctx = 0;  // after clamping
  bool num_ctx_automatic = true;
  std::optional<std::int64_t> num_batch;
  std::optional<std::int64_t> num_thread;
  std::optional<std::int64_t> main_gpu;
  std::optional<std::int64_t> draft_num_predict;
  std::optional<std::int64_t> num_gpu;
  std::optional<bool> use_mmap;
  bool shift = true;
};

struct LoadOrder {
  OllamaModel model;  // with its full name
  LoadSettings settings;
  std::optional<Duration> keep_alive;  // absent: what the model has, or the default
};

struct Runner {
  Runner(net::Network& network, Watch& watch) : permit_free(network, watch) {}

  OllamaModel model;
  LoadSettings settings;
  Duration session;
  std::optional<Instant> expires;  // while nobody uses it
  std::int64_t size = 0;
  std::int64_t size_vram = 0;
  std::size_t references = 0;
  std::size_t permits = 1;
  WaitList permit_free;
  bool leaving = false;
  bool evicted = false;
};

// Why there is no runner. Status 0: the peer is gone; kCut: the connection must be cut.
struct Refusal {
  int status = 0;
  std::string text;
};
inline constexpr int kCut = -1;

class Residency;

// A reference to a runner, which stays loaded meanwhile.
class Lease {
 public:
  Lease(Residency& residency, Runner& runner) : residency_(&residency), runner_(&runner) {}
  Lease(Lease&& other) noexcept
      : residency_(other.residency_), runner_(std::exchange(other.runner_, nullptr)) {}
  Lease& operator=(Lease&&) = delete;
  ~Lease();

  Runner& runner() const { return *runner_; }

 private:
  Residency* residency_;
  Runner* runner_;
};

class Residency {
 public:
  struct World {
    net::Network& network;
    Watch& watch;
    Gates& gates;
    Faults& faults;
    std::function<Instant()> now;
  };
  Residency(World world, const OllamaOptions& options, OllamaCounters& counters);

  // Waits for a load if need be. `path` is the route that asks, for faults.
  net::Task<std::expected<Lease, Refusal>> acquire(LoadOrder order, std::string path, Life& life);
  // keep_alive 0 without a prompt.
  void unload(const OllamaModel& model);
  void unload_all();
  void time_passed();
  // The process died. Call it when no handler is left.
  void forget();

  // The context that a model gets if nobody asks for one.
  std::int64_t automatic_context() const;
  std::vector<const Runner*> runners() const;
  Instant expiry_of(const Runner& runner) const;
  std::int64_t gpu_bytes_in_use() const;
  void set_foreign_bytes(std::int64_t bytes) { foreign_bytes_ = bytes; }
  std::size_t queued() const { return queue_.size(); }

 private:
  friend class Lease;
  class Turn;
  class Reservation;

  net::Task<bool> take_turn(Life& life);
  net::Task<std::expected<Lease, Refusal>> load(LoadOrder order, std::string path, Life& life);
  // True once there is room; evicts for it. False if `life` ended.
  net::Task<bool> make_room(const LoadOrder& order, Life& life);
  Runner* find(const OllamaModel& model);
  Lease attach(Runner& runner, const LoadOrder& order);
  void give_back(Runner& runner);
  void expire(Runner& runner);
  void begin_unload(Runner& runner);
  net::Task<void> leave(Runner& runner);
  bool fits(const LoadOrder& order) const;
  Runner& victim();
  std::int64_t size_of(const LoadOrder& order) const;
  std::int64_t free_bytes() const;

  World world_;
  const OllamaOptions& options_;
  OllamaCounters& counters_;
  std::list<std::unique_ptr<Runner>> runners_;
  WaitList queue_;
  WaitList departures_;
  bool turn_taken_ = false;
  std::int64_t loading_bytes_ = 0;
  std::int64_t lost_bytes_ = 0;
  std::int64_t foreign_bytes_ = 0;
  Life process_;
  net::TaskList leaving_;
};

// Whether a loaded runner with `loaded` must be loaded again for `wanted`.
bool needs_reload(const LoadSettings& loaded, const LoadSettings& wanted);

}  // namespace stoker::engines::ollama
