// The routes that answer with vectors.
#include <array>
#include <bit>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "tests/engines/answers.h"
#include "tests/engines/ollama_server/engine.h"
#include "tests/engines/ollama_server/running.h"
#include "tests/engines/ollama_server/wire.h"

namespace stoker::engines::ollama {

namespace json = boost::json;

struct Engine::EmbedJob {
  std::string model_text;
  OllamaModel model;
  LoadSettings settings;
  std::optional<Duration> keep_alive;
  std::vector<std::string> inputs;
  std::size_t tokens = 0;
};

namespace {

constexpr std::int64_t kLoadNs = 5'000'000;
constexpr std::int64_t kNsPerToken = 1'000'000;
constexpr double kLegacyLength = 3;  // the old route does not normalise

constexpr std::array<Rule, 8> kRules{{{"model", Kind::text},
                                      {"input", Kind::any},
                                      {"prompt", Kind::text},
                                      {"keep_alive", Kind::any},
                                      {"options", Kind::object},
                                      {"truncate", Kind::flag},
                                      {"dimensions", Kind::integer},
                                      {"encoding_format", Kind::text}}};

std::unexpected<Refusal> refusal(int status, std::string text) {
  return std::unexpected(Refusal{status, std::move(text)});
}

std::expected<std::vector<std::string>, Refusal> inputs_of(const json::value* input) {
  std::vector<std::string> inputs;
  if (input == nullptr) return inputs;
  if (input->is_string()) {
    if (!input->get_string().empty()) inputs.emplace_back(input->get_string());
    return inputs;
  }
  if (!input->is_array()) return refusal(400, "invalid input type");
  for (const json::value& part : input->get_array()) {
    if (!part.is_string()) return refusal(400, "invalid input type");
    inputs.emplace_back(part.get_string());
  }
  return inputs;
}

json::array numbers_json(const OllamaModel& model, const std::string& text, double length) {
  json::array list;
  for (const double number : embedding_of(text, static_cast<std::size_t>(model.embedding_length))) {
    list.emplace_back(number * length);
  }
  return list;
}

std::string base64_floats(const json::array& numbers) {
  std::string bytes;
  for (const json::value& number : numbers) {
    const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(number.get_double()));
    for (int shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<char>(bits >> shift));
  }
  return base64_of(bytes);
}

// A job for the vectors of `job.inputs`, which the caller has read.
template <class Job>
std::expected<Job, Refusal> job_for(const Fields& fields, std::vector<std::string> inputs,
                                    const Installed& installed) {
  Job job;
  job.model_text = fields.text("model");
  if (auto refused = installed.cloud_refusal(job.model_text)) {
    return std::unexpected(std::move(*refused));
  }
  const OllamaModel* const model = installed.find(job.model_text);
  if (model == nullptr) {
    return refusal(404, "model \"" + job.model_text + "\" not found, try pulling it first");
  }
  job.model = *model;
  const auto keep_alive = keep_alive_of(fields);
  if (!keep_alive) return std::unexpected(keep_alive.error());
  job.keep_alive = *keep_alive;
  const auto options = options_of(fields);
  if (!options) return std::unexpected(options.error());
  job.settings =
      settings_for(job.model, options->load, options->num_ctx, installed.automatic_context);
  job.inputs = std::move(inputs);
  for (const std::string& input : job.inputs) {
    const std::size_t tokens = count_words(input);
    const bool fits = static_cast<std::int64_t>(tokens) <= job.settings.num_ctx;
    if (!fits && !fields.flag("truncate").value_or(true)) {
      return refusal(400, "the input length exceeds the context length");
    }
    job.tokens += tokens;
  }
  return job;
}

}  // namespace

