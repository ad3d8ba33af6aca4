// Starting a program: what is prepared before, and what happens between fork and exec.
//
// Purpose: the one place of the product where another program begins.
//
// Why fork and exec, not posix_spawn: an engine must die with Stoker, also when Stoker is killed, and the signal for
// that (PR_SET_PDEATHSIG) can only be set by the child itself; posix_spawn has no attribute for it and would need a
// second program in between. The child calls only functions that are safe between fork and exec in a process with
// threads: everything that needs memory is prepared before.
//
// Threading: network thread. The kernel sends the parent's death signal when the *thread* that forked ends; the network
//   thread lives as long as the Network.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/error.h"

namespace stoker::net {

// A file descriptor that closes itself.
class OwnedFd {
 public:
  OwnedFd() = default;
  explicit OwnedFd(int fd) : fd_(fd) {}
  OwnedFd(OwnedFd&& other) noexcept : fd_(other.release()) {}
  OwnedFd& operator=(OwnedFd&& other) noexcept;
  OwnedFd(const OwnedFd&) = delete;
  OwnedFd& operator=(const OwnedFd&) = delete;
  ~OwnedFd();
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

struct SpawnOrder {
  std::vector<std::string> argv;
  std::vector<std::string> environment;  // "NAME=value", complete
  std::string working_directory;         // empty: unchanged
};

struct Spawned {
  int pid = 0;  // also its process group
  OwnedFd pidfd;
  OwnedFd out;         // its standard output, to read, non-blocking
  OwnedFd err;         // its standard error
  OwnedFd exec_error;  // ends without a byte once the program runs; else an ExecFailure
};

// What the child writes when the program cannot run.
struct ExecFailure {
  enum class Step : int { parent_gone, group, files, directory, program };
  Step step = Step::program;
  int error = 0;
};
std::string exec_failure_text(const ExecFailure& failure, const SpawnOrder& order);

Result<Spawned> spawn(const SpawnOrder& order);

}  // namespace stoker::net
