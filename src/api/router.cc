#include "api/router.h"

#include <algorithm>
#include <array>

#include "api/handlers.h"

namespace stoker::api {
namespace {

using H = Handlers;

constexpr Roles kWorkers = kMakers | kLeaders;
constexpr Roles kTicketHolders = kEverybody;

constexpr auto kRoutes = std::to_array<Route>({
    {"GET", "/meta", Credential::none, kEverybody, &H::get_meta},
    {"GET", "/openapi.json", Credential::none, kEverybody, &H::get_openapi},
    {"GET", "/messages/{lang}", Credential::none, kEverybody, &H::get_messages},
    {"POST", "/join", Credential::none, kEverybody, &H::post_join},

    {"POST", "/tickets", Credential::token, kEverybody, &H::post_tickets},
    {"GET", "/me", Credential::token, kEverybody, &H::get_me},
    {"POST", "/leave", Credential::token, role_bit(Role::participant), &H::post_leave},
    {"GET", "/events", Credential::token_or_ticket, kTicketHolders, &H::get_events},
    {"GET", "/state", Credential::token, kEverybody, &H::get_state},

    {"GET", "/jobs", Credential::token, kWorkers, &H::get_jobs},
    {"POST", "/jobs", Credential::token, kMakers, &H::post_jobs},
    {"GET", "/jobs/{job}", Credential::token, kWorkers, &H::get_job},
    {"DELETE", "/jobs/{job}", Credential::token, kWorkers, &H::delete_job},
    {"POST", "/jobs/{job}/edit", Credential::token, kMakers, &H::post_edit},
    {"POST", "/jobs/{job}/retry", Credential::token, kMakers | role_bit(Role::leader),
     &H::post_retry},
    {"POST", "/jobs/{job}/move", Credential::token, kLeaders, &H::post_move},
    {"POST", "/jobs/{job}/release", Credential::token, kLeaders, &H::post_release},
    {"GET", "/jobs/{job}/results/{n}", Credential::token_or_ticket, kEverybody, &H::get_result},

    {"GET", "/workshops", Credential::token, kLeaders, &H::get_workshops},
    {"POST", "/workshops", Credential::token, kLeaders, &H::post_workshops},
    {"GET", "/workshops/{workshop}", Credential::token, kLeaders, &H::get_workshop},
    {"PATCH", "/workshops/{workshop}", Credential::token, kLeaders, &H::patch_workshop},
    {"DELETE", "/workshops/{workshop}", Credential::token, kLeaders, &H::delete_workshop},
    {"POST", "/workshops/{workshop}/check", Credential::token, kLeaders, &H::post_check},
    {"POST", "/workshops/{workshop}/warm", Credential::token, kLeaders, &H::post_warm},
    {"POST", "/workshops/{workshop}/start", Credential::token, kLeaders, &H::post_start},
    {"POST", "/workshops/{workshop}/pause", Credential::token, kLeaders, &H::post_pause},
    {"POST", "/workshops/{workshop}/resume", Credential::token, kLeaders, &H::post_resume},
    {"POST", "/workshops/{workshop}/focus", Credential::token, kLeaders, &H::post_focus},
    {"POST", "/workshops/{workshop}/end", Credential::token, kLeaders, &H::post_end},
    {"POST", "/workshops/{workshop}/export", Credential::token, kLeaders, &H::post_export},
    {"POST", "/workshops/{workshop}/board", Credential::token, kLeaders, &H::post_board},

    {"GET", "/models", Credential::token, kEverybody, &H::get_models},
    {"GET", "/backends", Credential::token, kLeaders, &H::get_backends},
    {"GET", "/residency", Credential::token, kLeaders, &H::get_residency},
    {"PUT", "/residency/preload", Credential::token, kAdmins, &H::put_preload},
    {"GET", "/residency/history", Credential::token, kLeaders, &H::get_memory_history},
    {"GET", "/ledger", Credential::token, kLeaders, &H::get_ledger},
    {"GET", "/diagnosis", Credential::token, kLeaders, &H::get_diagnosis},
});

std::string_view next_segment(std::string_view& path) {
  path.remove_prefix(1);  // '/'
  const std::size_t end = std::min(path.find('/'), path.size());
  const std::string_view segment = path.substr(0, end);
  path.remove_prefix(end);
  return segment;
}

// The decoded parameters if the path has this pattern.
std::optional<std::vector<std::string>> fit(std::string_view pattern, std::string_view path) {
  std::vector<std::string> parameters;
  while (!pattern.empty() && !path.empty()) {
    if (path.front() != '/') return std::nullopt;
    const std::string_view expected = next_segment(pattern);
    const auto segment = net::percent_decode(next_segment(path));
    if (!segment) return std::nullopt;
    if (expected.starts_with('{')) {
      if (segment->empty()) return std::nullopt;
      parameters.push_back(*segment);
    } else if (*segment != expected) {
      return std::nullopt;
    }
  }
  if (!pattern.empty() || !path.empty()) return std::nullopt;
  return parameters;
}

bool is_stream(const Route& route) {
  return route.pattern == "/events";
}

bool serves(const Route& route, std::string_view method) {
  return route.method == method || (method == "HEAD" && route.method == "GET" && !is_stream(route));
}

}  // namespace

std::span<const Route> all_routes() {
  return kRoutes;
}

RouteMatch match_route(std::string_view method, std::string_view path) {
  RouteMatch match;
  if (!path.starts_with(kApiPrefix)) return match;
  path.remove_prefix(kApiPrefix.size());
  if (path.empty()) return match;
  const auto allow = [&match](std::string_view word) { match.allow.append(word).append(", "); };
  for (const Route& route : kRoutes) {
    auto parameters = fit(route.pattern, path);
    if (!parameters) continue;
    allow(route.method);
    if (route.method == "GET" && !is_stream(route)) allow("HEAD");
    if (!serves(route, method)) continue;
    match.route = &route;
    match.parameters = std::move(*parameters);
  }
  if (!match.allow.empty()) match.allow.append("OPTIONS");
  return match;
}

}  // namespace stoker::api
