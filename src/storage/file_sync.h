// Makes names and contents of files durable.
//
// Threading: functions that block for as long as the disk takes.
// Errors: as in system_error.h.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>

#include "base/error.h"
#include "storage/file_handle.h"
#include "storage/system_error.h"

namespace stoker {

// `flags` is O_RDONLY, with O_DIRECTORY for a folder.
inline Result<void> sync_path(const std::string& path, int flags) {
  const FileHandle file(::open(path.c_str(), flags | O_CLOEXEC));
  if (!file) return fail(system_error("open " + path, errno));
  if (fsync(file.get()) != 0) return fail(system_error("write " + path, errno));
  return {};
}

// The folder that names the file: a new name is durable only with it.
inline Result<void> sync_folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path();
  return sync_path(folder.empty() ? "." : folder, O_RDONLY | O_DIRECTORY);
}

}  // namespace stoker
