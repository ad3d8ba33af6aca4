// Answers of OpenAI-compatible servers that come in one piece, with what single servers add to the common routes.
//
// Threading: pure functions. Limits: kListedMax entries of a list, kPicturesMax pictures.
// Errors: internal for what is not in the expected form, too_large. Details never quote the answer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace stoker::protocol::openai {

inline constexpr std::size_t kListedMax = 5000;
inline constexpr std::size_t kPicturesMax = 16;

struct ListedModel {
  std::string id;
  std::string owner;
  std::string
      status;  // of llama.cpp's router: "unloaded", "loading", "loaded", "sleeping", "downloading"
  bool failed = false;       // its last load
  bool has_context = false;  // vLLM's max_model_len
};
// GET /v1/models, and /models of llama.cpp's router. A null list is an empty one.
Result<std::vector<ListedModel>> parse_models(std::string_view body);

// Pictures as bytes; the answer must hold them itself.
Result<std::vector<std::string>> parse_pictures(std::string_view body, std::size_t bytes_max);
// Strict: padding where it belongs, nothing else than the alphabet.
std::optional<std::string> decode_base64(std::string_view text);

// GET /props of llama.cpp; nullopt: another server.
struct LlamaProps {
  std::string build;
  std::int64_t slots = 0;
  bool sleeping = false;
  bool router = false;
};
std::optional<LlamaProps> parse_props(std::string_view body);
// GET /slots of llama.cpp: how many are at work.
Result<std::size_t> count_busy_slots(std::string_view body);

// GET /version: {"version":"…"}.
std::optional<std::string> parse_version(std::string_view body);
// GET /is_sleeping of vLLM.
Result<bool> parse_is_sleeping(std::string_view body);
// GET /backend/monitor of LocalAI: whether the model's process is there and works.
Result<bool> parse_monitor(std::string_view body);

struct StudioModel {
  std::string key;
  std::uint64_t bytes = 0;
  std::vector<std::string> instances;  // that are loaded
};
// GET /api/v1/models of LM Studio; nullopt: another server.
std::optional<std::vector<StudioModel>> parse_studio_models(std::string_view body);

// An object without an `error`: how servers that answer 200 to everything are told from those that mean it.
bool is_plain_object(std::string_view body);

}  // namespace stoker::protocol::openai
