// The routes that answer with text.
#include <boost/json/object.hpp>

#include "tests/engines/answers.h"
#include "tests/engines/ollama_server/engine.h"
#include "tests/engines/ollama_server/running.h"
#include "tests/engines/ollama_server/wire.h"

namespace stoker::engines::ollama {

net::Task<void> Engine::generate(net::Exchange& exchange, std::string body, Life& life) {
  co_await run(exchange, parse_generate(body, installed()), life);
}

net::Task<void> Engine::chat(net::Exchange& exchange, std::string body, Life& life) {
  co_await run(exchange, parse_chat(body, installed()), life);
}

net::Task<void> Engine::v1_chat(net::Exchange& exchange, std::string body, Life& life) {
  co_await run(exchange, parse_v1_chat(body, installed()), life);
}

net::Task<void> Engine::v1_completions(net::Exchange& exchange, std::string body, Life& life) {
  co_await run(exchange, parse_v1_completion(body, installed()), life);
}

Installed Engine::installed() {
  return {.find = [this](std::string_view name) { return find(name); },
          .cloud_refusal = [this](std::string_view name) { return cloud_refusal(name); },
          .automatic_context = residency_.automatic_context()};
}

net::Task<void> Engine::run(net::Exchange& exchange, std::expected<Job, Refusal> parsed,
                            Life& life) {
  const std::string path = exchange.head().path;
  if (!parsed) {
    co_await refuse(exchange, std::move(parsed.error()));
    co_return;
  }
  Job job = std::move(*parsed);
  job.path = path;
  const auto shape = make_shape(job.route, frame_of(job));
  if (job.purpose == Purpose::unload) {
    residency_.unload(job.model);
    co_await answer(exchange, 200, kJsonType, shape->notice("unload"));
    co_return;
  }
  auto lease = co_await residency_.acquire(
      {.model = job.model, .settings = job.settings, .keep_alive = job.keep_alive}, path, life);
  if (!lease) {
    co_await refuse(exchange, std::move(lease.error()));
    co_return;
  }
  if (job.render_only) {
    boost::json::object rendered{{"model", job.model_text},
                                 {"created_at", world_.timestamp({})},
                                 {"_debug_info", {{"rendered_template", job.prompt}}}};
    co_await answer_json(exchange, rendered);
    co_return;
  }
  if (job.purpose == Purpose::load) {
    co_await answer(exchange, 200, kJsonType, shape->notice("load"));
    co_return;
  }
  co_await run_on(exchange, job, *shape, lease->runner(), life);
}

net::Task<void> Engine::run_on(net::Exchange& exchange, const Job& job, AnswerShape& shape,
                               Runner& runner, Life& life) {
  if (!co_await take_permit(runner, life)) co_return;
  const Permit permit(runner);
  const std::size_t most = can(runner.model, "embedding") ? 1 : options_.num_parallel;
  Counted counted(counters_, most - runner.permits);
  world_.watch.changed();
  if (!co_await world_.gates.pass(Gate::prefill, life)) co_return;
  if (auto fault = world_.faults.take(FaultKind::out_of_memory, job.path)) {
    residency_.unload_all();
    if (fault->text.empty())
      fault->text = "llama runner process no longer running: CUDA error: out of memory";
    co_await refuse(exchange, {500, std::move(fault->text)});
    co_return;
  }
  const bool done = job.stream ? co_await send_records(exchange, job, shape, life)
                               : co_await send_whole(exchange, job, shape, life);
  if (done) counted.finished();
}

net::Task<bool> Engine::send_records(net::Exchange& exchange, const Job& job, AnswerShape& shape,
                                     Life& life) {
  for (std::size_t sent = 0; sent <= job.records.size(); ++sent) {
    if (!co_await world_.gates.pass(Gate::token, life)) co_return false;
    if (co_await struck(exchange, shape, sent)) co_return false;
    if (!exchange.answered()) {
      net::ResponseHead head;
      head.headers.add("Content-Type", shape.stream_type());
      if (!co_await exchange.start(std::move(head))) co_return false;
    }
    const std::string text =
        sent < job.records.size() ? shape.piece(job.records[sent]) : shape.end();
    if (!co_await exchange.write(text)) co_return false;
  }
  co_return (co_await exchange.finish()).has_value();
}

net::Task<bool> Engine::send_whole(net::Exchange& exchange, const Job& job, AnswerShape& shape,
                                   Life& life) {
  for (std::size_t i = 0; i <= job.records.size(); ++i) {
    if (!co_await world_.gates.pass(Gate::token, life)) co_return false;
  }
  if (co_await struck(exchange, shape, 0)) co_return false;
  co_await answer(exchange, 200, kJsonType, shape.whole(job.records));
  co_return true;
}

net::Task<bool> Engine::struck(net::Exchange& exchange, AnswerShape& shape, std::size_t sent) {
  const std::string path = exchange.head().path;
  if (world_.faults.take(FaultKind::cut_stream, path, sent)) {
    exchange.abort();
    co_return true;
  }
  if (auto fault = world_.faults.take(FaultKind::error_in_stream, path, sent)) {
    if (fault->text.empty()) fault->text = "an error was encountered while running the model: EOF";
    if (!exchange.answered()) {
      co_await refuse(exchange, {fault->status, std::move(fault->text)});
      co_return true;
    }
    const std::string line = shape.broken(fault->text);
    co_await exchange.write(line);
    co_await exchange.finish();
    co_return true;
  }
  if (auto fault = world_.faults.take(FaultKind::garbage_in_stream, path, sent)) {
    const std::string line = (fault->text.empty() ? "{\"message\":" : fault->text) + "\n";
    if (!exchange.answered()) co_await exchange.start({});
    co_await exchange.write(line);
    co_await exchange.finish();
    co_return true;
  }
  if (!exchange.answered() || !world_.faults.take(FaultKind::end_stream, path, sent))
    co_return false;
  co_await exchange.finish();
  co_return true;
}

AnswerFrame Engine::frame_of(const Job& job) {
  const auto texts = std::ranges::count_if(
      job.records, [](const Record& record) { return record.what != Record::What::call; });
  return {.model = job.model_text,
          .created_at = world_.timestamp({}),
          .created_s = world_.unix_s(),
          .raw = job.raw,
          .logprobs = job.logprobs,
          .include_usage = job.include_usage,
          .finish = job.finish,
          .prompt_tokens = job.prompt_tokens,
          .answer_tokens = std::max<std::size_t>(static_cast<std::size_t>(texts), 1),
          .number = ++requests_};
}

}  // namespace stoker::engines::ollama
