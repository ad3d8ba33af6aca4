#include "server/routes.h"

#include <algorithm>
#include <array>
#include <vector>

#include "server/pages.h"

namespace stoker::server {
namespace {

constexpr std::string_view kApi = "/api/v1/";

// Every route of the API; ":id" stands for any word, ":n" for a number.
constexpr std::array<std::string_view, 34> kApiRoutes{
    "meta",
    "messages/:id",
    "join",
    "tickets",
    "me",
    "leave",
    "events",
    "state",
    "openapi.json",
    "jobs",
    "jobs/:id",
    "jobs/:id/edit",
    "jobs/:id/retry",
    "jobs/:id/move",
    "jobs/:id/release",
    "jobs/:id/results/:n",
    "workshops",
    "workshops/:id",
    "workshops/:id/check",
    "workshops/:id/warm",
    "workshops/:id/start",
    "workshops/:id/pause",
    "workshops/:id/resume",
    "workshops/:id/focus",
    "workshops/:id/end",
    "workshops/:id/export",
    "models",
    "backends",
    "residency",
    "residency/preload",
    "ledger",
    "diagnosis",
    "audit",
    "templates",
};

std::vector<std::string_view> segments_of(std::string_view path) {
  std::vector<std::string_view> segments;
  constexpr std::size_t kSegmentsMax = 8;
  while (!path.empty() && segments.size() < kSegmentsMax) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    segments.push_back(path.substr(0, slash));
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return segments;
}

bool matches(const std::vector<std::string_view>& path,
             const std::vector<std::string_view>& route) {
  return std::ranges::equal(path, route, [](std::string_view word, std::string_view pattern) {
    return pattern.starts_with(':') ? !word.empty() : word == pattern;
  });
}

}  // namespace

std::string route_of(std::string_view path) {
  if (path == "/healthz" || path == "/readyz" || path == "/metrics") return std::string(path);
  if (path.starts_with(kApi)) {
    const auto segments = segments_of(path.substr(kApi.size()));
    for (const std::string_view route : kApiRoutes)
      if (matches(segments, segments_of(route))) return std::string(kApi) + std::string(route);
    return "/api/(unknown)";
  }
  if (page_at(path) == nullptr) return "(unknown)";
  if (path.starts_with("/assets/")) return "/assets/:file";
  if (path.starts_with("/join/")) return "/join/:code";
  return std::string(path);
}

}  // namespace stoker::server
