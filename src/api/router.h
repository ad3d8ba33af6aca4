// The table of routes: method, path, who may, and what answers.
//
// Purpose: one list that the dispatcher follows, that the roles are read from and that is compared with
//   docs/reference/openapi.json.
// Threading: constant data.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/access.h"
#include "api/request.h"

namespace stoker::api {

class Handlers;

// What a request must show.
enum class Credential : std::uint8_t {
  none,
  token,
  token_or_ticket,  // for streams and media elements, which cannot send headers
};

struct Route {
  std::string_view method;
  std::string_view pattern;  // below /api/v1: "/jobs/{job}/results/{n}"
  Credential credential = Credential::token;
  Roles roles = kEverybody;
  net::Task<Answer> (Handlers::*handle)(Request& request) = nullptr;
};

inline constexpr std::string_view kApiPrefix = "/api/v1";

std::span<const Route> all_routes();

struct RouteMatch {
  const Route* route = nullptr;         // null: no route of this method
  std::vector<std::string> parameters;  // decoded, in their order
  std::string allow;                    // methods of this path; empty: no such path
};

// `path` is still percent-encoded. HEAD finds what GET finds, except for streams.
RouteMatch match_route(std::string_view method, std::string_view path);

}  // namespace stoker::api
