#include "net/child_spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <system_error>

namespace stoker::net {
namespace {

// Everything the child needs, made before the fork.
struct Prepared {
  std::string program;  // with a path
  std::vector<char*> argv;
  std::vector<char*> environment;
  const char* directory = nullptr;
  pid_t parent = 0;
  int open_files_max = 0;
  int stdin_fd = -1;
  int out_fd = -1;
  int err_fd = -1;
  int report_fd = -1;
};

std::string error_text(int error) {
  return std::generic_category().message(error);
}

std::string errno_text(const char* what) {
  return std::string(what) + ": " + error_text(errno);
}

// Descriptors 0 to 2 are given to the child; ours must be others, also when Stoker was started without them.
OwnedFd above_standard(OwnedFd fd) {
  if (fd.get() < 0 || fd.get() > STDERR_FILENO) return fd;
  return OwnedFd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
}

struct Pipe {
  OwnedFd read;
  OwnedFd write;
};

Result<Pipe> make_pipe() {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(ErrorCode::internal, errno_text("pipe"));
  Pipe pipe{above_standard(OwnedFd(ends[0])), above_standard(OwnedFd(ends[1]))};
  if (pipe.read.get() < 0 || pipe.write.get() < 0 ||
      ::fcntl(pipe.read.get(), F_SETFL, O_NONBLOCK) != 0) {
    return fail(ErrorCode::internal, errno_text("pipe"));
  }
  return pipe;
}

// The program's path; a name without a slash is looked for in PATH, never in the working directory.
std::optional<std::string> find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const char* const set = std::getenv("PATH");
  std::string_view rest = set != nullptr ? set : "/usr/local/bin:/usr/bin:/bin";
  while (!rest.empty()) {
    const std::string_view folder = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(folder.size() + 1, rest.size()));
    if (folder.empty()) continue;
    std::string path = std::string(folder) + "/" + name;
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return std::nullopt;
}

[[noreturn]] void give_up(int report_fd, ExecFailure::Step step) {
  const ExecFailure failure{step, errno};
  const ssize_t written = ::write(report_fd, &failure, sizeof failure);
  _exit(written == sizeof failure ? 127 : 126);
}

void reset_signals() {
  struct sigaction standard = {};
  standard.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &standard, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Between fork and exec: nothing here takes memory, a lock or a stream.
[[noreturn]] void become_program(const Prepared& prepared) {
  const int report = prepared.report_fd;
  reset_signals();
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) give_up(report, ExecFailure::Step::parent_gone);
  errno = ESRCH;
  if (::getppid() != prepared.parent) give_up(report, ExecFailure::Step::parent_gone);
  if (::setpgid(0, 0) != 0) give_up(report, ExecFailure::Step::group);
  if (::dup2(prepared.stdin_fd, STDIN_FILENO) < 0 || ::dup2(prepared.out_fd, STDOUT_FILENO) < 0 ||
      ::dup2(prepared.err_fd, STDERR_FILENO) < 0) {
    give_up(report, ExecFailure::Step::files);
  }
  if (::syscall(SYS_close_range, 3U, UINT_MAX, 4U /* CLOSE_RANGE_CLOEXEC */) != 0) {
    for (int fd = STDERR_FILENO + 1; fd < prepared.open_files_max; ++fd) {
      ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
  }
  if (prepared.directory != nullptr && ::chdir(prepared.directory) != 0) {
    give_up(report, ExecFailure::Step::directory);
  }
  ::execve(prepared.program.c_str(), prepared.argv.data(), prepared.environment.data());
  give_up(report, ExecFailure::Step::program);
}

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// Handlers of this process must not run in the child, so all signals wait from before the fork.
pid_t fork_quietly(const Prepared& prepared) {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = ::fork();
  if (pid == 0) become_program(prepared);
  const int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return pid;
}

}  // namespace

OwnedFd& OwnedFd::operator=(OwnedFd&& other) noexcept {
  if (this == &other) return *this;
  if (fd_ >= 0) ::close(fd_);
  fd_ = other.release();
  return *this;
}

OwnedFd::~OwnedFd() {
  if (fd_ >= 0) ::close(fd_);
}

std::string exec_failure_text(const ExecFailure& failure, const SpawnOrder& order) {
  const std::string why = ": " + error_text(failure.error);
  switch (failure.step) {
    case ExecFailure::Step::parent_gone:
      return "the server ended meanwhile" + why;
    case ExecFailure::Step::group:
      return "no process group" + why;
    case ExecFailure::Step::files:
      return "no standard files" + why;
    case ExecFailure::Step::directory:
      return "cannot enter the folder " + order.working_directory + why;
    case ExecFailure::Step::program:
      break;
  }
  return "cannot run " + order.argv.front() + why;
}

Result<Spawned> spawn(const SpawnOrder& order) {
  auto out = make_pipe();
  auto err = make_pipe();
  auto report = make_pipe();
  if (!out || !err || !report) return fail(ErrorCode::internal, errno_text("no pipe for a child"));
  const OwnedFd nothing = above_standard(OwnedFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)));
  if (nothing.get() < 0) return fail(ErrorCode::internal, errno_text("/dev/null"));

  auto program = find_program(order.argv.front());
  if (!program) {
    return fail(ErrorCode::not_found,
                exec_failure_text({ExecFailure::Step::program, ENOENT}, order));
  }
  Prepared prepared;
  prepared.program = *std::move(program);
  prepared.argv = pointers_to(order.argv);
  prepared.environment = pointers_to(order.environment);
  if (!order.working_directory.empty()) prepared.directory = order.working_directory.c_str();
  prepared.parent = ::getpid();
  prepared.open_files_max = static_cast<int>(::sysconf(_SC_OPEN_MAX));
  prepared.stdin_fd = nothing.get();
  prepared.out_fd = out->write.get();
  prepared.err_fd = err->write.get();
  prepared.report_fd = report->write.get();

  const pid_t pid = fork_quietly(prepared);
  if (pid < 0) return fail(ErrorCode::internal, errno_text("fork"));
  ::setpgid(
      pid,
      pid);  // the child does it too: whoever comes first, nobody signals a group that is not there yet
  OwnedFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U)));
  if (pidfd.get() < 0) {
    const std::string why = errno_text("pidfd_open");
    ::kill(-pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return fail(ErrorCode::internal, why);
  }
  return Spawned{pid, std::move(pidfd), std::move(out->read), std::move(err->read),
                 std::move(report->read)};
}

}  // namespace stoker::net
