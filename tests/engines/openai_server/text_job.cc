#include "tests/engines/openai_server/text_job.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/system/error_code.hpp>

#include "tests/engines/answers.h"

namespace stoker::engines::openai {
namespace {

namespace json = boost::json;

constexpr std::int64_t kChoicesMax = 8;

std::unexpected<Refusal> invalid(std::string message, std::string param = {}) {
  return std::unexpected(Refusal{.status = 400,
                                 .type = "invalid_request_error",
                                 .message = std::move(message),
                                 .param = std::move(param)});
}

bool flag_of(const json::object& object, std::string_view name) {
  const json::value* const value = object.if_contains(name);
  return value != nullptr && value->is_bool() && value->get_bool();
}

std::string text_of_content(const json::value* content) {
  if (content == nullptr) return {};
  if (content->is_string()) return std::string(content->get_string());
  std::string text;
  if (!content->is_array()) return text;
  for (const json::value& part : content->get_array()) {
    if (part.is_object()) text += text_of(part.get_object(), "text");
  }
  return text;
}

void read_shared(const json::object& body, TextJob& job) {
  job.model = text_of(body, "model");
  job.stream = flag_of(body, "stream");
  job.ttl_s = integer_of(body, "ttl");
  const json::value* const options = body.if_contains("stream_options");
  if (options != nullptr && options->is_object()) {
    job.include_usage = flag_of(options->get_object(), "include_usage");
  }
  job.choices = static_cast<std::size_t>(
      std::clamp<std::int64_t>(integer_of(body, "n").value_or(1), 1, kChoicesMax));
}

void cut_to(TextJob& job, std::optional<std::int64_t> most) {
  if (!most || *most < 0 || static_cast<std::size_t>(*most) >= job.tokens.size()) return;
  job.tokens.resize(static_cast<std::size_t>(*most));
  job.finish = "length";
}

bool wants_json(const json::object& body) {
  const json::value* const format = body.if_contains("response_format");
  return format != nullptr && format->is_object() &&
         text_of(format->get_object(), "type").starts_with("json");
}

json::object usage_of(const TextJob& job) {
  const std::size_t answer =
      job.choices * std::max<std::size_t>(job.tokens.size() + job.reasoning.size(), 1);
  return {{"prompt_tokens", job.prompt_tokens},
          {"completion_tokens", answer},
          {"total_tokens", job.prompt_tokens + answer}};
}

std::string join(const std::vector<std::string>& tokens) {
  std::string text;
  for (const std::string& token : tokens) text += token;
  return text;
}

std::string call_id(std::size_t index) {
  return "c" + std::to_string(index + 1);
}

json::object call_of(const TextJob& job, std::size_t index) {
  return {{"id", call_id(index)},
          {"type", "function"},
          {"function", {{"name", job.calls[index].first}, {"arguments", job.calls[index].second}}}};
}

}  // namespace

std::string text_of(const json::object& object, std::string_view name) {
  const json::value* const value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::optional<std::int64_t> integer_of(const json::object& object, std::string_view name) {
  const json::value* const value = object.if_contains(name);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  return static_cast<std::int64_t>(value->to_number<double>());
}

std::expected<json::object, Refusal> parse_object(std::string_view body) {
  boost::system::error_code error;
  json::value value = json::parse(body, error);
  if (error || !value.is_object()) return invalid("the body is not a JSON object");
  return std::move(value.get_object());
}

std::expected<TextJob, Refusal> parse_chat(const json::object& body, bool reasons) {
  const json::value* const messages = body.if_contains("messages");
  if (messages == nullptr || !messages->is_array()) {
    return invalid("'messages' is required", "messages");
  }
  TextJob job;
  read_shared(body, job);
  for (const json::value& message : messages->get_array()) {
    if (!message.is_object()) return invalid("a message is not an object", "messages");
    const std::string text = text_of_content(message.get_object().if_contains("content"));
    job.prompt_tokens += count_words(text);
    const std::string role = text_of(message.get_object(), "role");
    if (role == "user" || role == "tool") job.prompt = text;
  }
  if (reasons) job.reasoning = {"let me", " think"};
  const json::value* const tools = body.if_contains("tools");
  if (tools != nullptr && tools->is_array() && !tools->get_array().empty()) {
    job.calls = requested_calls(job.prompt);
  }
  if (!job.calls.empty()) {
    job.finish = "tool_calls";
    return job;
  }
  job.tokens = answer_tokens(job.prompt);
  if (wants_json(body)) {
    job.tokens = {"{\"answer\":", json::serialize(json::string(job.tokens.front())), "}"};
  }
  auto most = integer_of(body, "max_completion_tokens");
  if (!most) most = integer_of(body, "max_tokens");
  cut_to(job, most);
  return job;
}

std::expected<TextJob, Refusal> parse_completion(const json::object& body) {
  const json::value* const prompt = body.if_contains("prompt");
  if (prompt == nullptr) return invalid("'prompt' is required", "prompt");
  TextJob job;
  job.chat = false;
  read_shared(body, job);
  if (prompt->is_string()) {
    job.prompt = prompt->get_string();
  } else if (prompt->is_array()) {
    for (const json::value& part : prompt->get_array()) {
      job.prompt += part.is_string() ? std::string(part.get_string()) : std::string("token ");
    }
  }
  job.prompt_tokens = count_words(job.prompt);
  job.tokens = answer_tokens(job.prompt);
  cut_to(job, integer_of(body, "max_tokens"));
  return job;
}

json::object whole_answer(const TextJob& job, const TextFrame& frame) {
  json::array choices;
  for (std::size_t index = 0; index < job.choices; ++index) {
    json::object choice{{"index", index}};
    if (job.chat) {
      json::object message{{"role", "assistant"}, {"content", join(job.tokens)}};
      if (!job.reasoning.empty()) message[frame.reasoning_field] = join(job.reasoning);
      if (!job.calls.empty()) {
        json::array calls;
        for (std::size_t i = 0; i < job.calls.size(); ++i) calls.push_back(call_of(job, i));
        message["content"] = nullptr;
        message["tool_calls"] = std::move(calls);
      }
      choice["message"] = std::move(message);
    } else {
      choice["text"] = join(job.tokens);
    }
    choice["logprobs"] = nullptr;
    choice["finish_reason"] = job.finish;
    choices.push_back(std::move(choice));
  }
  json::object answer{{"id", frame.id},
                      {"object", job.chat ? "chat.completion" : "text_completion"},
                      {"created", frame.created},
                      {"model", job.model},
                      {"choices", std::move(choices)},
                      {"usage", usage_of(job)}};
  if (frame.timings) answer["timings"] = json::object{{"prompt_ms", 1}, {"predicted_ms", 1}};
  return answer;
}

std::string event_bytes(std::string_view json, const StreamForm& form) {
  const std::string_view end = form.crlf ? "\r\n\r\n" : "\n\n";
  std::string bytes;
  if (form.comments) bytes.append(": ping").append(end);
  return bytes.append("data: ").append(json).append(end);
}

std::string done_bytes(const StreamForm& form) {
  return event_bytes("[DONE]", form);
}

namespace {

// Builds the events of one stream.
class Stream {
 public:
  Stream(const TextJob& job, const TextFrame& frame, const StreamForm& form)
      : job_(job), frame_(frame), form_(form) {}

  std::vector<StreamEvent> all() {
    if (job_.chat) open();
    for (const std::string& token : job_.reasoning) each_choice(frame_.reasoning_field, token);
    calls();
    for (std::size_t i = 0; i < job_.tokens.size(); ++i) text(i);
    finish();
    events_.push_back({done_bytes(form_)});
    return std::move(events_);
  }

 private:
  void open() {
    json::value content;
    if (!form_.null_content_first) content = "";
    for (std::size_t index = 0; index < job_.choices; ++index) {
      json::object delta{{"role", "assistant"}, {"content", content}};
      add(chunk(choice(index, std::move(delta), nullptr)), false);
    }
  }
  void each_choice(std::string_view field, const std::string& token) {
    for (std::size_t index = 0; index < job_.choices; ++index) {
      json::object delta;
      delta[field] = token;
      add(chunk(choice(index, std::move(delta), nullptr)), true);
    }
  }
  void text(std::size_t at) {
    const bool last = at + 1 == job_.tokens.size() && form_.finish_with_last_text;
    for (std::size_t index = 0; index < job_.choices; ++index) {
      json::value reason;
      if (last) reason = json::string(job_.finish);
      json::object body = chunk(choice(index, {{"content", job_.tokens[at]}}, std::move(reason)));
      if (last && form_.usage == StreamForm::Usage::in_last_chunk) body["usage"] = usage_of(job_);
      add(body, true);
    }
  }
  void calls() {
    if (form_.whole_tool_calls) {
      json::array list;
      for (std::size_t i = 0; i < job_.calls.size(); ++i)
        list.push_back(call(i, job_.calls[i].second, true));
      if (!list.empty()) add_calls(std::move(list));
      return;
    }
    const std::size_t rounds = 3;
    const std::size_t count = job_.calls.size();
    for (std::size_t i = 0; i < count * rounds; ++i) {
      const std::size_t index = form_.interleaved_tool_calls ? i % count : i / rounds;
      const std::size_t round = form_.interleaved_tool_calls ? i / count : i % rounds;
      const std::string& arguments = job_.calls[index].second;
      const std::size_t half = arguments.size() / 2;
      if (round == 0) add_calls({call(index, "", true)});
      if (round == 1) add_calls({call(index, arguments.substr(0, half), false)});
      if (round == 2) add_calls({call(index, arguments.substr(half), false)});
    }
  }
  json::object call(std::size_t index, std::string_view arguments, bool first) const {
    json::object object;
    if (form_.tool_call_index) object["index"] = index;
    json::object function;
    if (first) {
      object["id"] = call_id(index);
      object["type"] = "function";
      function["name"] = job_.calls[index].first;
    }
    function["arguments"] = arguments;
    object["function"] = std::move(function);
    return object;
  }
  void add_calls(json::array calls) {
    add(chunk(choice(0, {{"tool_calls", std::move(calls)}}, nullptr)), true);
  }
  void finish() {
    const bool finished = form_.finish_with_last_text && !job_.tokens.empty();
    for (std::size_t index = 0; index < job_.choices && !finished; ++index) {
      json::object body = chunk(choice(index, {}, json::string(job_.finish)));
      if (form_.usage == StreamForm::Usage::in_last_chunk) body["usage"] = usage_of(job_);
      if (frame_.timings) body["timings"] = json::object{{"prompt_ms", 1}, {"predicted_ms", 1}};
      add(body, false);
    }
    if (form_.usage == StreamForm::Usage::in_last_chunk) return;
    if (!job_.include_usage && form_.usage != StreamForm::Usage::always) return;
    json::object body = chunk({});
    body["choices"] = json::array();
    body["usage"] = usage_of(job_);
    add(body, false);
  }

  json::object choice(std::size_t index, json::object delta, json::value reason) const {
    json::object object{{"index", index}};
    if (job_.chat) {
      if (form_.role_in_each_chunk) delta["role"] = "assistant";
      object["delta"] = std::move(delta);
    } else {
      const json::value* const content = delta.if_contains("content");
      object["text"] = content != nullptr ? *content : json::value("");
    }
    object["finish_reason"] = std::move(reason);
    return object;
  }
  json::object chunk(json::object choice) const {
    json::object object{{"id", frame_.id},
                        {"object", job_.chat ? "chat.completion.chunk" : "text_completion"},
                        {"created", frame_.created},
                        {"model", job_.model}};
    json::array choices;
    choices.push_back(std::move(choice));
    object["choices"] = std::move(choices);
    if (form_.usage == StreamForm::Usage::null_until_then && job_.include_usage) {
      object["usage"] = nullptr;
    }
    return object;
  }
  void add(const json::object& body, bool piece) {
    events_.push_back({event_bytes(json::serialize(body), form_), piece});
  }

  const TextJob& job_;
  const TextFrame& frame_;
  const StreamForm& form_;
  std::vector<StreamEvent> events_;
};

}  // namespace

std::vector<StreamEvent> stream_of(const TextJob& job, const TextFrame& frame,
                                   const StreamForm& form) {
  return Stream(job, frame, form).all();
}

}  // namespace stoker::engines::openai
