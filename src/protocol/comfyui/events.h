// Frames of the engine's websocket.
//
// Threading: pure functions. Unknown kinds and broken frames are `other`: custom nodes send what they like.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/comfyui/fault.h"

namespace stoker::protocol::comfyui {

enum class EventKind : std::uint8_t {
  other,
  status,      // how many prompts wait
  start,       // execution_start
  cached,      // execution_cached: `nodes` come from the cache
  executing,   // a node begins
  ended,       // executing with node null: the run is over, its history is there
  progress,    // `value` of `max` at `node`
  executed,    // an output node has its output
  success,     // execution_success: it comes before the history
  error,       // execution_error: `fault`
  interrupted  // execution_interrupted
};

struct Event {
  EventKind kind = EventKind::other;
  std::string prompt_id;  // empty: the frame names none
  std::string node;
  double value = 0;
  double max = 0;
  std::vector<std::string> nodes;
  std::optional<ExecutionFault> fault;
  std::string sid;  // of the first status
  std::uint64_t queue_remaining = 0;
};

Event parse_event(std::string_view frame);

// Binary frames, big-endian: previews and texts. What is none of them is `other`.
enum class BinaryKind : std::uint8_t { other, preview, text, preview_with_metadata };

struct BinaryEvent {
  BinaryKind kind = BinaryKind::other;
  std::uint32_t format = 0;  // preview: 1 JPEG, 2 PNG
  std::string_view payload;  // of the frame: the picture, or the text
};

BinaryEvent parse_binary_event(std::string_view frame);

}  // namespace stoker::protocol::comfyui
