#include "tests/engines/ollama_server/jobs.h"

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>

#include "tests/engines/answers.h"
#include "tests/engines/ollama_server/wire.h"

namespace stoker::engines::ollama {
namespace {

namespace json = boost::json;

constexpr std::int64_t kContextMin = 4;
constexpr std::int64_t kVisionContextMin = 2048;

constexpr std::array<Rule, 18> kGenerateRules{{
    {"model", Kind::text},
    {"prompt", Kind::text},
    {"suffix", Kind::text},
    {"system", Kind::text},
    {"template", Kind::text},
    {"raw", Kind::flag},
    {"context", Kind::list},
    {"images", Kind::list},
    {"format", Kind::any},
    {"think", Kind::any},
    {"stream", Kind::flag},
    {"keep_alive", Kind::any},
    {"options", Kind::object},
    {"truncate", Kind::flag},
    {"shift", Kind::flag},
    {"logprobs", Kind::flag},
    {"top_logprobs", Kind::integer},
    {"_debug_render_only", Kind::flag},
}};
constexpr std::array<Rule, 13> kChatRules{{
    {"model", Kind::text},
    {"messages", Kind::list},
    {"tools", Kind::list},
    {"format", Kind::any},
    {"think", Kind::any},
    {"stream", Kind::flag},
    {"keep_alive", Kind::any},
    {"options", Kind::object},
    {"truncate", Kind::flag},
    {"shift", Kind::flag},
    {"logprobs", Kind::flag},
    {"top_logprobs", Kind::integer},
    {"_debug_render_only", Kind::flag},
}};

std::unexpected<Refusal> refusal(int status, std::string text) {
  return std::unexpected(Refusal{status, std::move(text)});
}

std::string quoted(std::string_view text) {
  return "\"" + std::string(text) + "\"";
}

// Which model, and that it is here.
std::expected<Job, Refusal> job_for(const Fields& fields, Route route, const Installed& installed) {
  Job job;
  job.route = route;
  job.model_text = fields.text("model");
  if (job.model_text.empty() && route != Route::generate) return refusal(400, "model is required");
  if (auto refused = installed.cloud_refusal(job.model_text)) {
    return std::unexpected(std::move(*refused));
  }
  if (!job.model_text.empty() && !full_name(job.model_text)) {
    return refusal(400, "invalid model name");
  }
  const OllamaModel* const model = installed.find(job.model_text);
  if (model == nullptr) return refusal(404, "model '" + job.model_text + "' not found");
  job.model = *model;
  return job;
}

std::optional<Refusal> read_think(const Fields& fields, Job& job) {
  const bool thinks = can(job.model, "thinking");
  bool wanted = thinks;
  if (const json::value* const value = fields.find("think")) {
    constexpr std::array<std::string_view, 4> kLevels{"low", "medium", "high", "max"};
    if (value->is_bool()) {
      wanted = value->get_bool();
    } else if (value->is_string() &&
               std::ranges::find(kLevels, std::string_view(value->get_string())) != kLevels.end()) {
      wanted = true;
    } else {
      return Refusal{400, "invalid think value"};
    }
  }
  if (wanted && !thinks) return Refusal{400, quoted(job.model_text) + " does not support thinking"};
  if (wanted) {
    job.records.push_back({Record::What::thinking, "let me"});
    job.records.push_back({Record::What::thinking, " think"});
  }
  return std::nullopt;
}

bool wants_json(const Fields& fields) {
  const json::value* const format = fields.find("format");
  if (format == nullptr) return false;
  return format->is_object() || (format->is_string() && format->get_string() == "json");
}

// The records of the answer, after those of thinking.
void compose(Job& job, bool as_json, bool tools, std::optional<std::int64_t> num_predict) {
  if (tools) {
    std::size_t index = 0;
    for (const auto& [name, arguments] : requested_calls(job.prompt)) {
      job.records.push_back({Record::What::call, arguments, name, index++});
    }
    if (index > 0) return;
  }
  std::vector<std::string> tokens = answer_tokens(job.prompt);
  if (as_json) tokens = {"{\"answer\":", json::serialize(json::value(tokens.front())), "}"};
  if (num_predict && *num_predict >= 0 && static_cast<std::size_t>(*num_predict) < tokens.size()) {
    tokens.resize(static_cast<std::size_t>(*num_predict));
    job.finish = "length";
  }
  for (std::string& token : tokens) job.records.push_back({Record::What::text, std::move(token)});
}

std::optional<Refusal> check_images(const json::value* images) {
  if (images == nullptr || !images->is_array()) return std::nullopt;
  for (const json::value& image : images->get_array()) {
    if (!image.is_string()) return Refusal{400, "json: cannot unmarshal images"};
    const std::string_view text = image.get_string();
    const auto at = std::ranges::find_if_not(text, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '+' || c == '/' || c == '=' || c == '\r' || c == '\n';
    });
    if (at != text.end()) {
      return Refusal{400, "illegal base64 data at input byte " + std::to_string(at - text.begin())};
    }
  }
  return std::nullopt;
}

// What generate and chat have in common, after the model is known and before the prompt is answered.
std::optional<Refusal> read_common(const Fields& fields, const Installed& installed, Job& job) {
  auto keep_alive = keep_alive_of(fields);
  if (!keep_alive) return keep_alive.error();
  job.keep_alive = *keep_alive;
  job.stream = fields.flag("stream").value_or(true);
  job.logprobs = fields.flag("logprobs").value_or(false);
  job.render_only = fields.flag("_debug_render_only").value_or(false);
  const double top = fields.number("top_logprobs").value_or(0);
  if (top < 0 || top > 20) return Refusal{400, "top_logprobs must be between 0 and 20"};
  if (job.purpose == Purpose::load && job.keep_alive == Duration{}) {
    job.purpose = Purpose::unload;
    return std::nullopt;  // nothing else is looked at
  }
  auto options = options_of(fields);
  if (!options) return options.error();
  job.settings =
      settings_for(job.model, options->load, options->num_ctx, installed.automatic_context);
  if (job.purpose == Purpose::load) return std::nullopt;
  if (!fields.flag("truncate").value_or(true) &&
      static_cast<std::int64_t>(job.prompt_tokens) > job.settings.num_ctx) {
    return Refusal{400, "the input length exceeds the context length"};
  }
  if (auto refused = read_think(fields, job)) return refused;
  compose(job, wants_json(fields), fields.list_size("tools") > 0, options->num_predict);
  return std::nullopt;
}

std::string text_of_content(const json::value& content) {
  if (content.is_string()) return std::string(content.get_string());
  std::string text;
  if (!content.is_array()) return text;
  for (const json::value& part : content.get_array()) {
    if (part.is_object()) text += text_of(part.get_object(), "text");
  }
  return text;
}

// The messages: what is answered, and how long all of it is.
std::optional<Refusal> read_messages(const Fields& fields, Job& job) {
  const json::value* const messages = fields.find("messages");
  if (messages == nullptr) return std::nullopt;
  for (const json::value& message : messages->get_array()) {
    if (!message.is_object()) {
      return Refusal{400,
                     "json: cannot unmarshal into Go struct field ChatRequest.messages of "
                     "type api.Message"};
    }
    const json::object& object = message.get_object();
    if (auto refused = check_images(object.if_contains("images"))) return refused;
    const json::value* const content = object.if_contains("content");
    const std::string text = content != nullptr ? text_of_content(*content) : std::string();
    job.prompt_tokens += count_words(text);
    if (text_of(object, "role") != "assistant" && text_of(object, "role") != "system") {
      job.prompt = text;
    }
  }
  return std::nullopt;
}

std::optional<Refusal> check_image_urls(const json::value& messages) {
  for (const json::value& message : messages.get_array()) {
    const json::value* const content =
        message.is_object() ? message.get_object().if_contains("content") : nullptr;
    if (content == nullptr || !content->is_array()) continue;
    for (const json::value& part : content->get_array()) {
      const json::value* const image =
          part.is_object() ? part.get_object().if_contains("image_url") : nullptr;
      if (image == nullptr) continue;
      const std::string url = image->is_object()   ? text_of(image->get_object(), "url")
                              : image->is_string() ? std::string(image->get_string())
                                                   : std::string();
      if (!url.starts_with("data:")) return Refusal{400, "invalid image input"};
    }
  }
  return std::nullopt;
}

// The part of /v1 requests that both routes have.
void read_v1(const Fields& fields, const Installed& installed, Job& job) {
  job.settings = settings_for(job.model, {}, std::nullopt, installed.automatic_context);
  job.stream = fields.flag("stream").value_or(false);
  const json::value* const options = fields.find("stream_options");
  if (options == nullptr) return;
  const json::value* const usage = options->get_object().if_contains("include_usage");
  job.include_usage = usage != nullptr && usage->is_bool() && usage->get_bool();
}

std::optional<std::int64_t> max_tokens_of(const Fields& fields) {
  const auto number = fields.number("max_tokens");
  return number ? std::optional(static_cast<std::int64_t>(*number)) : std::nullopt;
}

}  // namespace

