#include "server/systemd.h"

#include <systemd/sd-daemon.h>
#include <time.h>

#include <cstdint>
#include <string>

namespace stoker::server {

void notify_ready() {
  sd_notify(0, "READY=1");
}

void notify_reloading() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const std::int64_t us = static_cast<std::int64_t>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1000;
  sd_notify(0, ("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(us)).c_str());
}

void notify_stopping() {
  sd_notify(0, "STOPPING=1");
}
void notify_alive() {
  sd_notify(0, "WATCHDOG=1");
}

std::optional<Duration> watchdog_interval() {
  std::uint64_t us = 0;
  if (sd_watchdog_enabled(0, &us) <= 0 || us == 0) return std::nullopt;
  return microseconds(static_cast<std::int64_t>(us / 2));
}

}  // namespace stoker::server
