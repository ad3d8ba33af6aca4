#include "tests/engines/comfyui_server/multipart.h"

namespace stoker::engines::comfyui {
namespace {

// name="value" or name=value in a header.
std::optional<std::string> parameter(std::string_view header, std::string_view name) {
  const std::string wanted = std::string(name) + "=";
  for (std::size_t at = header.find(wanted); at != std::string_view::npos;
       at = header.find(wanted, at + 1)) {
    const bool begins = at == 0 || header[at - 1] == ' ' || header[at - 1] == ';';
    if (!begins) continue;
    std::string_view value = header.substr(at + wanted.size());
    if (!value.starts_with('"')) return std::string(value.substr(0, value.find_first_of("; \r\n")));
    value.remove_prefix(1);
    return std::string(value.substr(0, value.find('"')));
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::vector<FormPart>> parse_form(std::string_view content_type,
                                                std::string_view body) {
  const auto boundary = parameter(content_type, "boundary");
  if (!content_type.starts_with("multipart/form-data") || !boundary) return std::nullopt;
  const std::string line = "--" + *boundary;
  std::vector<FormPart> parts;
  std::size_t at = body.find(line);
  while (at != std::string_view::npos) {
    body.remove_prefix(at + line.size());
    if (body.starts_with("--")) return parts;
    const std::size_t head_end = body.find("\r\n\r\n");
    const std::size_t end = body.find("\r\n" + line);
    if (head_end == std::string_view::npos || end == std::string_view::npos) return std::nullopt;
    if (end < head_end + 2) return std::nullopt;
    const std::string_view head = body.substr(0, head_end);
    const std::size_t from = head_end + 4;
    parts.push_back({.name = parameter(head, "name").value_or(""),
                     .file_name = parameter(head, "filename"),
                     .bytes = std::string(body.substr(from, end > from ? end - from : 0))});
    at = body.find(line);
  }
  return std::nullopt;
}

}  // namespace stoker::engines::comfyui
