// What llama.cpp's server has beside the common routes, alone and as a router.
#include <boost/json/array.hpp>

#include "tests/engines/openai_server/engine.h"

namespace stoker::engines::openai {

namespace json = boost::json;

std::expected<Entry*, Refusal> Engine::named_in(std::string_view body, std::string_view field) {
  const auto object = parse_object(body);
  if (!object) return std::unexpected(object.error());
  return named(text_of(*object, field));
}

net::Task<void> Engine::slots(net::Exchange& exchange, std::string, Life&) {
  if (!options_.slots_endpoint) {
    co_return co_await refuse(exchange, {.status = 501,
                                         .type = "not_supported_error",
                                         .message = "This server does not support slots"});
  }
  const auto entry = named(net::query_value(exchange.head().query, "model").value_or(""));
  if (!entry) co_return co_await refuse(exchange, entry.error());
  const std::size_t taken = (*entry)->slots_taken;
  if (flag_in_query(exchange.head(), "fail_on_no_slot", false) && taken >= options_.slots) {
    co_return co_await refuse(
        exchange, {.status = 503, .type = "unavailable_error", .message = "no slot available"});
  }
  json::array list;
  for (std::size_t id = 0; id < options_.slots; ++id) {
    list.push_back(json::object{{"id", id},
                                {"id_task", id < taken ? static_cast<std::int64_t>(id) : -1},
                                {"n_ctx", (*entry)->model.context_length},
                                {"is_processing", id < taken},
                                {"params", json::object()},
                                {"next_token", json::object()}});
  }
  co_await answer_json(exchange, list);
}

net::Task<void> Engine::props(net::Exchange& exchange, std::string, Life&) {
  const auto entry = named(net::query_value(exchange.head().query, "model").value_or(""));
  if (!entry) co_return co_await refuse(exchange, entry.error());
  co_await answer_json(
      exchange,
      json::object{{"total_slots", options_.slots},
                   {"model_path", "/models/" + (*entry)->model.id + ".gguf"},
                   {"chat_template", "{{ messages }}"},
                   {"modalities", {{"vision", false}, {"audio", false}}},
                   {"is_sleeping", (*entry)->status == Status::sleeping},
                   {"default_generation_settings", {{"n_ctx", (*entry)->model.context_length}}}});
}

net::Task<void> Engine::router_load(net::Exchange& exchange, std::string body, Life&) {
  const auto entry = named_in(body, "model");
  if (!entry) co_return co_await refuse(exchange, entry.error());
  models_.begin_load(**entry);
  co_await answer_json(exchange, json::object{{"success", true}});
}

net::Task<void> Engine::router_unload(net::Exchange& exchange, std::string body, Life&) {
  const auto entry = named_in(body, "model");
  if (!entry) co_return co_await refuse(exchange, entry.error());
  models_.begin_unload(**entry);
  co_await answer_json(exchange, json::object{{"success", true}});
}

}  // namespace stoker::engines::openai
