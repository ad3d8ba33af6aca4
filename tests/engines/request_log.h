// What an engine was asked, for assertions.
//
// Threading: `add` on the network thread, everything else from any thread (it posts and waits).
// Limits: the newest kLoggedRequestsMax requests are kept.
#pragma once

#include <boost/json/value.hpp>
#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/http.h"
#include "net/network.h"
#include "tests/engines/gates.h"

namespace stoker::engines {

inline constexpr std::size_t kLoggedRequestsMax = 10'000;

struct LoggedRequest {
  std::string method;
  std::string path;   // still percent-encoded
  std::string query;  // still percent-encoded
  net::Headers headers;
  std::string body;         // as received
  boost::json::value json;  // of the body; null if it is no JSON
};

class RequestLog {
 public:
  RequestLog(net::Network& network, Watch& watch) : network_(network), watch_(watch) {}

  void add(const net::RequestHead& head, std::string body);

  std::vector<LoggedRequest> all() const;
  // The requests of one route: of("POST", "/api/chat").
  std::vector<LoggedRequest> of(std::string_view method, std::string_view path) const;
  std::size_t count(std::string_view method, std::string_view path) const;
  // The newest of that route.
  std::optional<LoggedRequest> last(std::string_view method, std::string_view path) const;
  // Waits until the route was asked `times` times since the last `clear`; false after the guard of Watch.
  [[nodiscard]] bool wait_for(std::string_view method, std::string_view path,
                              std::size_t times = 1);
  void clear();

 private:
  std::size_t count_here(std::string_view method, std::string_view path) const;

  net::Network& network_;
  Watch& watch_;
  std::deque<LoggedRequest> requests_;
};

}  // namespace stoker::engines
