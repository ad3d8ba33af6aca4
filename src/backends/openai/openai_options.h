// How an OpenAI-compatible server is reached, and which one it is.
//
// Threading, ownership: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "domain/ids.h"
#include "net/http.h"

namespace stoker {

// They agree on how to run and on nothing else: loading, unloading and health are each one's own.
enum class OpenAiFlavour : std::uint8_t {
  llama_cpp,         // one model, loaded at the start
  llama_cpp_router,  // loads and unloads by name
  vllm,              // one model, which may sleep
  localai,           // loads and unloads by name
  sd_cpp,            // stable-diffusion.cpp: pictures of one model
  lm_studio,         // loads and unloads by name
  plain,             // nothing is known but /v1
};
inline constexpr int kOpenAiFlavourCount = 7;
std::string_view openai_flavour_name(OpenAiFlavour flavour);  // "llama_cpp"
std::optional<OpenAiFlavour> openai_flavour_from_name(std::string_view name);

struct OpenAiOptions {
  BackendId id;
  net::Url url;             // without /v1
  std::string key = {};     // bearer token
  std::uint32_t slots = 1;  // of llama.cpp's --parallel
  // What it is; absent: the first call that needs to know asks, and each probe looks again.
  std::optional<OpenAiFlavour> flavour = {};
  // Until the first piece of a text: the server says nothing while it queues, loads and reads the prompt.
  Duration run_first_byte_max = minutes(5);
  // Between two pieces of a text.
  Duration run_stall_max = minutes(2);
};

}  // namespace stoker
