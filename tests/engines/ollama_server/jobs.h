// Requests for text, understood.
//
// Errors: a Refusal with the status and the text that Ollama gives.
#pragma once

#include <expected>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/engines/ollama_server/residency.h"
#include "tests/engines/ollama_server/shapes.h"

namespace stoker::engines::ollama {

enum class Purpose : std::uint8_t { text, load, unload };

struct Job {
  Route route = Route::chat;
  Purpose purpose = Purpose::text;
  std::string model_text;  // as the client wrote it
  OllamaModel model;
  LoadSettings settings;
  std::optional<Duration> keep_alive;
  std::string path;
  bool stream = true;
  bool raw = false;
  bool logprobs = false;
  bool include_usage = false;
  bool render_only = false;
  std::string prompt;  // what is answered
  std::vector<Record> records;
  std::string finish = "stop";
  std::size_t prompt_tokens = 0;
};

// What a request is read against.
struct Installed {
  std::function<const OllamaModel*(std::string_view)> find;
  std::function<std::optional<Refusal>(std::string_view)> cloud_refusal;
  std::int64_t automatic_context = 0;
};

std::expected<Job, Refusal> parse_generate(std::string_view body, const Installed& installed);
std::expected<Job, Refusal> parse_chat(std::string_view body, const Installed& installed);
std::expected<Job, Refusal> parse_v1_chat(std::string_view body, const Installed& installed);
std::expected<Job, Refusal> parse_v1_completion(std::string_view body, const Installed& installed);

bool can(const OllamaModel& model, std::string_view capability);
// The settings of a load with the context clamped as Ollama does.
LoadSettings settings_for(const OllamaModel& model, LoadSettings wanted,
                          std::optional<std::int64_t> num_ctx, std::int64_t automatic_context);

}  // namespace stoker::engines::ollama
