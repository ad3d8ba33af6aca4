// Server-sent events out of bytes that may be cut anywhere.
//
// Threading, ownership: a value of one stream. Comments are left out; several `data:` lines are joined by \n.
// Limits: kEventBytesMax for one event. Errors: too_large, and what the callback says.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "protocol/line_reader.h"

namespace stoker::protocol::openai {

inline constexpr std::size_t kEventBytesMax = 8 * kBytesPerMiB;

struct ServerEvent {
  std::string name;   // of `event:`, mostly empty
  std::string data;   // of `data:`
  std::string error;  // of `error:`, a field that only one server of 2025 sends
};

class EventReader {
 public:
  // False: enough, the rest is not looked at.
  using Each = std::function<Result<bool>(const ServerEvent& event)>;

  EventReader() : lines_(kEventBytesMax) {}

  Result<bool> feed(std::string_view bytes, const Each& each);
  // The stream has ended: an event whose blank line is missing still counts.
  Result<bool> finish(const Each& each);

 private:
  Result<bool> take(std::string_view line, const Each& each);
  Result<bool> complete(const Each& each);

  LineReader lines_;
  ServerEvent event_;
  bool has_data_ = false;
};

}  // namespace stoker::protocol::openai
