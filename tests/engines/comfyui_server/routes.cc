#include "tests/engines/comfyui_server/routes.h"

#include <algorithm>
#include <array>
#include <boost/system/error_code.hpp>
#include <cstdio>
#include <utility>

namespace stoker::engines::comfyui {
namespace {

std::string without_port(std::string_view host) {
  const std::size_t colon = host.rfind(':');
  return std::string(colon == std::string_view::npos ? host : host.substr(0, colon));
}

bool is_loopback(std::string_view host) {
  const std::string name = without_port(host);
  return name == "localhost" || name == "127.0.0.1" || name == "[::1]";
}

}  // namespace

Reply Reply::of_json(const json::value& value, int status_code) {
  return {.status = status_code,
          .type = "application/json; charset=utf-8",
          .body = json::serialize(value)};
}

Reply Reply::text(int status_code, std::string_view words) {
  return {.status = status_code, .type = "text/plain; charset=utf-8", .body = std::string(words)};
}

Reply Reply::crash() {
  return text(500, "500 Internal Server Error\n\nServer got itself in trouble");
}

std::string Asked::query(std::string_view name) const {
  return net::query_value(head.query, name).value_or("");
}

bool Asked::has_query(std::string_view name) const {
  return net::query_value(head.query, name).has_value();
}

std::optional<json::object> Asked::json_object() const {
  boost::system::error_code fault;
  json::value value = json::parse(body, fault);
  if (fault || !value.is_object()) return std::nullopt;
  return std::move(value.get_object());
}

const std::vector<Routes::Route>& Routes::table() {
  static const std::vector<Route> kTable = {
      {"GET", "/prompt", &Routes::get_prompt},
      {"POST", "/prompt", &Routes::post_prompt},
      {"GET", "/queue", &Routes::get_queue},
      {"POST", "/queue", &Routes::post_queue},
      {"POST", "/interrupt", &Routes::interrupt},
      {"POST", "/free", &Routes::free},
      {"GET", "/history", &Routes::get_history},
      {"GET", "/history/", &Routes::get_history_of},
      {"POST", "/history", &Routes::post_history},
      {"GET", "/view", &Routes::view},
      {"GET", "/view_metadata/", &Routes::view_metadata},
      {"POST", "/upload/image", &Routes::upload},
      {"POST", "/upload/mask", &Routes::upload},
      {"GET", "/system_stats", &Routes::system_stats},
      {"GET", "/features", &Routes::features},
      {"GET", "/object_info", &Routes::object_info},
      {"GET", "/object_info/", &Routes::object_info_of},
      {"GET", "/embeddings", &Routes::embeddings},
      {"GET", "/models", &Routes::models},
      {"GET", "/models/", &Routes::models_of},
      {"GET", "/api/jobs", &Routes::list_jobs, true},
      {"GET", "/api/jobs/", &Routes::get_job, true},
      {"POST", "/api/jobs/cancel", &Routes::cancel_jobs, true},
      {"POST", "/api/jobs/", &Routes::cancel_job, true},
  };
  return kTable;
}

// Host and Origin that differ, while the server listens to this machine only.
std::optional<Reply> Routes::refuse_origin(const net::RequestHead& head) const {
  if (state_.flags.cors) return std::nullopt;
  const auto host = head.headers.find("Host");
  const auto origin = head.headers.find("Origin");
  if (state_.recent() && head.headers.find("Sec-Fetch-Site").value_or("") == "cross-site")
    return Reply::empty(403);
  if (!host || !origin || !is_loopback(*host)) return std::nullopt;
  const std::size_t scheme = origin->find("://");
  const std::string_view origin_host =
      scheme == std::string_view::npos ? *origin : origin->substr(scheme + 3);
  if (origin_host == *host) return std::nullopt;
  return Reply::empty(403);
}

Reply Routes::dispatch(const net::RequestHead& head, const std::string& body) {
  const std::string full = net::percent_decode(head.path).value_or("");
  std::vector<std::string> declared{full};
  if (full.starts_with("/api/")) declared.push_back(full.substr(4));
  const std::string method = head.method == "HEAD" ? "GET" : head.method;
  bool known = false;
  for (const std::string& path : declared) {
    for (const Route& route : table()) {
      if (route.recent_only && !state_.recent()) continue;
      const bool open = route.path.ends_with('/');
      const bool fits = open ? path.starts_with(route.path) && path.size() > route.path.size()
                             : path == route.path;
      if (!fits) continue;
      known = true;
      if (route.method != method) continue;
      const std::string rest = open ? path.substr(route.path.size()) : std::string();
      return (this->*route.answer)({.head = head, .path = path, .rest = rest, .body = body});
    }
  }
  if (known) return Reply::text(405, "405: Method Not Allowed");
  return Reply::text(404, "404: Not Found");
}

net::Task<void> Routes::answer(net::Exchange& exchange, const std::string& body) {
  const net::RequestHead& head = exchange.head();
  std::optional<Reply> reply = refuse_origin(head);
  if (!reply && (head.path == "/ws" || head.path == "/api/ws") && head.method == "GET")
    co_return co_await serve_socket(exchange);
  if (!reply && body.size() > state_.flags.upload_bytes_max)
    reply = Reply::text(413, "413: Request Entity Too Large");
  if (!reply && state_.flags.cors && head.method == "OPTIONS") reply = Reply::empty();
  if (!reply) reply = dispatch(head, body);
  net::ResponseHead answer_head{.status = reply->status, .headers = reply->headers};
  if (!reply->type.empty()) answer_head.headers.set("Content-Type", reply->type);
  if (state_.flags.cors) {
    answer_head.headers.set("Access-Control-Allow-Origin", *state_.flags.cors);
    answer_head.headers.set("Access-Control-Allow-Methods",
                            "POST, GET, DELETE, PUT, OPTIONS, PATCH");
    answer_head.headers.set("Access-Control-Allow-Headers", "Content-Type, Authorization");
    answer_head.headers.set("Access-Control-Allow-Credentials", "true");
  }
  co_await exchange.respond(std::move(answer_head), std::move(reply->body));
}

net::Task<void> Routes::serve_socket(net::Exchange& exchange) {
  std::string client_id = net::query_value(exchange.head().query, "clientId").value_or("");
  if (client_id.empty()) {
    std::array<char, 33> made{};
    std::snprintf(made.data(), made.size(), "%032llx",
                  static_cast<unsigned long long>(++state_.minted));
    client_id = made.data();
  }
  const auto greet = [this, client_id] {
    state_.sockets.send(client_id, "status", {{"status", state_.status()}, {"sid", client_id}});
    const auto& running = state_.running;
    if (running && running->item.client_id() == client_id && !running->node.empty())
      state_.sockets.send(client_id, "executing", {{"node", running->node}});
    state_.watch.changed();
  };
  co_await state_.sockets.serve(exchange, client_id, greet, state_.features());
}

}  // namespace stoker::engines::comfyui