bool can(const OllamaModel& model, std::string_view capability) {
  return std::ranges::find(model.capabilities, capability) != model.capabilities.end();
}

LoadSettings settings_for(const OllamaModel& model, LoadSettings wanted,
                          std::optional<std::int64_t> num_ctx, std::int64_t automatic_context) {
  const auto chosen = num_ctx ? num_ctx : model.num_ctx;
  wanted.num_ctx_automatic = !chosen;
  const std::int64_t least = can(model, "vision") ? kVisionContextMin : kContextMin;
  wanted.num_ctx = std::max(least, chosen.value_or(automatic_context));
  wanted.num_ctx = std::min(wanted.num_ctx, model.training_context);
  return wanted;
}

std::expected<Job, Refusal> parse_generate(std::string_view body, const Installed& installed) {
  auto fields = Fields::parse(body, "GenerateRequest", kGenerateRules);
  if (!fields) return std::unexpected(fields.error());
  if (auto keep_alive = keep_alive_of(*fields); !keep_alive) {
    return std::unexpected(keep_alive.error());
  }
  auto job = job_for(*fields, Route::generate, installed);
  if (!job) return job;
  if (can(job->model, "image")) {
    return refusal(400, "image generation models are not currently supported");
  }
  job->prompt = fields->text("prompt");
  job->prompt_tokens = count_words(job->prompt) + count_words(fields->text("system"));
  if (job->prompt.empty()) job->purpose = Purpose::load;
  job->raw = fields->flag("raw").value_or(false);
  if (auto refused = check_images(fields->find("images"))) return std::unexpected(*refused);
  if (auto refused = read_common(*fields, installed, *job)) return std::unexpected(*refused);
  if (job->purpose == Purpose::unload) return job;
  if (job->raw && (!fields->text("template").empty() || !fields->text("system").empty() ||
                   fields->list_size("context") > 0)) {
    return refusal(400, "raw mode does not support template, system, or context");
  }
  if (!can(job->model, "completion")) {
    return refusal(400, quoted(job->model_text) + " does not support generate");
  }
  if (!fields->text("suffix").empty() && !can(job->model, "insert")) {
    return refusal(400, job->model.name + " does not support insert");
  }
  return job;
}

