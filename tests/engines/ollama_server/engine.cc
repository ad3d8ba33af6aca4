#include "tests/engines/ollama_server/engine.h"

#include <algorithm>
#include <array>
#include <boost/json/object.hpp>

#include "tests/engines/ollama_server/wire.h"

namespace stoker::engines::ollama {
namespace {

namespace json = boost::json;

bool private_address(std::string_view host) {
  return host == "::1" || host.starts_with("127.") || host.starts_with("10.") ||
         host.starts_with("192.168.") || host == "0.0.0.0";
}

bool known_name(std::string_view host) {
  return host.empty() || host == "localhost" || host.ends_with(".localhost") ||
         host.ends_with(".local") || host.ends_with(".internal");
}

std::string_view without_port(std::string_view host) {
  if (host.starts_with('[')) return host.substr(1, host.find(']') - 1);
  return host.substr(0, host.find(':'));
}

// Ollama on a loopback address refuses other hosts, and pages of other origins.
bool refused_by_host(const net::Headers& headers) {
  const std::string_view host = without_port(headers.find("Host").value_or(""));
  return !private_address(host) && !known_name(host);
}

bool refused_by_origin(const net::Headers& headers) {
  const auto origin = headers.find("Origin");
  if (!origin) return false;
  const std::size_t scheme = origin->find("://");
  if (scheme == std::string_view::npos) return true;
  const std::string_view host = without_port(origin->substr(scheme + 3));
  return host != "localhost" && host != "127.0.0.1" && host != "0.0.0.0";
}

std::vector<OllamaModel> with_full_names(std::vector<OllamaModel> models) {
  for (OllamaModel& model : models) {
    model.name = full_name(model.name).value_or(model.name);
    if (model.blob.empty()) model.blob = model.name;
  }
  return models;
}

}  // namespace

Engine::Engine(World world, OllamaOptions options)
    : world_(std::move(world)),
      options_(std::move(options)),
      models_(with_full_names(options_.models)),
      residency_({.network = world_.network,
                  .watch = world_.watch,
                  .gates = world_.gates,
                  .faults = world_.faults,
                  .now = world_.now},
                 options_, counters_) {}

const OllamaModel* Engine::find(std::string_view name) const {
  const auto full = full_name(name);
  if (!full || name.empty()) return nullptr;
  const auto found = std::ranges::find(models_, *full, &OllamaModel::name);
  return found == models_.end() ? nullptr : &*found;
}

std::optional<Refusal> Engine::cloud_refusal(std::string_view name) {
  if (!names_cloud(name)) return std::nullopt;
  if (!options_.no_cloud_source.empty()) {
    return Refusal{403, "ollama cloud is disabled: remote inference is unavailable"};
  }
  ++counters_.cloud_requests;
  return Refusal{502, "ollama cloud is unreachable"};
}

std::span<const Engine::Row> Engine::rows() {
  static constexpr std::array kRows{
      Row{"GET", "/", &Engine::root},
      Row{"HEAD", "/", &Engine::root},
      Row{"GET", "/api/version", &Engine::version},
      Row{"HEAD", "/api/version", &Engine::version},
      Row{"GET", "/api/tags", &Engine::tags},
      Row{"HEAD", "/api/tags", &Engine::tags},
      Row{"GET", "/api/ps", &Engine::ps},
      Row{"GET", "/api/status", &Engine::status},
      Row{"POST", "/api/show", &Engine::show},
      Row{"POST", "/api/generate", &Engine::generate},
      Row{"POST", "/api/chat", &Engine::chat},
      Row{"POST", "/v1/chat/completions", &Engine::v1_chat},
      Row{"POST", "/v1/completions", &Engine::v1_completions},
      Row{"POST", "/api/embed", &Engine::embed},
      Row{"POST", "/api/embeddings", &Engine::embeddings},
      Row{"POST", "/v1/embeddings", &Engine::v1_embeddings},
      Row{"POST", "/api/create", &Engine::create},
      Row{"POST", "/api/pull", &Engine::pull},
      Row{"POST", "/api/push", &Engine::push},
      Row{"POST", "/api/copy", &Engine::copy},
      Row{"DELETE", "/api/delete", &Engine::remove},
      Row{"POST", "/api/blobs/", &Engine::blob_upload},
      Row{"HEAD", "/api/blobs/", &Engine::blob_exists},
      Row{"POST", "/api/me", &Engine::account},
      Row{"POST", "/api/signout", &Engine::account},
      Row{"DELETE", "/api/user/keys/", &Engine::account},
      Row{"POST", "/api/experimental/web_search", &Engine::cloud_only},
      Row{"POST", "/api/experimental/web_fetch", &Engine::cloud_only},
      Row{"GET", "/api/experimental/model-recommendations", &Engine::cloud_only},
      Row{"GET", "/v1/models", &Engine::v1_models},
      Row{"GET", "/v1/models/", &Engine::v1_model},
  };
  return kRows;
}

const Engine::Row* Engine::row_of(const net::RequestHead& head, bool& path_known) {
  for (const Row& row : rows()) {
    const bool prefix = row.path.size() > 1 && row.path.ends_with('/');
    const bool matches = prefix
                             ? head.path.starts_with(row.path) && head.path.size() > row.path.size()
                             : head.path == row.path;
    if (!matches) continue;
    path_known = true;
    if (row.method == head.method) return &row;
  }
  return nullptr;
}

net::Task<void> Engine::serve(net::Exchange& exchange, std::string body, Life& life) {
  const net::RequestHead& head = exchange.head();
  if (refused_by_host(head.headers) || refused_by_origin(head.headers)) {
    co_return co_await answer(exchange, 403, {}, {});
  }
  bool path_known = false;
  const Row* const row = row_of(head, path_known);
  if (row != nullptr) co_return co_await (this->*row->answer)(exchange, std::move(body), life);
  if (path_known) co_return co_await answer(exchange, 405, "text/plain", "405 method not allowed");
  co_await answer(exchange, 404, "text/plain", "404 page not found");
}

net::Task<void> Engine::root(net::Exchange& exchange, std::string, Life&) {
  co_await answer(exchange, 200, "text/plain; charset=utf-8", "Ollama is running");
}

net::Task<void> Engine::version(net::Exchange& exchange, std::string, Life&) {
  co_await answer_json(exchange, json::object{{"version", options_.version}});
}

net::Task<void> Engine::status(net::Exchange& exchange, std::string, Life&) {
  const std::string& source = options_.no_cloud_source;
  json::object cloud{{"disabled", !source.empty()}, {"source", source.empty() ? "none" : source}};
  co_await answer_json(exchange, json::object{{"cloud", std::move(cloud)}});
}

net::Task<void> refuse(net::Exchange& exchange, Refusal refusal) {
  if (refusal.status == kCut) exchange.abort();
  if (refusal.status <= 0) co_return;
  const bool v1 = exchange.head().path.starts_with("/v1/");
  std::string body = v1 ? v1_error(refusal.status, refusal.text) : error_json(refusal.text);
  co_await answer(exchange, refusal.status, kJsonType, std::move(body));
}

net::Task<void> answer_json(net::Exchange& exchange, const json::value& value) {
  co_await answer(exchange, 200, kJsonType, go_json(value));
}

}  // namespace stoker::engines::ollama

