#include "tests/engines/openai_server/multipart.h"

namespace stoker::engines::openai {
namespace {

// The value of NAME="…" in a header.
std::string quoted_value(std::string_view head, std::string_view name) {
  const std::string start = std::string(name) + "=\"";
  const std::size_t at = head.find(start);
  if (at == std::string_view::npos) return {};
  const std::size_t begin = at + start.size();
  return std::string(head.substr(begin, head.find('"', begin) - begin));
}

}  // namespace

std::optional<std::vector<Part>> parse_multipart(std::string_view content_type,
                                                 std::string_view body) {
  constexpr std::string_view kBoundary = "boundary=";
  const std::size_t at = content_type.find(kBoundary);
  if (!content_type.starts_with("multipart/form-data") || at == std::string_view::npos) {
    return std::nullopt;
  }
  std::string_view boundary = content_type.substr(at + kBoundary.size());
  boundary = boundary.substr(0, boundary.find(';'));
  if (boundary.starts_with('"')) boundary = boundary.substr(1, boundary.rfind('"') - 1);
  const std::string line = "--" + std::string(boundary);
  std::vector<Part> parts;
  std::size_t begin = body.find(line);
  while (begin != std::string_view::npos) {
    begin += line.size();
    if (body.substr(begin).starts_with("--")) return parts;
    const std::size_t end = body.find("\r\n" + line, begin);
    const std::size_t head_end = body.find("\r\n\r\n", begin);
    if (end == std::string_view::npos || head_end == std::string_view::npos || head_end > end) {
      return std::nullopt;
    }
    const std::string_view head = body.substr(begin, head_end - begin);
    parts.push_back({.name = quoted_value(head, " name"),
                     .filename = quoted_value(head, "filename"),
                     .content = std::string(body.substr(head_end + 4, end - head_end - 4))});
    begin = end + 2;
  }
  return std::nullopt;
}

}  // namespace stoker::engines::openai
