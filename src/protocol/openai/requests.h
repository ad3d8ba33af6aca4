// Bodies of requests to OpenAI-compatible servers.
//
// Threading: pure functions. Errors: none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/options.h"

namespace stoker::protocol::openai {

struct ChatMessage {
  std::string role;
  std::string content;
};

// Whether a stream ends with a chunk that counts tokens; some servers refuse to be asked.
enum class UsageWish : std::uint8_t { none, asked };

struct ChatRequest {
  std::string model;
  std::vector<ChatMessage> messages;
  Options options = {};
  std::optional<std::uint64_t> seed = {};
  UsageWish usage = UsageWish::none;
};

// POST /v1/chat/completions, streamed.
std::string chat_request(const ChatRequest& request);
// The same in one piece, one token long: what makes a server load.
std::string first_token_request(std::string_view model);

struct ImageRequest {
  std::string model;
  std::string prompt;
  // `width` and `height` become `size`; the others are fields.
  Options options = {};
  std::optional<std::uint64_t> seed = {};
};

// POST /v1/images/generations for one picture as base64.
std::string image_request(const ImageRequest& request);
// The same for stable-diffusion.cpp, which reads steps, seed and the like from inside the prompt only.
std::string sd_cpp_image_request(const ImageRequest& request);
// Takes away what stable-diffusion.cpp would read from a prompt as orders.
std::string without_extra_args(std::string_view prompt);

// POST /v1/audio/speech; answered with the sound itself.
std::string speech_request(std::string_view model, std::string_view text, const Options& options);

// {"model": …} with fields, for the routes that load and unload.
std::string model_request(std::string_view model, const Options& fields = {});
// POST /api/v1/models/unload of LM Studio.
std::string instance_request(std::string_view instance);

}  // namespace stoker::protocol::openai