std::expected<Job, Refusal> parse_chat(std::string_view body, const Installed& installed) {
  auto fields = Fields::parse(body, "ChatRequest", kChatRules);
  if (!fields) return std::unexpected(fields.error());
  if (auto keep_alive = keep_alive_of(*fields); !keep_alive) {
    return std::unexpected(keep_alive.error());
  }
  auto job = job_for(*fields, Route::chat, installed);
  if (!job) return job;
  if (auto refused = read_messages(*fields, *job)) return std::unexpected(*refused);
  if (fields->list_size("messages") == 0) job->purpose = Purpose::load;
  if (auto refused = read_common(*fields, installed, *job)) return std::unexpected(*refused);
  if (job->purpose == Purpose::unload) return job;
  if (!can(job->model, "completion")) {
    return refusal(400, quoted(job->model_text) + " does not support chat");
  }
  if (fields->list_size("tools") > 0 && !can(job->model, "tools")) {
    return refusal(400, job->model.name + " does not support tools");
  }
  return job;
}

std::expected<Job, Refusal> parse_v1_chat(std::string_view body, const Installed& installed) {
  constexpr std::array<Rule, 6> kRules{{{"model", Kind::text},
                                        {"messages", Kind::list},
                                        {"tools", Kind::list},
                                        {"stream", Kind::flag},
                                        {"stream_options", Kind::object},
                                        {"max_tokens", Kind::integer}}};
  auto fields = Fields::parse(body, "ChatCompletionRequest", kRules);
  if (!fields) return std::unexpected(fields.error());
  if (fields->list_size("messages") == 0) return refusal(400, "[] is too short - 'messages'");
  if (auto refused = check_image_urls(*fields->find("messages"))) return std::unexpected(*refused);
  auto job = job_for(*fields, Route::v1_chat, installed);
  if (!job) return job;
  if (auto refused = read_messages(*fields, *job)) return std::unexpected(*refused);
  const bool tools = fields->list_size("tools") > 0;
  if (!can(job->model, "completion")) {
    return refusal(400, quoted(job->model_text) + " does not support chat");
  }
  if (tools && !can(job->model, "tools")) {
    return refusal(400, job->model.name + " does not support tools");
  }
  read_v1(*fields, installed, *job);
  if (auto refused = read_think(*fields, *job)) return std::unexpected(*refused);
  const json::value* const format = fields->find("response_format");
  const bool as_json = format != nullptr && format->is_object() &&
                       text_of(format->get_object(), "type").starts_with("json");
  compose(*job, as_json, tools, max_tokens_of(*fields));
  return job;
}

std::expected<Job, Refusal> parse_v1_completion(std::string_view body, const Installed& installed) {
  constexpr std::array<Rule, 5> kRules{{{"model", Kind::text},
                                        {"prompt", Kind::text},
                                        {"stream", Kind::flag},
                                        {"stream_options", Kind::object},
                                        {"max_tokens", Kind::integer}}};
  auto fields = Fields::parse(body, "CompletionRequest", kRules);
  if (!fields) return std::unexpected(fields.error());
  auto job = job_for(*fields, Route::v1_completions, installed);
  if (!job) return job;
  if (!can(job->model, "completion")) {
    return refusal(400, quoted(job->model_text) + " does not support generate");
  }
  job->prompt = fields->text("prompt");
  job->prompt_tokens = count_words(job->prompt);
  read_v1(*fields, installed, *job);
  if (job->prompt.empty()) {
    job->purpose = Purpose::load;
    return job;
  }
  compose(*job, false, false, max_tokens_of(*fields));
  return job;
}

}  // namespace stoker::engines::ollama
