#include "storage/sqlite/directory_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "storage/system_error.h"

namespace stoker::sqlite {

Result<DirectoryLock> DirectoryLock::take(const std::string& directory) {
  const std::filesystem::path folder(directory);
  if (folder.has_parent_path()) {
    std::error_code error;
    std::filesystem::create_directories(folder.parent_path(), error);
  }
  // Others have no business among people's texts. A folder that exists keeps the rights its
  // operator gave it.
  if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
    return fail(system_error("create " + directory, errno));

  const std::string path = directory + "/lock";
  FileHandle file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) return fail(system_error("open " + path, errno));
  if (flock(file.get(), LOCK_EX | LOCK_NB) == 0) return DirectoryLock(std::move(file));
  if (errno != EWOULDBLOCK) return fail(system_error("lock " + path, errno));
  return fail(ErrorCode::conflict, "another process uses this data folder: " + path + " is locked",
              directory);
}

}  // namespace stoker::sqlite
