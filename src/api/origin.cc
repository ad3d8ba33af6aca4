#include "api/origin.h"

#include <algorithm>
#include <cctype>

namespace stoker::api {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// "host:8420" and "[::1]:8420" without the port; empty if it is neither.
std::string_view host_without_port(std::string_view authority) {
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) return {};
    const std::string_view rest = authority.substr(close + 1);
    if (!rest.empty() && (!rest.starts_with(':') || !all_digits(rest.substr(1)))) return {};
    return authority.substr(0, close + 1);
  }
  const std::size_t colon = authority.find(':');
  if (colon == std::string_view::npos) return authority;
  return all_digits(authority.substr(colon + 1)) ? authority.substr(0, colon) : std::string_view();
}

bool is_ipv4(std::string_view host) {
  int parts = 0;
  while (true) {
    const std::size_t dot = host.find('.');
    const std::string_view part = host.substr(0, dot);
    if (!all_digits(part) || part.size() > 3 || std::stoi(std::string(part)) > 255) return false;
    ++parts;
    if (dot == std::string_view::npos) return parts == 4;
    host = host.substr(dot + 1);
  }
}

bool is_address(std::string_view host) {
  if (!host.starts_with('[')) return is_ipv4(host);
  const std::string_view inside = host.substr(1, host.size() - 2);
  return inside.find(':') != std::string_view::npos && std::ranges::all_of(inside, [](char c) {
           return std::isxdigit(static_cast<unsigned char>(c)) != 0 || c == ':' || c == '.';
         });
}

}  // namespace

OriginCheck::OriginCheck(OriginRules rules) : rules_(std::move(rules)) {
  for (std::string& host : rules_.hosts) host = lower(host);
  for (std::string& origin : rules_.origins) origin = lower(origin);
}

bool OriginCheck::host_is_ours(const net::RequestHead& head) const {
  const auto field = head.headers.find("Host");
  if (!field) return false;
  const std::string host = lower(host_without_port(*field));
  if (host.empty()) return false;
  if (host == "localhost" || host == "127.0.0.1" || host == "[::1]") return true;
  if (std::ranges::find(rules_.hosts, host) != rules_.hosts.end()) return true;
  return rules_.reach == Reach::network && is_address(host);
}

bool OriginCheck::origin_is_ours(const net::RequestHead& head) const {
  const auto field = head.headers.find("Origin");
  if (!field) return true;
  const std::string origin = lower(*field);
  if (std::ranges::find(rules_.origins, origin) != rules_.origins.end()) return true;
  // The scheme may differ from ours when a proxy in front ends TLS.
  const std::size_t slashes = origin.find("://");
  if (slashes == std::string::npos) return false;
  const std::string scheme = origin.substr(0, slashes);
  if (scheme != "http" && scheme != "https") return false;
  const auto host = head.headers.find("Host");
  return host && lower(*host) == origin.substr(slashes + 3);
}

}  // namespace stoker::api
