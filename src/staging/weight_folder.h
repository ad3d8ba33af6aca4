// Which files of a folder an engine would load together; the rules stand in weight_file.h.
//
// Threading: blocking. Limits and errors: as weight_file.h says.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace stoker::staging {

// Paths of weight files, each once, in order. Parts of a split GGUF model are each in the list.
Result<std::vector<std::string>> weight_files_of_folder(const std::string& folder);

}  // namespace stoker::staging
