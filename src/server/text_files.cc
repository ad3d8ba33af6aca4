#include "server/text_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "storage/file_handle.h"
#include "storage/system_error.h"

namespace stoker::server {
namespace {

Result<void> write_all(int file, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail(system_error("write " + path, errno));
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<void> write_in_place(const std::string& path, std::string_view text) {
  FileHandle file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file) return fail(system_error("open " + path, errno));
  return write_all(file.get(), text, path);
}

}  // namespace

Result<std::string> read_text_file(const std::string& path, std::size_t bytes_max) {
  FileHandle file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) {
    return fail(errno == ENOENT ? Error{ErrorCode::not_found, path + " is not there"}
                                : system_error("open " + path, errno));
  }
  struct stat facts{};
  if (fstat(file.get(), &facts) != 0) return fail(system_error("look at " + path, errno));
  if (S_ISDIR(facts.st_mode)) return fail(ErrorCode::bad_request, path + " is a folder");
  constexpr std::size_t kChunk = 64 * 1024;
  // A pipe says nothing about its length.
  std::string text(std::min(bytes_max, static_cast<std::size_t>(facts.st_size)) + 1, '\0');
  std::size_t size = 0;
  while (size <= bytes_max) {
    if (size == text.size()) text.resize(std::min(bytes_max + 1, size + std::max(size, kChunk)));
    const ssize_t got = ::read(file.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(system_error("read " + path, errno));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > bytes_max) return fail(ErrorCode::too_large, path + " is too large");
  text.resize(size);
  return text;
}

Result<void> write_text_file(const std::string& path, std::string_view text) {
  struct stat facts{};
  if (stat(path.c_str(), &facts) == 0 && !S_ISREG(facts.st_mode)) return write_in_place(path, text);
  const std::string draft = path + ".new";
  unlink(draft.c_str());
  FileHandle file(open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666));
  if (!file) return fail(system_error("create " + draft, errno));
  auto written = write_all(file.get(), text, draft);
  if (written && rename(draft.c_str(), path.c_str()) != 0)
    written = fail(system_error("rename " + draft, errno));
  if (!written) unlink(draft.c_str());
  return written;
}

bool is_folder(const std::string& path) {
  struct stat facts{};
  return stat(path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode);
}

Result<std::vector<std::string>> files_of_folder(const std::string& path, std::string_view suffix) {
  std::vector<std::string> files;
  std::error_code problem;
  for (std::filesystem::directory_iterator entry(path, problem), end; !problem && entry != end;
       entry.increment(problem)) {
    std::string name = entry->path().string();
    if (name.ends_with(suffix) && !is_folder(name)) files.push_back(std::move(name));
  }
  if (problem) return fail(ErrorCode::not_found, "read " + path + ": " + problem.message());
  std::ranges::sort(files);
  return files;
}

}  // namespace stoker::server
