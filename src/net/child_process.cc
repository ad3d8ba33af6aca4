#include "net/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <list>
#include <sstream>
#include <system_error>

#include "net/callback_wait.h"
#include "net/child_spawn.h"
#include "net/network_impl.h"

namespace stoker::net {
namespace {

constexpr std::size_t kReadBytesMax = 64 * 1024;  // per turn of the event loop
constexpr std::size_t kDrainBytesMax =
    1024 * 1024;  // after the end, when others still hold the pipe
constexpr Duration kGroupLook = milliseconds(20);
constexpr int kReapWaitMs = 1000;  // only where no network thread is left to reap behind

using Descriptor = boost::asio::posix::stream_descriptor;
using Clock = std::chrono::steady_clock;

Result<void> check(const ChildCommand& command) {
  if (command.argv.empty() || command.argv.front().empty()) {
    return fail(ErrorCode::bad_request, "a command without a program");
  }
  if (command.argv.size() > kChildArgumentsMax) {
    return fail(ErrorCode::bad_request, "a command with too many arguments");
  }
  const auto has_nul = [](const std::string& text) { return text.contains('\0'); };
  bool fits = std::ranges::none_of(command.argv, has_nul) && !has_nul(command.working_directory);
  for (const auto& [name, value] : command.environment) {
    fits = fits && !name.empty() && !name.contains('=') && !has_nul(name) && !has_nul(value);
  }
  if (fits) return {};
  return fail(ErrorCode::bad_request, "a command with a byte or a name that no program can get");
}

std::vector<std::string> environment_of(const ChildCommand& command) {
  std::vector<std::string> environment;
  const auto is_given = [&](std::string_view name) {
    return std::ranges::any_of(command.environment,
                               [&](const auto& given) { return given.first == name; });
  };
  for (const char* const name : kInheritedVariables) {
    const char* const value = std::getenv(name);
    if (value != nullptr && !is_given(name)) {
      environment.push_back(std::string(name) + "=" + value);
    }
  }
  for (const auto& [name, value] : command.environment) {
    environment.push_back(name);
    environment.back().append("=").append(value);
  }
  return environment;
}

// One of the child's two streams.
struct Output {
  explicit Output(boost::asio::io_context& io, int fd) : descriptor(io, fd) {}
  Descriptor descriptor;
  LineCutter lines;
  bool open = true;
};

struct StatFacts {
  char state = 'X';
  int group = 0;
  long threads = 0;
};

// The text behind the program's name, which may hold any byte: state, parent, group, ..., number of threads.
std::optional<StatFacts> read_stat(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string text;
  if (!std::getline(file, text, '\0')) return std::nullopt;
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream rest(text.substr(name_end + 1));
  StatFacts facts;
  std::string skipped;
  rest >> facts.state >> skipped >> facts.group;
  for (int field = 6; field < 20; ++field) rest >> skipped;
  rest >> facts.threads;
  if (!rest) return std::nullopt;
  return facts;
}

// A zombie with threads is a process whose first thread has ended while others work.
bool lives(const StatFacts& facts) {
  return (facts.state != 'Z' && facts.state != 'X') || facts.threads > 1;
}

}  // namespace

std::string exit_text(ChildExit exit) {
  return (exit.by_signal ? "signal " : "exit code ") + std::to_string(exit.number);
}

std::vector<int> living_in_group(int process_group) {
  std::vector<int> pids;
  std::error_code error;
  for (std::filesystem::directory_iterator entry("/proc", error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename();
    int pid = 0;
    const auto [rest, wrong] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (wrong != std::errc() || rest != name.data() + name.size()) continue;
    const auto facts = read_stat(entry->path() / "stat");
    if (facts && facts->group == process_group && lives(*facts)) pids.push_back(pid);
  }
  std::ranges::sort(pids);
  return pids;
}

// Lives until the child is reaped: the handler that waits for its end holds it.
struct ChildProcess::State : std::enable_shared_from_this<State> {
  State(Network& owner, Spawned& spawned, LineSink sink)
      : network(owner),
        mailbox(owner.mailbox()),
        group(spawned.pid),
        on_line(std::move(sink)),
        pidfd(owner.impl().io, spawned.pidfd.release()),
        out(owner.impl().io, spawned.out.release()),
        err(owner.impl().io, spawned.err.release()) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State();

  void watch();
  void read_on(Output& output);
  // Up to `bytes_max` of what is there; false: the stream has ended.
  bool read(Output& output, std::size_t bytes_max);
  void close(Output& output);
  bool reap();
  void on_end();
  void let_go();
  void signal_group(int signal);
  bool group_is_gone();

  Network& network;
  const std::shared_ptr<detail::Mailbox> mailbox;
  const int group;
  LineSink on_line;
  Descriptor pidfd;
  Output out;
  Output err;
  std::optional<ChildExit> exit;
  bool gone = false;  // nobody of the group lives; its number may belong to others from now on
  std::list<std::move_only_function<void(ChildExit)>> waiting;
};

// Reached with a running child only when the network ends without having stopped it.
ChildProcess::State::~State() {
  if (exit) return;
  signal_group(SIGKILL);
  pollfd ended{pidfd.native_handle(), POLLIN, 0};
  if (::poll(&ended, 1, kReapWaitMs) > 0) reap();
}

void ChildProcess::State::watch() {
  pidfd.async_wait(Descriptor::wait_read, [self = shared_from_this()](auto error) {
    if (!error && self->reap()) self->on_end();
  });
  read_on(out);
  read_on(err);
}

void ChildProcess::State::read_on(Output& output) {
  output.descriptor.async_wait(Descriptor::wait_read,
                               [self = shared_from_this(), &output](auto error) {
                                 if (error || !output.open) return;
                                 if (self->read(output, kReadBytesMax))
                                   return self->read_on(output);
                                 self->close(output);
                               });
}

bool ChildProcess::State::read(Output& output, std::size_t bytes_max) {
  std::array<char, 16 * 1024> buffer;
  for (std::size_t taken = 0; taken < bytes_max;) {
    const ssize_t got = ::read(output.descriptor.native_handle(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno == EAGAIN;
    if (got == 0) return false;
    output.lines.feed({buffer.data(), static_cast<std::size_t>(got)}, on_line);
    taken += static_cast<std::size_t>(got);
  }
  return true;
}

void ChildProcess::State::close(Output& output) {
  output.open = false;
  output.lines.finish(on_line);
  boost::system::error_code ignored;
  output.descriptor.close(ignored);
}

bool ChildProcess::State::reap() {
  siginfo_t info = {};
  const auto fd = static_cast<id_t>(pidfd.native_handle());
  const int waited = ::waitid(P_PIDFD, fd, &info, WEXITED | WNOHANG);
  if (waited == 0 && info.si_pid == 0) return false;
  // Where SIGCHLD is ignored the kernel reaps by itself and keeps no exit code.
  exit = waited == 0 ? ChildExit{info.si_code != CLD_EXITED, info.si_status} : ChildExit{};
  return true;
}

// What the child printed comes before its end; descendants that hold the pipes may go on printing.
void ChildProcess::State::on_end() {
  boost::system::error_code ignored;
  pidfd.close(ignored);
  for (Output* const output : {&out, &err}) {
    if (output->open && !read(*output, kDrainBytesMax)) close(*output);
  }
  auto waiters = std::exchange(waiting, {});
  for (auto& waiter : waiters) waiter(*exit);
}

void ChildProcess::State::let_go() {
  signal_group(SIGKILL);
  on_line = [](std::string_view) {};
  if (out.open) close(out);
  if (err.open) close(err);
}

// The number of a group is not given out again while one process of it is there, a zombie included.
void ChildProcess::State::signal_group(int signal) {
  if (!gone && ::kill(-group, signal) != 0 && errno == ESRCH) gone = true;
}

bool ChildProcess::State::group_is_gone() {
  if (!exit) return false;
  signal_group(0);
  // Orphans whose new parent does not reap them stay as zombies; they hold nothing any more.
  if (!gone && living_in_group(group).empty()) gone = true;
  return gone;
}

ChildProcess::ChildProcess(std::shared_ptr<State> state) : state_(std::move(state)) {}

ChildProcess::~ChildProcess() {
  const std::shared_ptr<detail::Mailbox> mailbox = state_->mailbox;
  detail::post_to(*mailbox, [state = std::move(state_)] { state->let_go(); });
}

int ChildProcess::process_group() const {
  return state_->group;
}

std::optional<ChildExit> ChildProcess::exit() const {
  return state_->exit;
}

namespace {

// What the child wrote about its failure to become the program; nothing: it has become it.
Task<std::optional<ExecFailure>> exec_failure(Network& network, OwnedFd fd) {
  Descriptor report(network.impl().io, fd.release());
  co_await CallbackWait<bool>([&report](CallbackWait<bool>::Done done) {
    report.async_wait(Descriptor::wait_read, [done = std::move(done)](auto) { done(true); });
  });
  ExecFailure failure;
  if (::read(report.native_handle(), &failure, sizeof failure) != sizeof failure) {
    co_return std::nullopt;
  }
  co_return failure;
}

Task<ChildExit> wait_for(std::shared_ptr<ChildProcess::State> state) {
  if (state->exit) co_return *state->exit;
  co_return co_await CallbackWait<ChildExit>([&state](CallbackWait<ChildExit>::Done done) {
    state->waiting.emplace_back([done = std::move(done)](ChildExit exit) { done(exit); });
  });
}

Task<bool> wait_until_gone(std::shared_ptr<ChildProcess::State> state, Duration wait_max) {
  const auto until = Clock::now() + std::chrono::microseconds(wait_max.us);
  while (!state->group_is_gone()) {
    if (Clock::now() >= until) co_return false;
    co_await state->network.sleep(std::min(kGroupLook, std::max(wait_max, milliseconds(1))));
  }
  co_return true;
}

Task<Result<void>> stop_group(std::shared_ptr<ChildProcess::State> state, int signal,
                              Duration grace) {
  state->signal_group(signal);
  if (co_await wait_until_gone(state, grace)) co_return Result<void>();
  state->signal_group(SIGKILL);
  if (co_await wait_until_gone(state, kStopWaitMax)) co_return Result<void>();
  std::string pids;
  for (const int pid : living_in_group(state->group)) pids += " " + std::to_string(pid);
  co_return fail(ErrorCode::internal, "processes stay after SIGKILL:" + pids);
}

}  // namespace

Task<Result<std::unique_ptr<ChildProcess>>> ChildProcess::start(Network& network,
                                                                ChildCommand command,
                                                                LineSink on_line) {
  if (const auto checked = check(command); !checked) co_return fail(checked.error());
  const SpawnOrder order{command.argv, environment_of(command), command.working_directory};
  auto spawned = spawn(order);
  if (!spawned) co_return fail(spawned.error());
  OwnedFd report = std::move(spawned->exec_error);
  const auto state = std::make_shared<State>(network, *spawned, std::move(on_line));
  auto child = std::make_unique<ChildProcess>(state);
  state->watch();
  const auto failure = co_await exec_failure(network, std::move(report));
  if (failure) {
    co_await wait_for(state);
    const bool missing = failure->error == ENOENT && failure->step == ExecFailure::Step::program;
    co_return fail(missing ? ErrorCode::not_found : ErrorCode::bad_request,
                   exec_failure_text(*failure, order));
  }
  co_return child;
}

Task<ChildExit> ChildProcess::wait() const {
  return wait_for(state_);
}

Task<Result<void>> ChildProcess::stop(int signal, Duration grace) const {
  return stop_group(state_, signal, grace);
}

}  // namespace stoker::net
