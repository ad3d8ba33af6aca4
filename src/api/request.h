// One request on its way through the API.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/access.h"
#include "api/refusal.h"
#include "net/http_server.h"

namespace stoker::api {

struct Request {
  net::Exchange& exchange;
  std::vector<std::string> parameters;  // of the path
  Identity who;                         // meaningless on open routes
  TokenHash token{};
  std::shared_ptr<const Snapshot> snapshot;  // of the moment when the request came

  const net::RequestHead& head() const { return exchange.head(); }
  std::optional<std::string> query(std::string_view name) const {
    return net::query_value(head().query, name);
  }
};

}  // namespace stoker::api
