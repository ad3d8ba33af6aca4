// A child process: its program, what it prints, its end, and the end of everything it started.
//
// Purpose: engines run as children that never outlive Stoker and can be stopped completely. A child is the leader of a
//   process group of its own; stopping means the whole group.
// Threading: network thread; the destructor on any thread.
// Ownership: destroying the value of a running child sends SIGKILL to its group and reaps it behind; a child must be
//   destroyed before its Network. When Stoker itself dies, the kernel kills the child (not what the child started).
// Environment: the variables of kInheritedVariables that Stoker has, and those of the command; nothing else, so that no
//   secret of Stoker reaches an engine. Standard input is empty, no other file is open, signals are as at login.
// Limits: kChildLineBytesMax per line; kStopWaitMax for what SIGKILL has hit. Lines come as fast as the child prints;
//   the sink decides what it keeps.
// Errors: not_found (no such program), bad_request (command, folder, not executable) with the words of the system;
//   internal (no process, no pipe; processes that stay after SIGKILL, by number).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "net/child_lines.h"
#include "net/network.h"
#include "net/task.h"

namespace stoker::net {

inline constexpr Duration kStopWaitMax = seconds(10);
inline constexpr std::size_t kChildArgumentsMax = 1000;

// Where programs, files, cards and languages are. Names of keys and tokens never belong here.
inline constexpr const char* kInheritedVariables[] = {"PATH",
                                                      "HOME",
                                                      "USER",
                                                      "LOGNAME",
                                                      "SHELL",
                                                      "LANG",
                                                      "LANGUAGE",
                                                      "LC_ALL",
                                                      "LC_CTYPE",
                                                      "TZ",
                                                      "TMPDIR",
                                                      "TMP",
                                                      "TEMP",
                                                      "XDG_CACHE_HOME",
                                                      "XDG_CONFIG_HOME",
                                                      "XDG_DATA_HOME",
                                                      "XDG_RUNTIME_DIR",
                                                      "LD_LIBRARY_PATH",
                                                      "SSL_CERT_FILE",
                                                      "SSL_CERT_DIR",
                                                      "HF_HOME",
                                                      "CUDA_HOME",
                                                      "CUDA_PATH",
                                                      "CUDA_VISIBLE_DEVICES",
                                                      "CUDA_DEVICE_ORDER",
                                                      "NVIDIA_VISIBLE_DEVICES",
                                                      "NVIDIA_DRIVER_CAPABILITIES",
                                                      "ROCM_PATH",
                                                      "ROCR_VISIBLE_DEVICES",
                                                      "HIP_VISIBLE_DEVICES",
                                                      "HSA_OVERRIDE_GFX_VERSION"};

struct ChildCommand {
  std::vector<std::string> argv;  // no shell; a program without a slash is looked for in PATH
  std::vector<std::pair<std::string, std::string>> environment = {};  // on top of what is inherited
  std::string working_directory = {};                                 // empty: Stoker's own
};

struct ChildExit {
  bool by_signal = false;
  int number = 0;  // of the signal, or the exit code

  friend bool operator==(const ChildExit&, const ChildExit&) = default;
};
std::string exit_text(ChildExit exit);  // "exit code 3", "signal 9"

// The processes of a group that live; zombies do not. Reads /proc, some milliseconds.
std::vector<int> living_in_group(int process_group);

class ChildProcess {
 public:
  using LineSink = LineCutter::Sink;

  // Done when the program runs. `on_line` gets the lines of standard output and standard error until both are closed.
  static Task<Result<std::unique_ptr<ChildProcess>>> start(Network& network, ChildCommand command,
                                                           LineSink on_line);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  int process_group() const;              // the child's pid
  std::optional<ChildExit> exit() const;  // nothing: it runs

  // Waits for the end of the child itself; what it printed has been delivered before.
  Task<ChildExit> wait() const;

  // Sends `signal` to the group, SIGKILL after `grace`; done when the child is reaped and nobody of its group lives.
  // Works also when the child has ended, for what it left behind.
  Task<Result<void>> stop(int signal, Duration grace) const;

  struct State;
  explicit ChildProcess(std::shared_ptr<State> state);

 private:
  std::shared_ptr<State> state_;
};

}  // namespace stoker::net
