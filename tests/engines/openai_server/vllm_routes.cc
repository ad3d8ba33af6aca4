// Sleeping and waking, as vLLM does it.
#include "tests/engines/openai_server/engine.h"

namespace stoker::engines::openai {

namespace json = boost::json;

net::Task<void> Engine::sleep(net::Exchange& exchange, std::string, Life& life) {
  if (!options_.sleep_mode) {
    co_return co_await answer_json(exchange, json::object{{"detail", "Not Found"}}, 404);
  }
  const std::string& query = exchange.head().query;
  const std::string level = net::query_value(query, "level").value_or("1");
  const std::string mode = net::query_value(query, "mode").value_or("abort");
  if (mode == "abort") {
    for (Life* const running : std::set(running_)) running->end();
  }
  Entry& entry = models_.first();
  while (mode == "wait" && entry.in_use > 0) {
    if (!co_await models_.moved(life)) co_return;
  }
  if (level == "0") {
    paused_ = true;
  } else {
    if (level == "2") entry.weights_valid = false;
    models_.begin_sleep(entry);
  }
  co_await answer(exchange, 200, {}, {});
}

net::Task<void> Engine::wake_up(net::Exchange& exchange, std::string, Life&) {
  if (!options_.sleep_mode) {
    co_return co_await answer_json(exchange, json::object{{"detail", "Not Found"}}, 404);
  }
  paused_ = false;
  Entry& entry = models_.first();
  const auto tags = net::query_value(exchange.head().query, "tags");
  if (tags == "weights") entry.weights_awake = true;
  if (!tags || (tags == "kv_cache" && entry.weights_awake)) models_.begin_wake(entry);
  co_await answer(exchange, 200, {}, {});
}

net::Task<void> Engine::is_sleeping(net::Exchange& exchange, std::string, Life&) {
  if (!options_.sleep_mode) {
    co_return co_await answer_json(exchange, json::object{{"detail", "Not Found"}}, 404);
  }
  co_await answer_json(
      exchange, json::object{{"is_sleeping", models_.first().status != Status::loaded || paused_}});
}

net::Task<void> Engine::collective_rpc(net::Exchange& exchange, std::string body, Life&) {
  const auto object = parse_object(body);
  if (!object) co_return co_await refuse(exchange, object.error());
  Entry& entry = models_.first();
  if (text_of(*object, "method") == "reload_weights" && entry.weights_awake) {
    entry.weights_valid = true;
  }
  co_await answer_json(exchange, json::object{{"results", {nullptr}}});
}

}  // namespace stoker::engines::openai