net::Task<bool> Engine::run_embed(net::Exchange& exchange, const EmbedJob& job, Life& life) {
  const std::string path = exchange.head().path;
  auto lease = co_await residency_.acquire(
      {.model = job.model, .settings = job.settings, .keep_alive = job.keep_alive}, path, life);
  if (!lease) {
    co_await refuse(exchange, std::move(lease.error()));
    co_return false;
  }
  if (job.inputs.empty()) co_return true;
  if (!co_await take_permit(lease->runner(), life)) co_return false;
  const Permit permit(lease->runner());
  Counted counted(counters_, 1);
  world_.watch.changed();
  if (!co_await world_.gates.pass(Gate::prefill, life)) co_return false;
  if (auto fault = world_.faults.take(FaultKind::out_of_memory, path)) {
    residency_.unload_all();
    co_await refuse(exchange, {500, std::move(fault->text)});
    co_return false;
  }
  counted.finished();
  co_return true;
}

net::Task<void> Engine::embed(net::Exchange& exchange, std::string body, Life& life) {
  const auto fields = Fields::parse(body, "EmbedRequest", kRules);
  if (!fields) co_return co_await refuse(exchange, fields.error());
  auto inputs = inputs_of(fields->find("input"));
  if (!inputs) co_return co_await refuse(exchange, inputs.error());
  const auto job = job_for<EmbedJob>(*fields, std::move(*inputs), installed());
  if (!job) co_return co_await refuse(exchange, job.error());
  if (!co_await run_embed(exchange, *job, life)) co_return;
  json::array vectors;
  for (const std::string& input : job->inputs) {
    vectors.push_back(numbers_json(job->model, input, 1));
  }
  json::object object{{"model", job->model_text}, {"embeddings", std::move(vectors)}};
  if (!job->inputs.empty()) {
    object["total_duration"] = kLoadNs + static_cast<std::int64_t>(job->tokens) * kNsPerToken;
    object["load_duration"] = kLoadNs;
    object["prompt_eval_count"] = job->tokens;
  }
  co_await answer_json(exchange, object);
}

net::Task<void> Engine::embeddings(net::Exchange& exchange, std::string body, Life& life) {
  const auto fields = Fields::parse(body, "EmbeddingRequest", kRules);
  if (!fields) co_return co_await refuse(exchange, fields.error());
  if (fields->text("model").empty()) {
    co_return co_await refuse(exchange, {400, "model is required"});
  }
  std::vector<std::string> inputs;
  if (!fields->text("prompt").empty()) inputs.push_back(fields->text("prompt"));
  const auto job = job_for<EmbedJob>(*fields, std::move(inputs), installed());
  if (!job) co_return co_await refuse(exchange, job.error());
  if (!co_await run_embed(exchange, *job, life)) co_return;
  json::array numbers;
  if (!job->inputs.empty()) numbers = numbers_json(job->model, job->inputs.front(), kLegacyLength);
  co_await answer_json(exchange, json::object{{"embedding", std::move(numbers)}});
}

net::Task<void> Engine::v1_embeddings(net::Exchange& exchange, std::string body, Life& life) {
  const auto fields = Fields::parse(body, "EmbedRequest", kRules);
  if (!fields) co_return co_await refuse(exchange, fields.error());
  auto inputs = inputs_of(fields->find("input"));
  if (inputs && inputs->empty()) inputs = refusal(400, "invalid input");
  if (!inputs) co_return co_await refuse(exchange, inputs.error());
  const auto job = job_for<EmbedJob>(*fields, std::move(*inputs), installed());
  if (!job) co_return co_await refuse(exchange, job.error());
  if (!co_await run_embed(exchange, *job, life)) co_return;
  json::array data;
  for (const std::string& input : job->inputs) {
    json::object row{{"object", "embedding"}, {"index", data.size()}};
    json::array numbers = numbers_json(job->model, input, 1);
    if (fields->text("encoding_format") == "base64") {
      row["embedding"] = json::string(base64_floats(numbers));
    } else {
      row["embedding"] = std::move(numbers);
    }
    data.push_back(std::move(row));
  }
  co_await answer_json(
      exchange,
      json::object{{"object", "list"},
                   {"data", std::move(data)},
                   {"model", job->model_text},
                   {"usage", {{"prompt_tokens", job->tokens}, {"total_tokens", job->tokens}}}});
}

}  // namespace stoker::engines::ollama
