#include "tests/engines/openai_server/engine.h"

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>

namespace stoker::engines::openai {
namespace {

namespace json = boost::json;

constexpr unsigned bit(Flavour flavour) {
  return 1u << static_cast<unsigned>(flavour);
}

constexpr unsigned kLlama = bit(Flavour::llama_cpp);
constexpr unsigned kRouter = bit(Flavour::llama_cpp_router);
constexpr unsigned kVllm = bit(Flavour::vllm);
constexpr unsigned kLocalAi = bit(Flavour::localai);
constexpr unsigned kSd = bit(Flavour::sd_cpp);
constexpr unsigned kStudio = bit(Flavour::lm_studio);
constexpr unsigned kTexts = kLlama | kRouter | kVllm | kLocalAi | kStudio;
constexpr unsigned kAll = kTexts | kSd;
constexpr bool kOpen = false;  // answers without a key

std::string_view default_type(Flavour flavour, int status) {
  if (flavour == Flavour::localai) return "";
  if (flavour == Flavour::vllm) return status == 404 ? "NotFoundError" : "BadRequestError";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

}  // namespace

Engine::Engine(World world, OpenAiOptions options)
    : world_(std::move(world)),
      options_(std::move(options)),
      models_(world_, options_, counters_),
      image_ended_(world_.network, world_.watch) {
  for (const Gate gate : options_.held) world_.gates.hold(gate);
}

std::span<const Engine::Row> Engine::rows() {
  static constexpr std::array kRows{
      Row{kTexts, "POST", "/v1/chat/completions", &Engine::chat},
      Row{kTexts, "POST", "/v1/completions", &Engine::completions},
      Row{kTexts, "POST", "/v1/embeddings", &Engine::embeddings},
      Row{kAll, "GET", "/v1/models", &Engine::models_list},
      Row{kTexts, "GET", "/v1/models/", &Engine::one_model},
      Row{kLlama | kRouter | kVllm, "GET", "/health", &Engine::health, kOpen},
      Row{kLlama | kRouter, "GET", "/v1/health", &Engine::health, kOpen},
      Row{kVllm, "GET", "/ping", &Engine::health, kOpen},
      Row{kLocalAi, "GET", "/healthz", &Engine::health, kOpen},
      Row{kLocalAi, "GET", "/readyz", &Engine::ready, kOpen},
      Row{kLlama | kRouter | kVllm | kLocalAi, "GET", "/metrics", &Engine::metrics},
      Row{kVllm, "GET", "/version", &Engine::version},
      Row{kLlama | kRouter, "GET", "/slots", &Engine::slots},
      Row{kLlama | kRouter, "GET", "/props", &Engine::props},
      Row{kLlama | kRouter, "GET", "/models", &Engine::models_list},
      Row{kRouter, "POST", "/models/load", &Engine::router_load},
      Row{kRouter, "POST", "/models/unload", &Engine::router_unload},
      Row{kVllm, "POST", "/sleep", &Engine::sleep},
      Row{kVllm, "POST", "/wake_up", &Engine::wake_up},
      Row{kVllm, "GET", "/is_sleeping", &Engine::is_sleeping},
      Row{kVllm, "POST", "/collective_rpc", &Engine::collective_rpc},
      Row{kLocalAi, "POST", "/backend/load", &Engine::backend_load},
      Row{kLocalAi, "POST", "/backend/shutdown", &Engine::backend_shutdown},
      Row{kLocalAi, "GET", "/backend/monitor", &Engine::backend_monitor},
      Row{kStudio, "GET", "/api/v1/models", &Engine::studio_models},
      Row{kStudio, "POST", "/api/v1/models/load", &Engine::studio_load},
      Row{kStudio, "POST", "/api/v1/models/unload", &Engine::studio_unload},
      Row{kLocalAi | kSd, "POST", "/v1/images/generations", &Engine::images},
      Row{kSd, "POST", "/v1/images/edits", &Engine::image_edits},
      Row{kLocalAi, "GET", "/generated-images/", &Engine::picture},
      Row{kSd, "GET", "/sdcpp/v1/capabilities", &Engine::capabilities},
      Row{kSd, "POST", "/sdcpp/v1/img_gen", &Engine::img_gen},
      Row{kSd, "GET", "/sdcpp/v1/jobs/", &Engine::sd_jobs},
      Row{kSd, "POST", "/sdcpp/v1/jobs/", &Engine::sd_cancel},
  };
  return kRows;
}

Engine::Found Engine::row_of(const net::RequestHead& head) const {
  Found found;
  // LocalAI answers every path without /v1 too.
  const std::string with_v1 = is(Flavour::localai) ? "/v1" + head.path : head.path;
  for (const Row& row : rows()) {
    if ((row.flavours & bit(options_.flavour)) == 0) continue;
    const auto matches = [&](const std::string& path) {
      if (!row.path.ends_with('/')) return path == row.path;
      return path.starts_with(row.path) && path.size() > row.path.size();
    };
    if (!matches(head.path) && !matches(with_v1)) continue;
    found.path_known = true;
    if (row.method == head.method) {
      found.row = &row;
      return found;
    }
  }
  return found;
}

bool Engine::authorised(const net::Headers& headers) const {
  return options_.api_key.empty() ||
         headers.find("Authorization") ==
             std::optional<std::string_view>("Bearer " + options_.api_key);
}

void Engine::begin() {
  const bool loads_at_start = !is(Flavour::llama_cpp_router) && !is(Flavour::localai) &&
                              !is(Flavour::lm_studio) && !options_.models.empty();
  if (loads_at_start) models_.begin_load(models_.first());
  if (is(Flavour::localai)) tasks_.start(start_up());
}

net::Task<void> Engine::start_up() {
  starting_ = true;
  co_await world_.gates.pass(Gate::load, process_);
  starting_ = false;
  world_.watch.changed();
}

bool Engine::opens_late() const {
  const bool held = std::ranges::find(options_.held, Gate::load) != options_.held.end();
  return held && (is(Flavour::vllm) || is(Flavour::sd_cpp));
}

void Engine::forget() {
  models_.forget();
  tasks_.destroy_all();
  image_queue_.clear();
  image_jobs_.clear();
  painting_ = false;
  dead_ = false;
  paused_ = false;
}

net::Task<void> Engine::serve(net::Exchange& exchange, std::string body, Life& life) {
  const Found found = row_of(exchange.head());
  if (found.row != nullptr && found.row->needs_key && !authorised(exchange.head().headers)) {
    co_return co_await refuse(exchange, {.status = 401,
                                         .type = "authentication_error",
                                         .message = "Invalid API Key",
                                         .code = "invalid_api_key"});
  }
  if (found.row != nullptr) {
    co_return co_await (this->*found.row->answer)(exchange, std::move(body), life);
  }
  const int status = found.path_known ? 405 : 404;
  co_await refuse(exchange, {.status = status,
                             .type = status == 404 ? "not_found_error" : "invalid_request_error",
                             .message = status == 404 ? "File Not Found" : "Method Not Allowed"});
}

std::expected<Entry*, Refusal> Engine::named(std::string_view id) {
  const bool ignores_names = is(Flavour::llama_cpp) || is(Flavour::sd_cpp);
  Entry* const entry = ignores_names ? &models_.first() : models_.find(id);
  if (entry != nullptr) return entry;
  return std::unexpected(Refusal{.status = 404,
                                 .message = "The model `" + std::string(id) + "` does not exist.",
                                 .param = "model",
                                 .code = "model_not_found"});
}

std::optional<Refusal> Engine::refused_now(const Entry& entry) {
  if (dead_) {
    return Refusal{.status = 500, .type = "InternalServerError", .message = "EngineDeadError"};
  }
  if (is(Flavour::vllm) && (entry.status != Status::loaded || paused_)) {
    ++counters_.asked_while_asleep;
    return Refusal{.status = 500, .type = "InternalServerError", .message = "the engine is asleep"};
  }
  if (entry.status != Status::loading) return std::nullopt;
  if (is(Flavour::llama_cpp)) {
    return Refusal{.status = 503, .type = "unavailable_error", .message = "Loading model"};
  }
  if (is(Flavour::localai)) {
    return Refusal{.status = 503, .message = "model is still loading", .retry_after_s = 5};
  }
  return std::nullopt;
}

net::Task<std::expected<Entry*, Refusal>> Engine::model_for(const net::Exchange& exchange,
                                                            std::string id, Life& life) {
  auto found = named(id);
  if (!found) co_return found;
  Entry& entry = **found;
  if (auto refused = refused_now(entry)) co_return std::unexpected(std::move(*refused));
  const bool autoload = flag_in_query(exchange.head(), "autoload", options_.autoload);
  if (!co_await models_.settled(entry, life)) co_return std::unexpected(Refusal{});
  while (entry.status != Status::loaded) {
    if (!autoload && entry.status != Status::sleeping) {
      co_return std::unexpected(Refusal{.status = 400, .message = "model is not loaded"});
    }
    models_.begin_load(entry);
    if (!co_await models_.settled(entry, life)) co_return std::unexpected(Refusal{});
    if (entry.status == Status::failed) {
      co_return std::unexpected(
          Refusal{.status = 500, .type = "server_error", .message = "the model failed to load"});
    }
  }
  co_return &entry;
}

net::Task<void> Engine::refuse(net::Exchange& exchange, Refusal refusal) {
  if (refusal.status == 0) co_return;  // nobody is there
  if (refusal.type.empty()) refusal.type = default_type(options_.flavour, refusal.status);
  const bool words = is(Flavour::lm_studio);
  json::object error{{"message", refusal.message}, {"type", refusal.type}};
  error["param"] = refusal.param.empty() ? json::value() : json::value(json::string(refusal.param));
  error["code"] = refusal.status;
  if (words) {
    error["code"] = refusal.code.empty() ? json::value() : json::value(json::string(refusal.code));
  }
  for (const auto& field : refusal.extra) error[field.key()] = field.value();
  json::object body{{"error", std::move(error)}};
  if (is(Flavour::sd_cpp)) body = {{"error", refusal.message}};
  net::ResponseHead head{.status = refusal.status, .headers = {}};
  head.headers.add("Content-Type", "application/json");
  if (refusal.retry_after_s > 0) {
    head.headers.add("Retry-After", std::to_string(refusal.retry_after_s));
  }
  co_await exchange.respond(std::move(head), json::serialize(body));
}

net::Task<void> answer_json(net::Exchange& exchange, const json::value& value, int status) {
  co_await answer(exchange, status, "application/json", json::serialize(value));
}

bool flag_in_query(const net::RequestHead& head, std::string_view name, bool otherwise) {
  const auto value = net::query_value(head.query, name);
  if (!value) return otherwise;
  return *value == "1" || *value == "true";
}

}  // namespace stoker::engines::openai

namespace stoker::engines {

OpenAiServer::OpenAiServer(net::Network& network, OpenAiOptions options)
    : EngineServer(network),
      engine_(std::make_unique<openai::Engine>(openai::World{.network = network,
                                                             .watch = watch(),
                                                             .gates = gates(),
                                                             .faults = faults(),
                                                             .now = [this] { return now(); },
                                                             .unix_s = [this] { return unix_s(); }},
                                               std::move(options))) {
  const openai::Engine& engine = *engine_;
  if (engine.opens_late()) {
    reserve_port();
  } else {
    start();
  }
}

OpenAiServer::~OpenAiServer() {
  stop();
}

OpenAiCounters OpenAiServer::counters() {
  return on_network(network(), [this] { return engine_->counters(); });
}

bool OpenAiServer::wait_for(std::function<bool(const OpenAiCounters&)> holds) {
  return wait_until([this, holds = std::move(holds)] { return holds(engine_->counters()); });
}

std::string OpenAiServer::status_of(std::string_view model) {
  return on_network(network(), [&] {
    const openai::Entry* const entry = engine_->models().find(model);
    return entry == nullptr ? std::string() : std::string(openai::status_name(entry->status));
  });
}

bool OpenAiServer::wait_for_status(std::string_view model, std::string_view status) {
  return wait_until([this, model = std::string(model), status = std::string(status)] {
    const openai::Entry* const entry = engine_->models().find(model);
    return entry != nullptr && openai::status_name(entry->status) == status;
  });
}

std::int64_t OpenAiServer::gpu_bytes_in_use() {
  return on_network(network(), [this] { return engine_->models().gpu_bytes_in_use(); });
}

void OpenAiServer::set_stream_form(StreamForm form) {
  on_network(network(), [&] { engine_->options().stream = form; });
}

void OpenAiServer::kill_engine() {
  on_network(network(), [this] { engine_->kill(); });
}

net::Task<void> OpenAiServer::handle(net::Exchange& exchange, std::string body, Life& life) {
  return engine_->serve(exchange, std::move(body), life);
}

void OpenAiServer::begin() {
  engine_->begin();
}

void OpenAiServer::forget() {
  engine_->forget();
}

void OpenAiServer::time_passed() {
  engine_->time_passed();
}

}  // namespace stoker::engines
