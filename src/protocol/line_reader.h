// Lines out of bytes that may be cut anywhere: records of ndjson, lines of server-sent events.
//
// Threading, ownership: a value of one stream. Line ends are \n and \r\n.
// Limits: the constructor's; a longer line ends the stream.
// Errors: too_large, and what the callback says; after an error the reader is not used any more.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace stoker::protocol {

class LineReader {
 public:
  // Gets a line without its end, valid during the call. False: enough, the rest is not looked at.
  using Each = std::function<Result<bool>(std::string_view line)>;

  explicit LineReader(std::size_t line_bytes_max) : line_bytes_max_(line_bytes_max) {}

  Result<bool> feed(std::string_view bytes, const Each& each);
  // The stream has ended: a last line without an end, if there is one.
  Result<bool> finish(const Each& each);

 private:
  std::size_t line_bytes_max_;
  std::string begun_;  // the line that has no end yet
};

}  // namespace stoker::protocol
