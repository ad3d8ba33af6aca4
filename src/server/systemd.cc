#include "server/systemd.h"

#include <dlfcn.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include <cstdint>
#include <cstdlib>
#include <string>

namespace stoker::server {
namespace {

// The library is opened only where a service manager listens: linked, it would cost every start two milliseconds and a
// megabyte.
struct Systemd {
  decltype(&sd_notify) notify = nullptr;
  decltype(&sd_watchdog_enabled) watchdog_enabled = nullptr;
};

Systemd open_systemd() {
  if (std::getenv("NOTIFY_SOCKET") == nullptr) return {};
  void* library = dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return {};
  return {reinterpret_cast<decltype(&sd_notify)>(dlsym(library, "sd_notify")),
          reinterpret_cast<decltype(&sd_watchdog_enabled)>(dlsym(library, "sd_watchdog_enabled"))};
}

const Systemd& systemd() {
  static const Systemd functions = open_systemd();
  return functions;
}

void tell(const char* state) {
  if (systemd().notify != nullptr) systemd().notify(0, state);
}

}  // namespace

void notify_ready() {
  tell("READY=1");
}

void notify_reloading() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const std::int64_t us = static_cast<std::int64_t>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1000;
  tell(("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(us)).c_str());
}

void notify_stopping() {
  tell("STOPPING=1");
}
void notify_alive() {
  tell("WATCHDOG=1");
}

std::optional<Duration> watchdog_interval() {
  std::uint64_t us = 0;
  const auto enabled = systemd().watchdog_enabled;
  if (enabled == nullptr || enabled(0, &us) <= 0 || us == 0) return std::nullopt;
  return microseconds(static_cast<std::int64_t>(us / 2));
}

}  // namespace stoker::server
