// Folders below an open folder, entered one name at a time and never through a symbolic link.
//
// Threading: functions that block for as long as the disk takes.
// Errors: as in system_error.h.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "storage/file_handle.h"

namespace stoker {

inline constexpr int kTreeDepthMax = 4;

// Opens the folder `name` in `parent`.
Result<FileHandle> open_folder(int parent, const std::string& name);

// The same, and makes it (0700, durable) where it is missing.
Result<FileHandle> make_folder(int parent, const std::string& name);

// The names in an open folder, without "." and "..".
Result<std::vector<std::string>> names_in(int folder);

// Removes the file or the folder with everything in it and returns the bytes of its files; 0 when
// it is not there.
Result<std::uint64_t> remove_tree(int parent, const std::string& name,
                                  int depth_max = kTreeDepthMax);

}  // namespace stoker
