#include "storage/folder_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "storage/system_error.h"

namespace stoker {
namespace {

struct CloseFolder {
  void operator()(DIR* folder) const { closedir(folder); }
};

Result<std::uint64_t> remove_folder(int parent, const std::string& name, int depth_max) {
  if (depth_max == 0) return fail(ErrorCode::internal, "a result folder is too deep");
  std::uint64_t removed = 0;
  {
    const auto folder = open_folder(parent, name);
    if (!folder) return fail(folder.error());
    const auto names = names_in(folder->get());
    if (!names) return fail(names.error());
    for (const std::string& inner : *names) {
      const auto bytes = remove_tree(folder->get(), inner, depth_max - 1);
      if (!bytes) return bytes;
      removed += *bytes;
    }
  }
  if (unlinkat(parent, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
    return fail(system_error("remove result folder " + name, errno));
  }
  return removed;
}

}  // namespace

Result<FileHandle> open_folder(int parent, const std::string& name) {
  FileHandle folder(openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder) return fail(system_error("open result folder " + name, errno));
  return folder;
}

Result<FileHandle> make_folder(int parent, const std::string& name) {
  if (mkdirat(parent, name.c_str(), 0700) == 0) {
    if (fsync(parent) != 0) return fail(system_error("write result folder " + name, errno));
  } else if (errno != EEXIST) {
    return fail(system_error("make result folder " + name, errno));
  }
  return open_folder(parent, name);
}

Result<std::vector<std::string>> names_in(int folder) {
  // A descriptor of its own: fdopendir takes it over, and reading moves its position.
  const int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (copy < 0) return fail(system_error("read a result folder", errno));
  const std::unique_ptr<DIR, CloseFolder> entries(fdopendir(copy));
  if (entries == nullptr) {
    close(copy);
    return fail(ErrorCode::internal, "cannot read a result folder");
  }
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = readdir(entries.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  if (errno != 0) return fail(system_error("read a result folder", errno));
  return names;
}

Result<std::uint64_t> remove_tree(int parent, const std::string& name, int depth_max) {
  struct stat found{};
  if (fstatat(parent, name.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return 0;
    return fail(system_error("look at result " + name, errno));
  }
  if (S_ISDIR(found.st_mode)) return remove_folder(parent, name, depth_max);
  if (unlinkat(parent, name.c_str(), 0) != 0 && errno != ENOENT) {
    return fail(system_error("remove result " + name, errno));
  }
  return S_ISREG(found.st_mode) ? static_cast<std::uint64_t>(found.st_size) : 0;
}

}  // namespace stoker
