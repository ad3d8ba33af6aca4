// Chat, completions and embeddings.
#include <algorithm>
#include <bit>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <cstring>

#include "tests/engines/answers.h"
#include "tests/engines/openai_server/engine.h"

namespace stoker::engines::openai {
namespace {

namespace json = boost::json;

// One of the slots of llama.cpp.
class Slot {
 public:
  Slot(std::size_t& taken, WaitList& waiting) : taken_(taken), waiting_(waiting) {}
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  ~Slot() {
    if (!waiting_.wake_one()) --taken_;
  }

 private:
  std::size_t& taken_;
  WaitList& waiting_;
};

// Counts a generation that is cancelled unless it says that it has finished, and lets a sleep find it.
class Counted {
 public:
  Counted(OpenAiCounters& counters, std::set<Life*>& running, Life& life)
      : counters_(counters), running_(running), life_(life) {
    ++counters_.generations_started;
    ++counters_.running;
    counters_.most_at_once = std::max(counters_.most_at_once, counters_.running);
    running_.insert(&life_);
  }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() {
    running_.erase(&life_);
    --counters_.running;
    ++(finished_ ? counters_.generations_finished : counters_.generations_cancelled);
  }
  void finished() { finished_ = true; }

 private:
  OpenAiCounters& counters_;
  std::set<Life*>& running_;
  Life& life_;
  bool finished_ = false;
};

json::value embedding_json(const std::vector<double>& numbers, bool base64) {
  if (!base64) {
    json::array list;
    for (const double number : numbers) list.emplace_back(number);
    return list;
  }
  std::string bytes;
  for (const double number : numbers) {
    const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(number));
    for (int shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<char>(bits >> shift));
  }
  return json::string(base64_of(bytes));
}

// The texts of `input`: a string, strings, or token ids; empty if it is none of these.
std::vector<std::string> inputs_of(const json::object& body) {
  const json::value* const input = body.if_contains("input");
  if (input == nullptr) return {};
  if (input->is_string()) return {std::string(input->get_string())};
  if (!input->is_array()) return {};
  const json::array& list = input->get_array();
  if (!list.empty() && list.front().is_number()) return {json::serialize(list)};
  std::vector<std::string> texts;
  for (const json::value& part : list) {
    texts.push_back(part.is_string() ? std::string(part.get_string()) : json::serialize(part));
  }
  return texts;
}

}  // namespace

net::Task<void> Engine::chat(net::Exchange& exchange, std::string body, Life& life) {
  const auto object = parse_object(body);
  if (!object) co_return co_await refuse(exchange, object.error());
  const auto entry = named(text_of(*object, "model"));
  auto job = parse_chat(*object, entry && (*entry)->model.reasons);
  if (!job) co_return co_await refuse(exchange, job.error());
  co_await run(exchange, std::move(*job), life);
}

net::Task<void> Engine::completions(net::Exchange& exchange, std::string body, Life& life) {
  const auto object = parse_object(body);
  if (!object) co_return co_await refuse(exchange, object.error());
  auto job = parse_completion(*object);
  if (!job) co_return co_await refuse(exchange, job.error());
  co_await run(exchange, std::move(*job), life);
}

net::Task<void> Engine::run(net::Exchange& exchange, TextJob job, Life& life) {
  const auto entry = co_await model_for(exchange, job.model, life);
  if (!entry) co_return co_await refuse(exchange, entry.error());
  const OpenAiModel& model = (*entry)->model;
  if (job.model.empty()) job.model = model.id;
  if (static_cast<std::int64_t>(job.prompt_tokens) > model.context_length) {
    Refusal refusal{.status = 400,
                    .message = "the request exceeds the available context size",
                    .code = "context_length_exceeded"};
    if (is(Flavour::llama_cpp) || is(Flavour::llama_cpp_router)) {
      refusal.type = "exceed_context_size_error";
      refusal.extra = {{"n_prompt_tokens", job.prompt_tokens}, {"n_ctx", model.context_length}};
    }
    co_return co_await refuse(exchange, std::move(refusal));
  }
  if (!(*entry)->weights_valid) job.tokens.assign(job.tokens.size(), "!");
  if (job.ttl_s) (*entry)->ttl = seconds(*job.ttl_s);
  const Models::Use use(models_, **entry);
  const bool has_slots = is(Flavour::llama_cpp) || is(Flavour::llama_cpp_router);
  if (!has_slots) co_return co_await run_on(exchange, job, **entry, life);
  if ((*entry)->slots_taken < options_.slots) {
    ++(*entry)->slots_taken;
  } else if (!co_await (*entry)->slot_free->wait(life)) {
    co_return;
  }
  const Slot slot((*entry)->slots_taken, *(*entry)->slot_free);
  co_await run_on(exchange, job, **entry, life);
}

net::Task<void> Engine::run_on(net::Exchange& exchange, const TextJob& job, Entry&, Life& life) {
  Counted counted(counters_, running_, life);
  world_.watch.changed();
  if (!co_await world_.gates.pass(Gate::prefill, life)) {
    if (!exchange.gone()) exchange.abort();
    co_return;
  }
  if (const auto fault = world_.faults.take(FaultKind::out_of_memory, exchange.head().path)) {
    co_return co_await refuse(
        exchange, {.status = 500,
                   .type = "server_error",
                   .message = fault->text.empty() ? "CUDA error: out of memory" : fault->text});
  }
  const TextFrame frame = next_frame();
  const bool done = job.stream ? co_await send_stream(exchange, job, frame, life)
                               : co_await send_whole(exchange, job, frame, life);
  if (done) counted.finished();
  if (!done && life.ended() && !exchange.gone()) exchange.abort();
}

