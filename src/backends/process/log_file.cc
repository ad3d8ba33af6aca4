#include "backends/process/log_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <utility>

namespace stoker {
namespace {

constexpr mode_t kOnlyOwner = 0600;

void append(const std::string& path, std::string_view text, std::uint64_t bytes_max) {
  // What gathered while the disk was slow may be more than a whole file: its end counts.
  if (text.size() > bytes_max) {
    text.remove_prefix(text.size() - static_cast<std::size_t>(bytes_max));
    text.remove_prefix(std::min(text.find('\n') + 1, text.size()));
  }
  struct stat facts = {};
  const bool there = ::stat(path.c_str(), &facts) == 0;
  if (there && static_cast<std::uint64_t>(facts.st_size) + text.size() > bytes_max) {
    std::rename(path.c_str(), (path + ".1").c_str());
  }
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, kOnlyOwner);
  if (fd < 0) return;
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written <= 0) break;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  ::close(fd);
}

}  // namespace

LogFile::LogFile(Loop& loop, std::string path, std::uint64_t bytes_max)
    : path_(std::move(path)), bytes_max_(bytes_max), work_(loop) {}

void LogFile::add(const std::vector<std::string>& lines) {
  if (path_.empty()) return;
  for (const std::string& line : lines) {
    if (waiting_.size() + line.size() >= kLogWaitingBytesMax) break;
    waiting_.append(line).append("\n");
  }
  if (!writing_ && !waiting_.empty()) write();
}

void LogFile::write() {
  writing_ = true;
  auto text = std::exchange(waiting_, {});
  work_.add([path = path_, text = std::move(text), max = bytes_max_] { append(path, text, max); },
            [this] {
              writing_ = false;
              if (!waiting_.empty()) write();
            });
}

}  // namespace stoker
