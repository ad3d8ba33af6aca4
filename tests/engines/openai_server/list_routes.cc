// Health, lists of models and metrics.
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "tests/engines/openai_server/engine.h"

namespace stoker::engines::openai {
namespace {

namespace json = boost::json;

constexpr std::string_view kPlain = "text/plain; version=0.0.4";

json::object router_status(const Entry& entry) {
  if (entry.status == Status::failed) {
    return {{"value", "unloaded"}, {"failed", true}, {"exit_code", entry.exit_code}};
  }
  return {{"value", status_name(entry.status == Status::leaving ? Status::loaded : entry.status)}};
}

}  // namespace

std::size_t Engine::waiting_for_slots() {
  std::size_t count = 0;
  for (const Entry& entry : models_.all()) count += entry.slot_free->size();
  return count;
}

json::object Engine::model_json(const Entry& entry) const {
  const OpenAiModel& model = entry.model;
  json::object object{{"id", model.id}, {"object", "model"}, {"created", world_.unix_s()}};
  switch (options_.flavour) {
    case Flavour::llama_cpp:
      object["owned_by"] = "llamacpp";
      object["meta"] = json::object{{"n_ctx_train", model.context_length}};
      break;
    case Flavour::llama_cpp_router:
      object["owned_by"] = "llamacpp";
      object["status"] = router_status(entry);
      break;
    case Flavour::vllm:
      object["owned_by"] = "vllm";
      object["root"] = model.id;
      object["parent"] = nullptr;
      object["max_model_len"] = model.context_length;
      object["permission"] = json::array();
      break;
    case Flavour::localai:
      object.erase("created");
      break;
    case Flavour::sd_cpp:
      object["owned_by"] = "local";
      break;
    case Flavour::lm_studio:
      object["owned_by"] = "organization_owner";
      break;
  }
  return object;
}

net::Task<void> Engine::models_list(net::Exchange& exchange, std::string, Life&) {
  if (is(Flavour::sd_cpp)) {
    json::array list{
        json::object{{"id", "sd-cpp-local"}, {"object", "model"}, {"owned_by", "local"}}};
    co_return co_await answer_json(exchange, json::object{{"data", std::move(list)}});
  }
  json::array list;
  for (const Entry& entry : models_.all()) {
    // Without loading on demand, LM Studio lists what is loaded.
    const bool hidden =
        is(Flavour::lm_studio) && !options_.autoload && entry.status != Status::loaded;
    if (!hidden) list.push_back(model_json(entry));
  }
  co_await answer_json(exchange, json::object{{"object", "list"}, {"data", std::move(list)}});
}

net::Task<void> Engine::one_model(net::Exchange& exchange, std::string, Life&) {
  const std::string path = exchange.head().path;
  const std::size_t at = path.find("/models/") + std::string_view("/models/").size();
  const auto id = net::percent_decode(std::string_view(path).substr(at));
  Entry* const entry = id ? models_.find(*id) : nullptr;
  if (entry == nullptr) {
    co_return co_await refuse(exchange,
                              {.status = 404,
                               .message = "The model `" + id.value_or("") + "` does not exist.",
                               .param = "model",
                               .code = "model_not_found"});
  }
  co_await answer_json(exchange, model_json(*entry));
}

net::Task<void> Engine::health(net::Exchange& exchange, std::string, Life&) {
  if (is(Flavour::vllm)) co_return co_await answer(exchange, dead_ ? 503 : 200, {}, {});
  if (is(Flavour::localai)) co_return co_await answer(exchange, 200, "text/plain", "OK");
  const bool loading = is(Flavour::llama_cpp) && models_.first().status == Status::loading;
  if (!loading) co_return co_await answer_json(exchange, json::object{{"status", "ok"}});
  const json::object error{
      {"code", 503}, {"message", "Loading model"}, {"type", "unavailable_error"}};
  co_await answer_json(exchange, json::object{{"error", error}}, 503);
}

net::Task<void> Engine::ready(net::Exchange& exchange, std::string, Life&) {
  if (starting_) {
    co_return co_await answer_json(exchange, json::object{{"status", "starting"}}, 503);
  }
  co_await answer_json(exchange, json::object{{"status", "ready"}});
}

net::Task<void> Engine::metrics(net::Exchange& exchange, std::string, Life&) {
  if (!options_.metrics) {
    co_return co_await refuse(exchange, {.status = 501,
                                         .type = "not_supported_error",
                                         .message = "This server does not support metrics"});
  }
  const std::string running = std::to_string(counters_.running);
  const std::string waiting = std::to_string(waiting_for_slots());
  std::string text;
  if (is(Flavour::vllm)) {
    text = "vllm:num_requests_running{model_name=\"m\"} " + running + "\n" +
           "vllm:num_requests_waiting{model_name=\"m\"} 0\n";
  } else if (!is(Flavour::localai)) {
    text = "llamacpp:requests_processing " + running + "\nllamacpp:requests_deferred " + waiting +
           "\n";
  }
  co_await answer(exchange, 200, kPlain, std::move(text));
}

net::Task<void> Engine::version(net::Exchange& exchange, std::string, Life&) {
  co_await answer_json(exchange, json::object{{"version", "0.11.0"}});
}

}  // namespace stoker::engines::openai
