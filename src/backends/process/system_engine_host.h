// The engine host of the running product: real processes, ports and files.
//
// Purpose: brings net::ChildProcess, readiness over HTTP, the pid file and the log file together for one engine.
// Threading, callbacks, errors: as engine_host.h. Creation on the loop, or before it runs.
// Ownership: borrows loop and network, which outlive it.
// Limits: those of net/child_process.h, line_feed.h and log_file.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "backends/http/engine_http.h"
#include "backends/http/engine_link.h"
#include "backends/process/engine_command.h"
#include "backends/process/engine_host.h"
#include "backends/process/log_file.h"
#include "backends/process/ordered_work.h"
#include "net/network.h"

namespace stoker {

// What one engine has on the disk.
struct EngineFiles {
  std::string name;             // unique on this machine: "texts", "texts qwen3"
  std::string state_folder;     // for its pid file; must exist. Empty: none
  std::string log_folder = {};  // for its log file; must exist. Empty: none
  std::uint64_t log_bytes_max = kLogFileBytesMax;
};

// Hosts with these folders, each with its engine's name.
EngineHosts system_engine_hosts(Loop& loop, net::Network& network, EngineFiles folders);

class SystemEngineHost final : public EngineHost {
 public:
  SystemEngineHost(Loop& loop, net::Network& network, const EngineFiles& files);
  ~SystemEngineHost() override;

  Result<std::uint16_t> free_port() override;
  void clear_leftovers(Done<void> done) override;
  void launch(net::ChildCommand command, Events events, Done<int> done) override;
  void ask(std::uint16_t port, std::string target, Duration deadline, Done<int> done) override;
  void stop(int signal, Duration grace, Done<void> done) override;

 private:
  struct Child;  // what the network thread holds of the process

  void watch(std::shared_ptr<Child> child, Events events);
  void forget(std::move_only_function<void()> done);

  Loop& loop_;
  net::Network& network_;
  const std::string pid_file_;
  const std::string mark_;
  EngineLink link_;
  LogFile log_;
  OrderedWork pid_work_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::shared_ptr<Child> child_;  // of the last launch
  std::shared_ptr<EngineHttp> http_;
};

}  // namespace stoker
