#include "backends/process/system_engine_host.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "backends/process/leftovers.h"
#include "backends/process/line_feed.h"

namespace stoker {
namespace {

constexpr std::size_t kReadyAnswerBytesMax = 1024 * 1024;
// For what a process leaves behind when it ends by itself.
constexpr Duration kOrphanGrace = seconds(2);

std::string file_in(const std::string& folder, const std::string& name, const char* ending) {
  return folder.empty() ? std::string() : folder + "/" + engine_file_name(name) + ending;
}

// Different for each engine and each life of the server.
std::string mark_of(const std::string& name) {
  const ProcessEntry self = this_process();
  return engine_file_name(name) + "." + std::to_string(self.pid) + "." +
         std::to_string(self.started);
}

}  // namespace

// Network thread only.
struct SystemEngineHost::Child {
  std::unique_ptr<net::ChildProcess> process;
  std::shared_ptr<LineFeed> feed;
};

namespace {

template <class Child>
net::Task<Result<int>> start_child(net::Network& network, net::ChildCommand command,
                                   std::shared_ptr<Child> child) {
  auto process = co_await net::ChildProcess::start(
      network, std::move(command),
      [feed = child->feed](std::string_view line) { feed->add(line); });
  if (!process) co_return fail(process.error());
  child->process = *std::move(process);
  co_return child->process->process_group();
}

template <class Child>
net::Task<Result<EngineEnd>> follow_child(std::shared_ptr<Child> child) {
  EngineEnd end;
  end.exit = co_await child->process->wait();
  child->feed->flush();
  end.cleared = co_await child->process->stop(SIGTERM, kOrphanGrace);
  child->feed->flush();
  co_return end;
}

template <class Child>
net::Task<Result<void>> stop_child(std::shared_ptr<Child> child, int signal, Duration grace) {
  if (!child->process) co_return Result<void>();
  co_return co_await child->process->stop(signal, grace);
}

net::Task<Result<int>> status_of(std::shared_ptr<EngineHttp> http, EngineAsk what) {
  const auto answer = co_await EngineHttp::ask(std::move(http), std::move(what));
  if (!answer) co_return fail(answer.error());
  co_return answer->status;
}

}  // namespace

EngineHosts system_engine_hosts(Loop& loop, net::Network& network, EngineFiles folders) {
  return [&loop, &network, files = std::move(folders)](const std::string& engine) mutable {
    files.name = engine;
    return std::make_unique<SystemEngineHost>(loop, network, files);
  };
}

SystemEngineHost::SystemEngineHost(Loop& loop, net::Network& network, const EngineFiles& files)
    : loop_(loop),
      network_(network),
      pid_file_(file_in(files.state_folder, files.name, kPidFileEnding)),
      mark_(mark_of(files.name)),
      link_(loop, network),
      log_(loop, file_in(files.log_folder, files.name, ".log"), files.log_bytes_max),
      pid_work_(loop) {}

SystemEngineHost::~SystemEngineHost() {
  *alive_ = false;
}

Result<std::uint16_t> SystemEngineHost::free_port() {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const general = reinterpret_cast<sockaddr*>(&address);
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool got =
      fd >= 0 && ::bind(fd, general, size) == 0 && ::getsockname(fd, general, &size) == 0;
  if (fd >= 0) ::close(fd);
  if (!got) return fail(ErrorCode::internal, "no free port on this machine");
  return ntohs(address.sin_port);
}

void SystemEngineHost::clear_leftovers(Done<void> done) {
  if (pid_file_.empty()) {
    return loop_.post([alive = alive_, done = std::move(done)]() mutable {
      if (*alive) done({});
    });
  }
  auto swept = [alive = alive_, done = std::move(done)](Result<int> count) mutable {
    if (!*alive) return;
    if (!count) return done(fail(count.error()));
    done({});
  };
  // Behind what is still to be written for the process before.
  pid_work_.add([] {},
                [this, swept = std::move(swept)]() mutable {
                  sweep_leftovers(loop_, {pid_file_}, kOrphanGrace, std::move(swept));
                });
}

void SystemEngineHost::launch(net::ChildCommand command, Events events, Done<int> done) {
  command.environment.emplace_back(kEngineMarkVariable, mark_);
  auto deliver = [this, lines = events.lines](const std::vector<std::string>& printed) {
    log_.add(printed);
    lines(printed);
  };
  auto child = std::make_shared<Child>();
  child->feed = std::make_shared<LineFeed>(network_, link_.post(), std::move(deliver));
  child_ = child;
  auto started = [this, child, events = std::move(events),
                  done = std::move(done)](Result<int> group) mutable {
    if (group && !pid_file_.empty()) {
      pid_work_.add(
          [file = pid_file_, pid = *group, mark = mark_] { write_pid_file(file, pid, mark); },
          [] {});
    }
    const bool runs = group.has_value();
    done(std::move(group));
    if (runs) watch(std::move(child), std::move(events));
  };
  link_.start<int>(start_child(network_, std::move(command), std::move(child)), std::move(started));
}

void SystemEngineHost::watch(std::shared_ptr<Child> child, Events events) {
  auto ended = [this, events = std::move(events)](Result<EngineEnd> end) {
    if (!end) return;  // never: following a child does not fail
    if (!end->cleared) return events.ended(*end);
    forget([events, end = *end] { events.ended(end); });
  };
  link_.start<EngineEnd>(follow_child(std::move(child)), std::move(ended));
}

void SystemEngineHost::ask(std::uint16_t port, std::string target, Duration deadline,
                           Done<int> done) {
  if (!http_ || http_->url().port != port) {
    http_ = std::make_shared<EngineHttp>(
        network_, net::Url{.tls = false, .host = kEngineHost, .port = port, .base_path = {}});
  }
  link_.start<int>(status_of(http_, {.target = std::move(target),
                                     .deadline = deadline,
                                     .answer_bytes_max = kReadyAnswerBytesMax}),
                   std::move(done));
}

void SystemEngineHost::stop(int signal, Duration grace, Done<void> done) {
  if (!child_) {
    return loop_.post([alive = alive_, done = std::move(done)]() mutable {
      if (*alive) done({});
    });
  }
  auto stopped = [this, done = std::move(done)](Result<void> gone) mutable {
    if (!gone) return done(std::move(gone));
    forget([done = std::move(done)]() mutable { done({}); });
  };
  link_.start<void>(stop_child(child_, signal, grace), std::move(stopped));
}

// The process is gone; its file goes before anybody hears of it.
void SystemEngineHost::forget(std::move_only_function<void()> done) {
  pid_work_.add(
      [file = pid_file_] {
        if (!file.empty()) remove_pid_file(file);
      },
      std::move(done));
}

}  // namespace stoker
