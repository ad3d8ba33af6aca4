// The parts of a multipart/form-data body.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stoker::engines::openai {

struct Part {
  std::string name;
  std::string filename;
  std::string content;
};

// nullopt if the content type has no boundary or the body does not follow it.
std::optional<std::vector<Part>> parse_multipart(std::string_view content_type,
                                                 std::string_view body);

}  // namespace stoker::engines::openai
