#include "tests/engines/swarmui_server/routes.h"

#include <algorithm>
#include <boost/system/error_code.hpp>
#include <charconv>
#include <utility>

#include "tests/engines/comfyui_server/media.h"

namespace stoker::engines::swarmui {
namespace {

constexpr std::size_t kRequestBytesMax = 200ULL * 1024 * 1024;

bool same_letters(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return lower(x) == lower(y);
  });
}

CallError basic(std::string_view error) {
  return {.status = 400, .error = std::string(error), .error_id = "basic_api"};
}

}  // namespace

json::object CallError::json() const {
  return {{"error_id", error_id}, {"error", error}};
}

std::optional<std::string> Call::text(std::string_view name) const {
  const json::value* value = request.if_contains(name);
  if (value == nullptr || value->is_null()) return std::nullopt;
  return value_text(*value);
}

std::optional<std::int64_t> Call::number(std::string_view name) const {
  const std::string words = text(name).value_or("");
  std::int64_t value = 0;
  const auto [end, fault] = std::from_chars(words.data(), words.data() + words.size(), value);
  if (fault != std::errc() || end != words.data() + words.size()) return std::nullopt;
  return value;
}

bool Call::flag(std::string_view name) const {
  return text(name).value_or("") == "true";
}

const std::vector<Routes::Route>& Routes::table() {
  static const std::vector<Route> kTable = {
      {"GetNewSession", &Routes::get_new_session, {}, false},
      {"GenerateText2Image", &Routes::generate, "basic_image_generation"},
      {"GenerateText2ImageWS", nullptr, "basic_image_generation"},
      {"GetCurrentStatus", &Routes::get_current_status},
      {"GetGlobalStatus", &Routes::get_global_status, "read_server_info_panels"},
      {"InterruptAll", &Routes::interrupt_all},
      {"ListBackends", &Routes::list_backends, "view_backends_list"},
      {"FreeBackendMemory", &Routes::free_backend_memory, "control_mem_clean"},
      {"GetServerResourceInfo", &Routes::resource_info, "read_server_info_panels"},
      {"ListModels", &Routes::list_models},
      {"DescribeModel", &Routes::describe_model},
      {"ListLoadedModels", &Routes::list_loaded_models},
      {"SelectModel", &Routes::select_model, "load_models_now"},
      {"SelectModelWS", nullptr, "load_models_now"},
      {"ComfyGetGeneratedWorkflow", &Routes::comfy_workflow, "comfy_direct_calls"},
      {"ListT2IParams", &Routes::list_params},
      {"TriggerRefresh", &Routes::trigger_refresh},
  };
  return kTable;
}

const Routes::Route* Routes::find(std::string_view name) {
  for (const Route& route : table()) {
    if (same_letters(route.name, name)) return &route;
  }
  return nullptr;
}

net::Task<void> Routes::respond(net::Exchange& exchange, int status, const json::value& body) {
  net::ResponseHead head{.status = status, .headers = {}};
  head.headers.add("Content-Type", "application/json");
  head.headers.add("Cache-Control", "no-store");
  co_await exchange.respond(std::move(head), json::serialize(body));
}

net::Task<void> Routes::answer(net::Exchange& exchange, const std::string& body, Life& life) {
  const net::RequestHead& head = exchange.head();
  const auto& wanted = state_.options.authorization;
  if (wanted && head.headers.find("Authorization").value_or("") != *wanted)
    co_return co_await stoker::engines::answer(exchange, 401, "text/plain", "Unauthorized");
  if (head.path.starts_with("/ComfyBackendDirect")) {
    co_return co_await passthrough_.answer(exchange, body);
  }
  if (head.path.starts_with("/View/")) co_return co_await answer_view(exchange);
  if (head.path.starts_with("/API/")) co_return co_await answer_api(exchange, body, life);
  co_await stoker::engines::answer(exchange, 404, "text/html", "<h1>404</h1>");
}

// What is wrong with a call before its JSON is read.
std::optional<CallError> Routes::check_head(const net::RequestHead& head,
                                            const std::string& body) const {
  const std::string type(head.headers.find("Content-Type").value_or(""));
  if (!type.starts_with("application/json"))
    return basic("bad content type (must be application/json)");
  if (!head.headers.find("Content-Length") || body.empty()) return basic("bad content length");
  if (body.size() > kRequestBytesMax) return basic("bad content length");
  return std::nullopt;
}

