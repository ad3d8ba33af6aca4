#include "protocol/line_reader.h"

#include <utility>

namespace stoker::protocol {
namespace {

std::string_view without_return(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

Result<bool> LineReader::feed(std::string_view bytes, const Each& each) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view part = bytes.substr(0, end);
    if (begun_.size() + part.size() > line_bytes_max_) {
      return fail(ErrorCode::too_large, "a line of the engine's stream is too long");
    }
    if (end == std::string_view::npos) {
      begun_ += part;
      return true;
    }
    bytes.remove_prefix(end + 1);
    if (begun_.empty()) {
      const auto more = each(without_return(part));
      if (!more || !*more) return more;
      continue;
    }
    begun_ += part;
    const std::string line = std::exchange(begun_, {});
    const auto more = each(without_return(line));
    if (!more || !*more) return more;
  }
  return true;
}

Result<bool> LineReader::finish(const Each& each) {
  if (begun_.empty()) return true;
  const std::string line = std::exchange(begun_, {});
  return each(without_return(line));
}

}  // namespace stoker::protocol
