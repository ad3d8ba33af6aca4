// Bodies of requests to an Ollama server.
//
// Purpose: what adapters send and what doors send on; every body names its options, because a different num_ctx makes
//   the server load the model again.
// Threading: pure functions. Errors: none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/options.h"

namespace stoker::protocol::ollama {

// The JSON number; as a string the server refuses it.
inline constexpr std::int64_t kKeepForever = -1;

// POST /api/generate without a prompt: loads and answers in one piece.
std::string load_request(std::string_view model, const Options& load_options);
// POST /api/embed without an input: the same for models that only embed.
std::string embed_load_request(std::string_view model, const Options& load_options);
// POST /api/generate: answers at once, before the memory is free. Also right for models that only embed.
std::string unload_request(std::string_view model, const Options& load_options);
// POST /api/show.
std::string show_request(std::string_view model);

struct ChatMessage {
  std::string role;
  std::string content;
};

struct ChatRequest {
  std::string model;
  std::vector<ChatMessage> messages;
  // Options named `think`, `format`, `truncate`, `shift` become fields of the request, all others its `options`.
  Options load_options = {};
  Options run_options = {};
  std::optional<std::uint64_t> seed = {};
};

// POST /api/chat, streamed, kept loaded for ever.
std::string chat_request(const ChatRequest& request);

}  // namespace stoker::protocol::ollama