TextFrame Engine::next_frame() {
  const bool llama = is(Flavour::llama_cpp) || is(Flavour::llama_cpp_router);
  return {.id = "chatcmpl-" + std::to_string(++answers_),
          .created = world_.unix_s(),
          .reasoning_field = is(Flavour::vllm) ? "reasoning" : "reasoning_content",
          .timings = llama};
}

net::Task<bool> Engine::send_stream(net::Exchange& exchange, const TextJob& job,
                                    const TextFrame& frame, Life& life) {
  std::size_t sent = 0;
  for (const StreamEvent& event : stream_of(job, frame, options_.stream)) {
    if (event.piece && !co_await world_.gates.pass(Gate::token, life)) co_return false;
    if (co_await struck(exchange, sent)) co_return false;
    if (!exchange.answered()) {
      net::ResponseHead head;
      head.headers.add("Content-Type", "text/event-stream");
      if (!co_await exchange.start(std::move(head))) co_return false;
    }
    if (!co_await write(exchange, event.bytes, life)) co_return false;
    if (event.piece) ++sent;
  }
  co_return (co_await exchange.finish()).has_value();
}

net::Task<bool> Engine::send_whole(net::Exchange& exchange, const TextJob& job,
                                   const TextFrame& frame, Life& life) {
  for (std::size_t i = 0; i < job.tokens.size(); ++i) {
    if (!co_await world_.gates.pass(Gate::token, life)) co_return false;
  }
  if (co_await struck(exchange, 0)) co_return false;
  co_await answer_json(exchange, whole_answer(job, frame));
  co_return true;
}

net::Task<bool> Engine::write(net::Exchange& exchange, std::string_view bytes, Life& life) {
  const std::size_t step =
      options_.stream.bytes_per_write == 0 ? bytes.size() : options_.stream.bytes_per_write;
  while (!bytes.empty()) {
    if (step < bytes.size() && !co_await world_.gates.pass(Gate::step, life)) co_return false;
    if (!co_await exchange.write(bytes.substr(0, step))) co_return false;
    bytes.remove_prefix(std::min(step, bytes.size()));
  }
  co_return true;
}

net::Task<bool> Engine::struck(net::Exchange& exchange, std::size_t sent) {
  const std::string path = exchange.head().path;
  if (world_.faults.take(FaultKind::cut_stream, path, sent)) {
    exchange.abort();
    co_return true;
  }
  if (const auto fault = world_.faults.take(FaultKind::error_in_stream, path, sent)) {
    const std::string message = fault->text.empty() ? "boom" : fault->text;
    if (!exchange.answered()) {
      co_await refuse(exchange,
                      {.status = fault->status, .type = "server_error", .message = message});
      co_return true;
    }
    const json::object error{
        {"error", {{"message", message}, {"type", "server_error"}, {"code", fault->status}}}};
    const StreamForm& form = options_.stream;
    std::string bytes = event_bytes(json::serialize(error), form);
    if (form.error == StreamForm::Error::field_then_done) {
      bytes = "error: " + json::serialize(error.at("error")) + "\n\n" + done_bytes(form);
    }
    if (form.error != StreamForm::Error::silent_end) co_await exchange.write(bytes);
    co_await exchange.finish();
    co_return true;
  }
  if (!exchange.answered()) co_return false;
  if (const auto fault = world_.faults.take(FaultKind::garbage_in_stream, path, sent)) {
    const std::string bytes =
        event_bytes(fault->text.empty() ? "{\"choices\":" : fault->text, options_.stream);
    co_await exchange.write(bytes);
    co_await exchange.finish();
    co_return true;
  }
  if (!world_.faults.take(FaultKind::end_stream, path, sent)) co_return false;
  co_await exchange.finish();
  co_return true;
}

net::Task<void> Engine::embeddings(net::Exchange& exchange, std::string body, Life& life) {
  const auto object = parse_object(body);
  if (!object) co_return co_await refuse(exchange, object.error());
  const auto entry = co_await model_for(exchange, text_of(*object, "model"), life);
  if (!entry) co_return co_await refuse(exchange, entry.error());
  const OpenAiModel& model = (*entry)->model;
  if (!model.embeds) {
    const bool llama = is(Flavour::llama_cpp) || is(Flavour::llama_cpp_router);
    co_return co_await refuse(exchange, {.status = llama ? 501 : 400,
                                         .type = llama ? "not_supported_error" : "",
                                         .message = "This server does not support embeddings"});
  }
  const std::vector<std::string> inputs = inputs_of(*object);
  if (inputs.empty()) {
    co_return co_await refuse(exchange,
                              {.status = 400, .message = "'input' is required", .param = "input"});
  }
  const Models::Use use(models_, **entry);
  const bool base64 = text_of(*object, "encoding_format") == "base64";
  json::array data;
  std::size_t tokens = 0;
  for (const std::string& input : inputs) {
    tokens += count_words(input);
    const auto numbers = model.fixed_embedding.empty() ? embedding_of(input, model.embedding_length)
                                                       : model.fixed_embedding;
    data.push_back(json::object{{"object", "embedding"},
                                {"index", data.size()},
                                {"embedding", embedding_json(numbers, base64)}});
  }
  co_await answer_json(
      exchange, json::object{{"object", "list"},
                             {"data", std::move(data)},
                             {"model", model.id},
                             {"usage", {{"prompt_tokens", tokens}, {"total_tokens", tokens}}}});
}

}  // namespace stoker::engines::openai
