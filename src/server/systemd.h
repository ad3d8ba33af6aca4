// Words to the service manager, when there is one.
//
// Threading: any thread. Without NOTIFY_SOCKET everything here does nothing.
#pragma once

#include <optional>

#include "base/time.h"

namespace stoker::server {

void notify_ready();
void notify_reloading();
void notify_stopping();
void notify_alive();

// How often the service manager wants to hear notify_alive; nullopt: it does not ask.
std::optional<Duration> watchdog_interval();

}  // namespace stoker::server
