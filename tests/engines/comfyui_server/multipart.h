// multipart/form-data as values.
//
// Threading: pure functions. Errors: nullopt for a content type or a body that is not multipart.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stoker::engines::comfyui {

struct FormPart {
  std::string name;
  std::optional<std::string> file_name;
  std::string bytes;
};

std::optional<std::vector<FormPart>> parse_form(std::string_view content_type,
                                                std::string_view body);

}  // namespace stoker::engines::comfyui
