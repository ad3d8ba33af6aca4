// GET /history: how a prompt ended and what it made.
//
// Threading: pure functions. Errors: backend_down for an answer that is none.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "protocol/comfyui/fault.h"
#include "protocol/comfyui/requests.h"

namespace stoker::protocol::comfyui {

struct OutputFile {
  std::string node;
  std::string kind;  // the key it stands under: images, audio, gifs, …
  FileName name;
  bool animated = false;
};

struct OutputText {
  std::string node;
  std::string text;
};

enum class RunEnd : std::uint8_t { success, failed, interrupted };

struct HistoryEntry {
  RunEnd end = RunEnd::success;
  std::optional<ExecutionFault> fault;  // of a failed run, where the engine told
  double number = 0;
  std::vector<std::string> cached_nodes;
  std::vector<OutputFile> files;
  std::vector<OutputText> texts;
};

// nullopt: queued, running, unknown or forgotten.
Result<std::optional<HistoryEntry>> parse_history(std::string_view body,
                                                  std::string_view prompt_id);

// The highest number of the prompts in an answer; nullopt: there are none.
Result<std::optional<double>> newest_number(std::string_view body);

}  // namespace stoker::protocol::comfyui
