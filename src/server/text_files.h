// Whole text files that people name on the command line: read bounded, written complete or not at all.
//
// Threading: any. Errors: not_found, too_large, disk_full or internal; `detail` names the file and the reason.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace stoker::server {

Result<std::string> read_text_file(const std::string& path, std::size_t bytes_max);

// Writes beside `path` and renames. What exists and is no ordinary file (a pipe, a device) is written to as it is.
Result<void> write_text_file(const std::string& path, std::string_view text);

bool is_folder(const std::string& path);

// The files of a folder that end with `suffix`, with their path, by name.
Result<std::vector<std::string>> files_of_folder(const std::string& path, std::string_view suffix);

}  // namespace stoker::server
