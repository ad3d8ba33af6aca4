// The composition root: everything that a running server consists of, in the order of its dependencies.
//
// Purpose: the only place where loops, store, engines, controller, API and network meet.
// Threading: made, run and destroyed on the main thread, which is the loop while `run` runs. Signals and requests arrive
//   on the network thread and are posted here.
// Ownership: owns all parts; members are destroyed bottom-up, users before what they use.
// Errors: `start` fails with one sentence in the detail (folder in use, port in use, damaged data, missing credentials).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/api.h"
#include "controller/controller.h"
#include "controller/scaled_loop.h"
#include "controller/thread_loop.h"
#include "net/http_server.h"
#include "net/network.h"
#include "server/commands.h"
#include "server/config/config.h"
#include "server/engine_rig.h"
#include "server/entrance.h"
#include "server/front.h"
#include "server/log.h"
#include "server/metrics.h"
#include "server/operator_keys.h"
#include "storage/result_files.h"
#include "storage/store.h"

namespace stoker::server {

// How long running work and open answers may take after the first signal.
inline constexpr Duration kDrainWork = seconds(30);
inline constexpr Duration kDrainAnswers = seconds(35);

class Server {
 public:
  static Result<std::unique_ptr<Server>> start(ServeOptions options, Config config, Log& log);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Until a signal ends it; the exit code.
  int run();

 private:
  Server(ServeOptions options, Config config, Log& log);

  Result<void> open_store();
  Result<void> require_credentials() const;
  Result<void> listen();
  Result<void> open_controller();
  void open_front();
  void greet();

  // What a drain waits for; values combine as bits.
  enum class DrainPart : unsigned { answers = 1, work = 2 };

  // On the loop.
  void on_entrance(Result<Entrance> entrance);
  Result<void> write_ready_file(const Entrance& entrance) const;
  void print_links(const Entrance& entrance) const;
  void keep_watchdog_quiet(Duration interval);
  void drain();
  void end_drain(DrainPart part);
  void give_up(const std::string& words);

  // server_reload.cc
  enum class Reload : std::uint8_t { none, running, again };
  void reload();
  void end_reload();
  void on_reread(ConfigResult reread, Result<std::vector<OperatorKey>> keys);
  Result<controller::Topology> changed_topology(Machine& machine) const;
  void apply_keys(std::vector<OperatorKey> keys);

  std::string path_in_data(std::string_view name) const { return data_ + "/" + std::string(name); }
  std::string base_url_of_links() const;
  bool tls() const { return !config_.tls_certificate.empty(); }
  void log(LogLevel level, std::string_view event, const Fields& fields = {}) const {
    log_.write(level, event, fields);
  }

  const ServeOptions options_;
  Config config_;
  Log& log_;
  std::string data_;
  std::vector<OperatorKey> keys_;
  std::vector<TokenRow> tokens_at_start_;
  Links links_;
  std::string build_;
  bool draining_ = false;  // loop
  unsigned drained_ = 0;   // loop: the parts that have ended
  Reload reload_ = Reload::none;
  bool told_to_end_ = false;  // network thread
  int exit_code_ = kSuccess;

  ThreadLoop real_loop_;
  ScaledLoop loop_;
  Metrics metrics_;
  Front front_;
  net::Network network_;
  std::optional<ResultFiles> files_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<EngineRig> rig_;
  std::unique_ptr<controller::Controller> controller_;
  std::unique_ptr<api::Api> api_;
  std::unique_ptr<net::HttpServer> http_;
};

// What the controller is told about a machine.
controller::Topology topology_of(const Machine& machine);
// The ids that the topology was given, back in the machine.
void take_ids(const controller::Topology& topology, Machine& machine);

}  // namespace stoker::server