std::expected<std::shared_ptr<Session>, CallError> Routes::session_of(
    const net::RequestHead& head, const json::object& request) const {
  std::string id(head.headers.find("X-Session-ID").value_or(""));
  const json::value* given = request.if_contains("session_id");
  if (given != nullptr && given->is_string()) id = std::string(given->get_string());
  if (id.empty()) return std::unexpected(basic("missing session id"));
  const auto found = state_.sessions.find(id);
  if (found != state_.sessions.end()) return found->second;
  return std::unexpected(CallError{.status = 401,
                                   .error = "Invalid session ID. You may need to refresh the page.",
                                   .error_id = "invalid_session_id"});
}

std::optional<CallError> Routes::check_permission(const Route& route) const {
  if (!state_.denied.contains(route.permission)) return std::nullopt;
  return CallError{.status = 400,
                   .error = "You do not have permission to do that.",
                   .error_id = "bad_permissions"};
}

net::Task<void> Routes::answer_api(net::Exchange& exchange, const std::string& body, Life& life) {
  const net::RequestHead& head = exchange.head();
  const std::string name = net::percent_decode(head.path.substr(5)).value_or("");
  const bool socket = head.headers.find("Upgrade").has_value();
  const Route* route = find(name);
  if (head.method == "GET" && !socket) {
    net::ResponseHead away{.status = 302, .headers = {}};
    away.headers.add("Location", "/Error/NoGetAPI");
    co_await exchange.respond(std::move(away), "");
    co_return;
  }
  if (!socket) {
    if (const auto wrong = check_head(head, body))
      co_return co_await respond(exchange, wrong->status, wrong->json());
  }
  const CallError unknown{.status = 400, .error = "Unknown API route.", .error_id = "bad_route"};
  if (route == nullptr) co_return co_await respond(exchange, unknown.status, unknown.json());
  if (socket != (route->handler == nullptr)) {
    const CallError wrong{.status = 400,
                          .error = "API route is not of the right kind",
                          .error_id = "bad_request_method"};
    co_return co_await respond(exchange, wrong.status, wrong.json());
  }
  if (socket) co_return co_await answer_socket(exchange, *route);

  boost::system::error_code fault;
  const json::value parsed = json::parse(body, fault);
  if (fault || !parsed.is_object()) {
    const CallError wrong = basic("bad input (must be a JSON object)");
    co_return co_await respond(exchange, wrong.status, wrong.json());
  }
  Call call{.request = parsed.get_object(),
            .session = nullptr,
            .user = std::string(head.headers.find("X-SWARM-USER_ID").value_or("local")),
            .life = life};
  if (route->needs_session) {
    auto session = session_of(head, call.request);
    if (!session)
      co_return co_await respond(exchange, session.error().status, session.error().json());
    call.session = std::move(*session);
  }
  if (const auto wrong = check_permission(*route))
    co_return co_await respond(exchange, wrong->status, wrong->json());
  const json::object reply = co_await (this->*route->handler)(call);
  co_await respond(exchange, 200, reply);
}

net::Task<void> Routes::answer_view(net::Exchange& exchange) {
  const net::RequestHead& head = exchange.head();
  const std::string path = net::percent_decode(head.path.substr(1)).value_or("");
  const std::string user(head.headers.find("X-SWARM-USER_ID").value_or("local"));
  const auto refuse = [](std::string_view id, std::string_view error) {
    return CallError{.status = 400, .error = std::string(error), .error_id = std::string(id)};
  };
  if (path.find("..") != std::string::npos) {
    const CallError wrong = refuse("bad_path", "Bad path.");
    co_return co_await respond(exchange, wrong.status, wrong.json());
  }
  if (!path.starts_with("View/" + user + "/")) {
    const CallError wrong = refuse("invalid_user", "Invalid user.");
    co_return co_await respond(exchange, wrong.status, wrong.json());
  }
  const auto found = state_.outputs.find(path);
  if (found == state_.outputs.end()) {
    CallError wrong = refuse("file_not_found", "404, file not found.");
    wrong.status = 404;
    co_return co_await respond(exchange, wrong.status, wrong.json());
  }
  co_await stoker::engines::answer(exchange, 200, comfyui::mime_of(path), found->second);
}

std::shared_ptr<Generation> new_generation(State& state, std::shared_ptr<Session> session,
                                           Params params) {
  auto generation = std::make_shared<Generation>(state.network, state.watch);
  generation->session = std::move(session);
  generation->params = std::move(params);
  generation->request_id = std::to_string(1000 + ++state.minted);
  return generation;
}

}  // namespace stoker::engines::swarmui
