// From an origin to a connection that is ready for a request: name, TCP, TLS.
#pragma once

#include <memory>

#include "net/client_pool.h"

namespace stoker::net {

// Errors: backend_down (unknown name, refused, TLS), run_timeout after `patience`. Several
//   addresses of a name are tried one after the other, each with an equal share of the remaining
//   time.
Task<Result<std::unique_ptr<Channel>>> connect_to(ClientPool& pool, Origin origin,
                                                  Duration patience);

}  // namespace stoker::net
