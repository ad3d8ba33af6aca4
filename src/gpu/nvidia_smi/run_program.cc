#include "gpu/nvidia_smi/run_program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace stoker::gpu {
namespace {

// How long a killed child may take to end before it counts as stuck in the kernel.
constexpr Duration kEndAfterKill = seconds(1);

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

// A deadline as a descriptor: it becomes readable when the time is over, without a clock being read.
int deadline_descriptor(Duration duration) {
  const int fd = ::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
  if (fd < 0) return fd;
  itimerspec when{};
  when.it_value.tv_sec = duration.us / 1'000'000;
  when.it_value.tv_nsec = std::max<std::int64_t>(duration.us % 1'000'000 * 1000, 1);
  ::timerfd_settime(fd, 0, &when, nullptr);
  return fd;
}

// By number: the C library's header for it cannot be linked from C++ everywhere.
int process_descriptor(pid_t pid) {
  return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
}

// True when `fd` became readable (or reached its end) before the deadline.
bool readable_in_time(int fd, int deadline) {
  std::array<pollfd, 2> watched{pollfd{fd, POLLIN, 0}, pollfd{deadline, POLLIN, 0}};
  while (::poll(watched.data(), watched.size(), -1) < 0) {
    if (errno != EINTR) return false;
  }
  return watched[1].revents == 0;
}

// The child's descriptors and signals: nothing of the server's leaks into it.
class SpawnSettings {
 public:
  explicit SpawnSettings(int output) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions_, output, STDERR_FILENO);
    ::posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnSettings() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

Result<pid_t> start(const std::string& file, const std::vector<std::string>& arguments,
                    int output) {
  std::vector<std::string> words{file};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const SpawnSettings settings(output);
  pid_t pid = 0;
  const int error = ::posix_spawnp(&pid, file.c_str(), settings.actions(), settings.attributes(),
                                   argv.data(), environ);
  if (error == ENOENT) return fail(ErrorCode::not_found, "there is no program " + file);
  if (error != 0)
    return fail(ErrorCode::backend_down, file + " cannot be started: " + std::strerror(error));
  return pid;
}

// False when the deadline came first.
bool collect(int output, int deadline, std::size_t bytes_max, std::string& text) {
  std::array<char, 8192> piece;
  while (readable_in_time(output, deadline)) {
    const ssize_t got = ::read(output, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return true;
    const std::size_t room = bytes_max - std::min(bytes_max, text.size());
    text.append(piece.data(), std::min(room, static_cast<std::size_t>(got)));
  }
  return false;
}

int wait_status(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return -1;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

Program::Program(std::string file, Limits limits) : file_(std::move(file)), limits_(limits) {}

Program::~Program() {
  reap_left_behind();
}

bool Program::reap_left_behind() {
  if (left_behind_ == 0) return true;
  if (::waitpid(left_behind_, nullptr, WNOHANG) == 0) return false;
  left_behind_ = 0;
  return true;
}

Result<ProgramOutput> Program::run(const std::vector<std::string>& arguments) {
  if (!reap_left_behind())
    return fail(ErrorCode::backend_down, file_ + " hangs in the driver and cannot be ended");
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    return fail(ErrorCode::internal, std::string("no pipe: ") + std::strerror(errno));
  const Descriptor output(ends[0]);
  Descriptor child_end(ends[1]);
  const Descriptor deadline(deadline_descriptor(limits_.deadline));
  if (!deadline.valid()) return fail(ErrorCode::internal, "no timer for a deadline");
  const auto pid = start(file_, arguments, child_end.get());
  child_end.close();
  if (!pid) return fail(pid.error());

  ProgramOutput result;
  const Descriptor ended(process_descriptor(*pid));
  const bool in_time = ended.valid() &&
                       collect(output.get(), deadline.get(), limits_.bytes_max, result.text) &&
                       readable_in_time(ended.get(), deadline.get());
  if (in_time) {
    result.status = wait_status(*pid);
    return result;
  }
  ::kill(-*pid, SIGKILL);
  const Descriptor patience(deadline_descriptor(kEndAfterKill));
  if (!ended.valid() || readable_in_time(ended.get(), patience.get())) {
    wait_status(*pid);
  } else {
    left_behind_ = *pid;
  }
  return fail(ErrorCode::backend_down,
              file_ + " did not answer within " + std::to_string(limits_.deadline.ms()) + " ms");
}

}  // namespace stoker::gpu
