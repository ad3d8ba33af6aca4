// Loading and unloading at LocalAI and LM Studio.
#include <boost/json/array.hpp>

#include "tests/engines/openai_server/engine.h"

namespace stoker::engines::openai {

namespace json = boost::json;

net::Task<bool> Engine::load_for(net::Exchange& exchange, Entry& entry, Life& life) {
  if (!co_await models_.settled(entry, life)) co_return false;
  models_.begin_load(entry);
  if (!co_await models_.settled(entry, life)) co_return false;
  if (entry.status == Status::loaded) co_return true;
  co_await refuse(exchange, {.status = 500, .message = "the model failed to load"});
  co_return false;
}

net::Task<bool> Engine::unload_for(Entry& entry, Life& life) {
  models_.begin_unload(entry);
  co_return co_await models_.settled(entry, life);
}

net::Task<void> Engine::backend_load(net::Exchange& exchange, std::string body, Life& life) {
  const auto entry = named_in(body, "model");
  if (!entry) co_return co_await refuse(exchange, entry.error());
  if (co_await load_for(exchange, **entry, life)) co_await answer_json(exchange, json::object());
}

net::Task<void> Engine::backend_shutdown(net::Exchange& exchange, std::string body, Life& life) {
  const auto entry = named_in(body, "model");
  if (!entry) co_return co_await refuse(exchange, entry.error());
  if (co_await unload_for(**entry, life)) co_await answer_json(exchange, json::object());
}

net::Task<void> Engine::backend_monitor(net::Exchange& exchange, std::string body, Life&) {
  const auto entry = body.empty()
                         ? named(net::query_value(exchange.head().query, "model").value_or(""))
                         : named_in(body, "model");
  if (!entry) co_return co_await refuse(exchange, entry.error());
  const bool loaded = (*entry)->status == Status::loaded;
  if (!loaded) {
    co_return co_await refuse(exchange,
                              {.status = 500, .message = "backend is not currently loaded"});
  }
  const bool busy = (*entry)->in_use > 0;
  co_await answer_json(exchange, json::object{{"state", busy ? 1 : 2},
                                              {"memory", {{"total", (*entry)->model.gpu_bytes}}}});
}

net::Task<void> Engine::studio_models(net::Exchange& exchange, std::string, Life&) {
  json::array list;
  for (const Entry& entry : models_.all()) {
    json::array instances;
    if (entry.status == Status::loaded || entry.status == Status::leaving) {
      instances.push_back(json::object{
          {"id", entry.model.id}, {"config", {{"context_length", entry.model.context_length}}}});
    }
    list.push_back(json::object{{"type", entry.model.embeds ? "embedding" : "llm"},
                                {"key", entry.model.id},
                                {"size_bytes", entry.model.gpu_bytes},
                                {"max_context_length", entry.model.context_length},
                                {"loaded_instances", std::move(instances)}});
  }
  co_await answer_json(exchange, json::object{{"models", std::move(list)}});
}

net::Task<void> Engine::studio_load(net::Exchange& exchange, std::string body, Life& life) {
  const auto entry = named_in(body, "model");
  if (!entry) co_return co_await refuse(exchange, entry.error());
  if (!co_await load_for(exchange, **entry, life)) co_return;
  co_await answer_json(exchange,
                       json::object{{"type", (*entry)->model.embeds ? "embedding" : "llm"},
                                    {"instance_id", (*entry)->model.id},
                                    {"load_time_seconds", 1},
                                    {"status", "loaded"}});
}

net::Task<void> Engine::studio_unload(net::Exchange& exchange, std::string body, Life& life) {
  auto entry = named_in(body, "instance_id");
  if (!entry) entry = named_in(body, "model");
  if (!entry) co_return co_await refuse(exchange, entry.error());
  if (!co_await unload_for(**entry, life)) co_return;
  co_await answer_json(exchange, json::object{{"instance_id", (*entry)->model.id}});
}

}  // namespace stoker::engines::openai
