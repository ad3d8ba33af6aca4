// Requests for text, understood, and their answers as JSON and as events of a stream.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/engines/openai_server.h"

namespace stoker::engines::openai {

// A refusal in words that every flavour puts into its own object.
struct Refusal {
  int status = 0;
  std::string type;
  std::string message;
  std::string param = {};
  std::string code = {};  // for those that have words there
  boost::json::object extra = {};
  int retry_after_s = 0;
};

struct TextJob {
  bool chat = true;
  std::string model;
  bool stream = false;
  bool include_usage = false;
  std::size_t choices = 1;
  std::string prompt;
  std::vector<std::string> reasoning;
  std::vector<std::string> tokens;
  std::vector<std::pair<std::string, std::string>> calls;
  std::string finish = "stop";
  std::size_t prompt_tokens = 0;
  std::optional<std::int64_t> ttl_s;  // LM Studio: how long the model stays when idle
};

// What the flavour puts around an answer.
struct TextFrame {
  std::string id;
  std::int64_t created = 0;
  std::string reasoning_field = "reasoning_content";
  bool timings = false;
};

std::expected<boost::json::object, Refusal> parse_object(std::string_view body);
std::expected<TextJob, Refusal> parse_chat(const boost::json::object& body, bool reasons);
std::expected<TextJob, Refusal> parse_completion(const boost::json::object& body);

boost::json::object whole_answer(const TextJob& job, const TextFrame& frame);

struct StreamEvent {
  std::string bytes;
  bool piece = false;  // a part of the text, not what stands around it
};
std::vector<StreamEvent> stream_of(const TextJob& job, const TextFrame& frame,
                                   const StreamForm& form);
// One event with `json` as its data, in the form.
std::string event_bytes(std::string_view json, const StreamForm& form);
std::string done_bytes(const StreamForm& form);

std::string text_of(const boost::json::object& object, std::string_view name);
std::optional<std::int64_t> integer_of(const boost::json::object& object, std::string_view name);

}  // namespace stoker::engines::openai
