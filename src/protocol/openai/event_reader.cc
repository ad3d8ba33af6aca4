#include "protocol/openai/event_reader.h"

#include <utility>

namespace stoker::protocol::openai {

Result<bool> EventReader::complete(const Each& each) {
  const ServerEvent event = std::exchange(event_, {});
  has_data_ = false;
  if (event.data.empty() && event.error.empty()) return true;
  return each(event);
}

Result<bool> EventReader::take(std::string_view line, const Each& each) {
  if (line.empty()) return complete(each);
  const std::size_t colon = line.find(':');
  const std::string_view field = line.substr(0, colon);
  std::string_view value =
      colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (event_.data.size() + value.size() > kEventBytesMax) {
    return fail(ErrorCode::too_large, "an event of the engine's stream is too long");
  }
  if (field == "data") {
    if (has_data_) event_.data += '\n';
    event_.data += value;
    has_data_ = true;
  } else if (field == "event") {
    event_.name = value;
  } else if (field == "error") {
    event_.error = value;
  }
  return true;
}

Result<bool> EventReader::feed(std::string_view bytes, const Each& each) {
  return lines_.feed(bytes, [&](std::string_view line) { return take(line, each); });
}

Result<bool> EventReader::finish(const Each& each) {
  const auto rest = lines_.finish([&](std::string_view line) { return take(line, each); });
  if (!rest || !*rest) return rest;
  return complete(each);
}

}  // namespace stoker::protocol::openai
