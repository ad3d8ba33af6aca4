// Runs a piece of a test in a forked process, so that it may be killed or get a limit of its own.
//
// The parent must have no other thread at that moment. What the child writes to its pipe comes back
// to the parent.
#pragma once

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/error.h"

namespace stoker {

class ChildProcess {
 public:
  // `body` gets the writing end of the pipe; the child ends when it returns.
  explicit ChildProcess(const std::function<void(int pipe)>& body) {
    int ends[2];
    STOKER_INVARIANT(pipe(ends) == 0, "no pipe for the test");
    process_ = fork();
    STOKER_INVARIANT(process_ >= 0, "no process for the test");
    if (process_ == 0) {
      close(ends[0]);
      body(ends[1]);
      _exit(0);
    }
    close(ends[1]);
    pipe_ = ends[0];
  }
  ~ChildProcess() {
    kill_and_wait();
    close(pipe_);
  }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // The next number that the child wrote, none at its end.
  std::optional<std::int64_t> next_number() {
    std::int64_t number = 0;
    if (read(pipe_, &number, sizeof number) != sizeof number) return std::nullopt;
    return number;
  }
  static void write_number(int pipe, std::int64_t number) {
    if (write(pipe, &number, sizeof number) != sizeof number) _exit(3);
  }

  void kill_and_wait() {
    if (process_ <= 0) return;
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
    process_ = 0;
  }

  // All that the child writes until its end.
  std::string text() {
    std::string all;
    char piece[4096];
    for (;;) {
      const ssize_t got = read(pipe_, piece, sizeof piece);
      if (got <= 0) return all;
      all.append(piece, static_cast<std::size_t>(got));
    }
  }
  static void write_text(int pipe, const std::string& text) {
    if (write(pipe, text.data(), text.size()) != static_cast<ssize_t>(text.size())) _exit(3);
  }

  // In a child: files larger than this cannot grow, as on a full disk. None: no limit.
  static void limit_file_size(std::optional<std::uint64_t> bytes) {
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit{};
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes ? *bytes : limit.rlim_max;
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(4);
  }

 private:
  pid_t process_ = 0;
  int pipe_ = -1;
};

}  // namespace stoker
