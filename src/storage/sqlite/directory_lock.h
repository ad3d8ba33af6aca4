// One process per data folder: an exclusive lock on DIR/lock, held until destruction or the end of
// the process.
//
// Threading: a value. The kernel lets go of the lock also after a kill.
// Errors: conflict (held elsewhere; detail names the file), disk_full, internal.
#pragma once

#include <string>

#include "base/error.h"
#include "storage/file_handle.h"

namespace stoker::sqlite {

class DirectoryLock {
 public:
  // Creates the folder (0700) and the lock file (0600) where they are missing.
  static Result<DirectoryLock> take(const std::string& directory);

 private:
  explicit DirectoryLock(FileHandle file) : file_(std::move(file)) {}
  FileHandle file_;
};

}  // namespace stoker::sqlite
