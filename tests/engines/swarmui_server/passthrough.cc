#include "tests/engines/swarmui_server/passthrough.h"

#include <algorithm>
#include <boost/system/error_code.hpp>
#include <utility>

namespace stoker::engines::swarmui {
namespace {

constexpr std::string_view kPrefix = "/ComfyBackendDirect";
constexpr std::size_t kRewrittenBytesMax = 80 * 1024;
constexpr const char* kOwnSid = "swarm-passthrough";

// JSON with two spaces of indentation.
std::string indented(const json::value& value, std::size_t depth = 0) {
  const std::string inner = "\n" + std::string(2 * (depth + 1), ' ');
  const std::string outer = "\n" + std::string(2 * depth, ' ');
  std::string text;
  if (const json::object* object = value.if_object(); object != nullptr && !object->empty()) {
    for (const auto& [name, item] : *object) {
      text += (text.empty() ? "{" : ",") + inner + json::serialize(json::value(name)) + ": ";
      text += indented(item, depth + 1);
    }
    return text + outer + "}";
  }
  if (const json::array* array = value.if_array(); array != nullptr && !array->empty()) {
    for (const json::value& item : *array)
      text += (text.empty() ? "[" : ",") + inner + indented(item, depth + 1);
    return text + outer + "]";
  }
  return json::serialize(value);
}

// Small frames with data are written anew; `sid` becomes SwarmUI's own.
std::string rewritten(std::string frame) {
  boost::system::error_code fault;
  json::value value = json::parse(frame, fault);
  if (fault || frame.size() >= kRewrittenBytesMax || !value.is_object()) return frame;
  json::value* data = value.get_object().if_contains("data");
  if (data == nullptr || !data->is_object()) return frame;
  if (data->get_object().contains("sid")) data->get_object()["sid"] = kOwnSid;
  return indented(value);
}

// Holds the client itself: it may outlive the server that began it.
net::Task<void> send_free(std::shared_ptr<net::HttpClient> client, const ComfyUiServer* comfy,
                          bool whole) {
  if (comfy == nullptr) co_return;
  net::ClientRequest request{
      .method = "POST",
      .url = comfy->url(),
      .target = "/free",
      .body = json::serialize(json::object{{"unload_models", true}, {"free_memory", whole}})};
  auto response = co_await client->send(std::move(request));
  if (response) static_cast<void>(co_await (*response)->read_all(kEngineBodyBytesMax));
}

net::Task<void> pump_down(std::shared_ptr<Outlet> down, std::shared_ptr<Outlet> up) {
  while (!up->closed() && !down->closed()) {
    auto message = co_await up->read();
    if (!message) break;
    if (message->binary) {
      down->push_binary(std::move(message->bytes));
    } else {
      down->push(rewritten(std::move(message->bytes)));
    }
  }
  down->close();
}

}  // namespace

bool Passthrough::has_backend() const {
  return state_.options.comfy != nullptr && std::ranges::any_of(state_.backends, [](const auto& b) {
           return b->status == SwarmBackendStatus::running;
         });
}

bool Passthrough::refused(const net::RequestHead& head) const {
  return state_.denied.contains("comfy_direct_calls") ||
         (head.method == "POST" && state_.denied.contains("comfy_backend_generate"));
}

net::Task<void> Passthrough::answer(net::Exchange& exchange, const std::string& body) {
  const net::RequestHead& head = exchange.head();
  if (refused(head)) {
    co_return co_await stoker::engines::answer(exchange, 401, "text/html", "<h1>Unauthorized</h1>");
  }
  if (!has_backend()) {
    co_return co_await stoker::engines::answer(
        exchange, 400, "text/html", "<h1>No ComfyUI backend available, loading failed.</h1>");
  }
  if (head.headers.find("Upgrade")) co_return co_await bridge(exchange);
  if (head.method == "POST" && head.path == std::string(kPrefix) + "/interrupt") {
    boost::system::error_code fault;
    const json::value request = json::parse(body, fault);
    if (fault || !request.is_object()) {
      co_return co_await stoker::engines::answer(exchange, 500, "text/html",
                                                 "<h1>Internal error</h1>");
    }
  }
  co_await forward(exchange, body);
}

// The method, the query and the body go on; of the headers only the type of a POST.
net::Task<void> Passthrough::forward(net::Exchange& exchange, const std::string& body) {
  const net::RequestHead& head = exchange.head();
  net::ClientRequest request{.method = head.method,
                             .url = state_.options.comfy->url(),
                             .target = head.target.substr(kPrefix.size()),
                             .body = body};
  if (!request.target.starts_with('/')) request.target = "/" + request.target;
  const auto type = head.headers.find("Content-Type");
  if (head.method == "POST" && type) request.headers.add("Content-Type", *type);
  auto response = co_await client_->send(std::move(request));
  if (!response) {
    co_return co_await stoker::engines::answer(
        exchange, 400, "text/html", "<h1>No ComfyUI backend available, loading failed.</h1>");
  }
  const int status = (*response)->head().status;
  const std::string answered_type((*response)->head().headers.find("Content-Type").value_or(""));
  auto answered = co_await (*response)->read_all(kEngineBodyBytesMax);
  if (!answered) co_return exchange.abort();
  co_await stoker::engines::answer(exchange, status, answered_type, std::move(*answered));
}

net::Task<void> Passthrough::bridge(net::Exchange& exchange) {
  std::string target = exchange.head().target.substr(kPrefix.size());
  auto above =
      co_await client_->open_websocket(state_.options.comfy->url(), std::move(target), {}, {});
  if (!above) {
    co_return co_await stoker::engines::answer(exchange, 400, "text/html",
                                               "<h1>No ComfyUI backend available</h1>");
  }
  auto below = co_await exchange.accept_websocket();
  if (!below) co_return;
  const auto up = std::make_shared<Outlet>(state_.network, std::move(*above));
  const auto down = std::make_shared<Outlet>(state_.network, std::move(*below));
  state_.network.spawn(pump_down(down, up));
  while (!down->closed()) {
    auto message = co_await down->read();
    if (!message) break;
    if (message->binary) {
      up->push_binary(std::move(message->bytes));
    } else {
      up->push(std::move(message->bytes));
    }
  }
  up->cut();
}

net::Task<void> Passthrough::free(bool whole) {
  return send_free(client_, state_.options.comfy, whole);
}

}  // namespace stoker::engines::swarmui
