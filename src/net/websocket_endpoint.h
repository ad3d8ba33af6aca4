// Making WebSockets out of connections, for server and client.
#pragma once

#include <memory>
#include <string>

#include "net/http.h"
#include "net/task.h"
#include "net/transport.h"
#include "net/websocket.h"

namespace stoker::net {

bool is_websocket_upgrade(const RequestHead& head);

// Answers 101. `early` are bytes that came behind the request head.
Task<Result<std::unique_ptr<WebSocket>>> accept_websocket_on(std::shared_ptr<Transport> transport,
                                                             std::string early,
                                                             const RequestHead& head);

// Asks for the upgrade. Fails with backend_down if the peer refuses (param: the status) or with
// run_timeout.
Task<Result<std::unique_ptr<WebSocket>>> connect_websocket_on(std::shared_ptr<Transport> transport,
                                                              std::string host, std::string target,
                                                              Headers headers, Duration patience);

}  // namespace stoker::net