namespace stoker::engines {

OllamaServer::OllamaServer(net::Network& network, OllamaOptions options)
    : EngineServer(network),
      engine_(std::make_unique<ollama::Engine>(
          ollama::Engine::World{.network = network,
                                .watch = watch(),
                                .gates = gates(),
                                .faults = faults(),
                                .now = [this] { return now(); },
                                .timestamp = [this](Duration offset) { return timestamp(offset); },
                                .unix_s = [this] { return unix_s(); }},
          std::move(options))) {
  start();
}

OllamaServer::~OllamaServer() {
  stop();
}

OllamaCounters OllamaServer::counters() {
  return on_network(network(), [this] { return engine_->counters(); });
}

bool OllamaServer::wait_for(std::function<bool(const OllamaCounters&)> holds) {
  return wait_until([this, holds = std::move(holds)] { return holds(engine_->counters()); });
}

std::vector<OllamaResident> OllamaServer::resident() {
  return on_network(network(), [this] {
    std::vector<OllamaResident> all;
    for (const ollama::Runner* const runner : engine_->residency().runners()) {
      all.push_back({.name = ollama::short_name(runner->model.name),
                     .size = runner->size,
                     .size_vram = runner->size_vram,
                     .context_length = runner->settings.num_ctx,
                     .in_use = runner->references,
                     .leaving = runner->leaving});
    }
    return all;
  });
}

bool OllamaServer::is_loaded(std::string_view name) {
  const auto full = ollama::full_name(name);
  const std::string shown = full ? ollama::short_name(*full) : std::string();
  return std::ranges::any_of(resident(), [&](const auto& model) { return model.name == shown; });
}

std::size_t OllamaServer::queued() {
  return on_network(network(), [this] { return engine_->residency().queued(); });
}

std::int64_t OllamaServer::gpu_bytes_in_use() {
  return on_network(network(), [this] { return engine_->residency().gpu_bytes_in_use(); });
}

void OllamaServer::set_foreign_gpu_bytes(std::int64_t bytes) {
  on_network(network(), [&] { engine_->residency().set_foreign_bytes(bytes); });
}

net::Task<void> OllamaServer::handle(net::Exchange& exchange, std::string body, Life& life) {
  return engine_->serve(exchange, std::move(body), life);
}

void OllamaServer::forget() {
  engine_->residency().forget();
}

void OllamaServer::time_passed() {
  engine_->residency().time_passed();
}

}  // namespace stoker::engines
