// The routes that list and describe models.
#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cstdio>

#include "tests/engines/answers.h"
#include "tests/engines/ollama_server/engine.h"
#include "tests/engines/ollama_server/wire.h"

namespace stoker::engines::ollama {
namespace {

namespace json = boost::json;

constexpr std::string_view kModified = "2026-07-01T08:30:00.123456789+02:00";

json::array capabilities_of(const OllamaModel& model) {
  json::array list;
  for (const std::string& capability : model.capabilities)
    list.emplace_back(json::string(capability));
  return list;
}

std::string parameters_of(const OllamaModel& model) {
  std::string text;
  if (model.num_ctx)
    text += "num_ctx                        " + std::to_string(*model.num_ctx) + "\n";
  return text + "stop                           \"<|eot|>\"";
}

json::object v1_model_json(const OllamaModel& model) {
  return {{"id", short_name(model.name)},
          {"object", "model"},
          {"created", 1'782'887'400},
          {"owned_by", "library"}};
}

}  // namespace

json::object details_of(const OllamaModel& model) {
  return {{"parent_model", ""},
          {"format", "gguf"},
          {"family", model.family},
          {"families", json::array{model.family}},
          {"parameter_size", model.parameter_size},
          {"quantization_level", model.quantization_level}};
}

std::string digest_of(const OllamaModel& model) {
  std::string digest;
  for (int part = 0; part < 4; ++part) {
    std::array<char, 17> hex{};
    std::snprintf(hex.data(), hex.size(), "%016llx",
                  static_cast<unsigned long long>(hash_of(model.blob + std::to_string(part))));
    digest += hex.data();
  }
  return digest;
}

net::Task<void> Engine::tags(net::Exchange& exchange, std::string, Life&) {
  json::array list;
  for (const OllamaModel& model : models_) {
    json::object details = details_of(model);
    details["context_length"] = model.training_context;
    details["embedding_length"] = model.embedding_length;
    list.push_back(json::object{{"name", short_name(model.name)},
                                {"model", short_name(model.name)},
                                {"modified_at", kModified},
                                {"size", model.weight_bytes},
                                {"digest", digest_of(model)},
                                {"details", std::move(details)},
                                {"capabilities", capabilities_of(model)}});
  }
  co_await answer_json(exchange, json::object{{"models", std::move(list)}});
}

net::Task<void> Engine::ps(net::Exchange& exchange, std::string, Life&) {
  std::vector<const Runner*> runners = residency_.runners();
  std::ranges::sort(runners, std::ranges::greater(),
                    [this](const Runner* runner) { return residency_.expiry_of(*runner); });
  json::array list;
  for (const Runner* const runner : runners) {
    const Duration left = residency_.expiry_of(*runner) - world_.now();
    list.push_back(json::object{{"name", short_name(runner->model.name)},
                                {"model", short_name(runner->model.name)},
                                {"size", runner->size},
                                {"digest", digest_of(runner->model)},
                                {"details", details_of(runner->model)},
                                {"expires_at", world_.timestamp(left)},
                                {"size_vram", runner->size_vram},
                                {"context_length", runner->settings.num_ctx}});
  }
  co_await answer_json(exchange, json::object{{"models", std::move(list)}});
}

net::Task<void> Engine::show(net::Exchange& exchange, std::string body, Life&) {
  constexpr std::array<Rule, 3> kRules{
      {{"model", Kind::text}, {"name", Kind::text}, {"verbose", Kind::flag}}};
  const auto fields = Fields::parse(body, "ShowRequest", kRules);
  if (!fields) co_return co_await refuse(exchange, fields.error());
  std::string name = fields->text("model");
  if (name.empty()) name = fields->text("name");
  if (name.empty()) co_return co_await refuse(exchange, {400, "model is required"});
  const OllamaModel* const model = find(name);
  if (model == nullptr)
    co_return co_await refuse(exchange, {404, "model '" + name + "' not found"});
  json::array tokens;
  if (fields->flag("verbose").value_or(false)) tokens = {"a", "b", "c", "d", "e", "f"};
  const std::string& family = model->family;
  json::object info{{"general.architecture", family},
                    {"general.parameter_count", 3'212'749'888},
                    {family + ".context_length", model->training_context},
                    {family + ".embedding_length", model->embedding_length},
                    {"tokenizer.ggml.tokens", std::move(tokens)}};
  co_await answer_json(
      exchange, json::object{{"license", "a licence"},
                             {"modelfile", "# Modelfile\nFROM " + short_name(model->name) + "\n"},
                             {"parameters", parameters_of(*model)},
                             {"template", "{{ .Prompt }}"},
                             {"details", details_of(*model)},
                             {"model_info", std::move(info)},
                             {"capabilities", capabilities_of(*model)},
                             {"modified_at", kModified}});
}

net::Task<void> Engine::v1_models(net::Exchange& exchange, std::string, Life&) {
  json::array list;
  for (const OllamaModel& model : models_) list.push_back(v1_model_json(model));
  json::object object{{"object", "list"}, {"data", nullptr}};
  if (!list.empty()) object["data"] = std::move(list);
  co_await answer_json(exchange, object);
}

net::Task<void> Engine::v1_model(net::Exchange& exchange, std::string, Life&) {
  const std::string path = exchange.head().path;
  const auto name = net::percent_decode(path.substr(std::string_view("/v1/models/").size()));
  const OllamaModel* const model =
      name && name->find('/') == std::string::npos ? find(*name) : nullptr;
  if (model == nullptr) {
    co_return co_await refuse(exchange, {404, "model '" + name.value_or("") + "' not found"});
  }
  co_await answer_json(exchange, v1_model_json(*model));
}

}  // namespace stoker::engines::ollama
