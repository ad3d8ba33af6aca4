#include "server/pages.h"

#include <array>
#include <utility>

namespace stoker::server {
namespace {

constexpr std::string_view kPolicy =
    "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; frame-ancestors "
    "'none'; base-uri 'none'; "
    "form-action 'self'";
constexpr std::string_view kNotFoundBody = R"({"error":{"code":"not_found","params":{}}})";

constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kPages{{
    {"/", "web/index.html"},
    {"/board", "web/board.html"},
    {"/leader", "web/leader.html"},
    {"/admin", "web/admin.html"},
}};

std::string_view page_name(std::string_view path) {
  for (const auto& [address, name] : kPages)
    if (path == address) return name;
  constexpr std::string_view kJoin = "/join/";
  if (path.starts_with(kJoin) && path.find('/', kJoin.size()) == std::string_view::npos)
    return "web/index.html";
  return {};
}

// Whether one of the listed values is the word; parameters like ";q=0.5" are cut off, q=0 is a no.
bool accepts_gzip(std::string_view list) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    std::string_view item = list.substr(0, comma);
    list.remove_prefix(std::min(comma + 1, list.size()));
    while (!item.empty() && item.front() == ' ') item.remove_prefix(1);
    if (item.starts_with("gzip") && (item.size() == 4 || item[4] == ';' || item[4] == ' '))
      return !item.ends_with("q=0") && !item.ends_with("q=0.0");
  }
  return false;
}

// If-None-Match compares weakly: W/ in front of a tag does not matter.
bool names_tag(std::string_view list, std::string_view tag) {
  if (list == "*") return true;
  return list.find(tag) != std::string_view::npos;
}

bool never_changes(std::string_view name) {
  return name.starts_with("web/assets/");
}

PageAnswer not_found() {
  PageAnswer answer;
  answer.head.status = 404;
  answer.head.headers.add("Content-Type", "application/json");
  answer.head.headers.add("Cache-Control", "no-store");
  add_security_headers(answer.head.headers);
  answer.body = kNotFoundBody;
  return answer;
}

PageAnswer wrong_method() {
  PageAnswer answer;
  answer.head.status = 405;
  answer.head.headers.add("Allow", "GET, HEAD");
  add_security_headers(answer.head.headers);
  return answer;
}

}  // namespace

void add_security_headers(net::Headers& headers) {
  headers.add("Content-Security-Policy", kPolicy);
  headers.add("X-Content-Type-Options", "nosniff");
  headers.add("Referrer-Policy", "no-referrer");
  headers.add("Cross-Origin-Opener-Policy", "same-origin");
}

const assets::Asset* page_at(std::string_view path) {
  const std::string_view page = page_name(path);
  if (!page.empty()) {
    const assets::Asset* asset = assets::find_asset(page);
    // A program that was built without its pages has one for all.
    return asset != nullptr ? asset : assets::find_asset("web/index.html");
  }
  if (!path.starts_with('/') || path.ends_with(".html")) return nullptr;
  return assets::find_asset("web" + std::string(path));
}

PageAnswer answer_page(const net::RequestHead& request) {
  const assets::Asset* asset = page_at(request.path);
  if (asset == nullptr) return not_found();
  if (request.method != "GET" && request.method != "HEAD") return wrong_method();

  const bool packed =
      !asset->gzip.empty() && accepts_gzip(request.headers.find("Accept-Encoding").value_or(""));
  const std::string tag = "\"" + std::string(asset->hash) + (packed ? "-gz\"" : "\"");
  PageAnswer answer;
  net::Headers& headers = answer.head.headers;
  headers.add("ETag", tag);
  headers.add("Cache-Control",
              never_changes(asset->name) ? "public, max-age=31536000, immutable" : "no-cache");
  if (!asset->gzip.empty()) headers.add("Vary", "Accept-Encoding");
  add_security_headers(headers);
  if (names_tag(request.headers.find("If-None-Match").value_or(""), tag)) {
    answer.head.status = 304;
    return answer;
  }
  headers.add("Content-Type", asset->type);
  if (packed) headers.add("Content-Encoding", "gzip");
  answer.body = packed ? asset->gzip : asset->raw;
  return answer;
}

}  // namespace stoker::server
