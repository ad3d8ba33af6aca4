// Answers of an Ollama server that come in one piece.
//
// Threading: pure functions. Limits: kListedMax entries of a list; what comes after is left out.
// Errors: internal for what is no answer of Ollama's form. Details never quote the answer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace stoker::protocol::ollama {

inline constexpr std::size_t kListedMax = 5000;

// {"error":"text"}, or the object of the /v1 routes; empty if there is none. Untrusted, may quote a request.
std::string error_words(std::string_view body);

// GET /api/version.
Result<std::string> parse_version(std::string_view body);

struct InstalledModel {
  std::string name;
  std::string digest;
  std::uint64_t bytes = 0;  // on disk
  bool remote = false;      // runs on another machine
};
// GET /api/tags.
Result<std::vector<InstalledModel>> parse_tags(std::string_view body);

struct RunningModel {
  std::string name;
  std::string digest;
  std::uint64_t bytes = 0;       // in use: weights, KV cache, buffers
  std::uint64_t vram_bytes = 0;  // the part of them on the GPU
  std::int64_t context_length = 0;
};
// GET /api/ps.
Result<std::vector<RunningModel>> parse_ps(std::string_view body);

struct ModelFacts {
  std::string
      blob;  // digest of the weights; names with the same one share a runner. Empty: it does not tell
  bool remote = false;
  bool only_embeds = false;
};
// POST /api/show.
Result<ModelFacts> parse_show(std::string_view body);

struct LoadAnswer {
  bool remote = false;
};
// The answer to a load or an unload through /api/generate, and to a load through /api/embed.
Result<LoadAnswer> parse_generate_answer(std::string_view body);
Result<LoadAnswer> parse_embed_answer(std::string_view body);

}  // namespace stoker::protocol::ollama
