#include "gpu/proc_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <limits>
#include <memory>

namespace stoker::gpu {

std::optional<std::string> read_small_file(const std::string& path, std::size_t bytes_max) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return std::nullopt;
  std::string text;
  std::array<char, 8192> piece;
  bool failed = false;
  while (text.size() < bytes_max) {
    const ssize_t got = ::read(fd, piece.data(), std::min(piece.size(), bytes_max - text.size()));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      failed = got < 0;
      break;
    }
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
  ::close(fd);
  if (failed) return std::nullopt;
  return text;
}

std::string in_folder(std::string folder, std::string_view name) {
  folder += '/';
  folder += name;
  return folder;
}

std::string folder_of(const std::string& proc_root, std::int32_t pid) {
  return in_folder(proc_root, std::to_string(pid));
}

std::optional<std::string> read_link(const std::string& path) {
  std::array<char, 4096> target;
  const ssize_t length = ::readlink(path.c_str(), target.data(), target.size());
  if (length < 0) return std::nullopt;
  return std::string(target.data(), static_cast<std::size_t>(length));
}

std::vector<std::string> names_in(const std::string& folder, std::size_t names_max) {
  const auto close = [](DIR* dir) { ::closedir(dir); };
  const std::unique_ptr<DIR, decltype(close)> dir(::opendir(folder.c_str()), close);
  std::vector<std::string> names;
  if (!dir) return names;
  while (names.size() < names_max) {
    const dirent* entry = ::readdir(dir.get());
    if (entry == nullptr) break;
    const std::string_view name(static_cast<const char*>(entry->d_name));
    if (name != "." && name != "..") names.emplace_back(name);
  }
  std::ranges::sort(names);
  return names;
}

std::vector<std::int32_t> process_ids(const std::string& proc_root) {
  std::vector<std::int32_t> pids;
  for (const std::string& name : names_in(proc_root, kPidsMax)) {
    const auto pid = number_in(name);
    if (pid && *pid > 0 && *pid <= std::numeric_limits<std::int32_t>::max())
      pids.push_back(static_cast<std::int32_t>(*pid));
  }
  std::ranges::sort(pids);
  return pids;
}

std::optional<std::string> program_name(const std::string& proc_root, std::int32_t pid) {
  const std::string folder = folder_of(proc_root, pid);
  if (auto path = read_link(in_folder(folder, "exe"))) {
    constexpr std::string_view kDeleted = " (deleted)";
    if (path->ends_with(kDeleted)) path->resize(path->size() - kDeleted.size());
    const std::string_view name = std::string_view(*path).substr(path->rfind('/') + 1);
    if (!name.empty()) return printable(name, kProgramNameMax);
  }
  const auto comm = read_small_file(in_folder(folder, "comm"), kProgramNameMax);
  if (!comm || trimmed(*comm).empty()) return std::nullopt;
  return printable(trimmed(*comm), kProgramNameMax);
}

std::string printable(std::string_view text, std::size_t bytes_max) {
  // A cut does not leave half of a multi-byte character.
  std::size_t end = std::min(bytes_max, text.size());
  const auto inside = [text](std::size_t at) {
    return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U;
  };
  for (int back = 0; back < 3 && end > 0 && inside(end); ++back) --end;
  std::string shown(text.substr(0, end));
  std::ranges::replace_if(
      shown, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, '?');
  return shown;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n\v\f";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return text.substr(text.size());
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::optional<std::uint64_t> number_in(std::string_view text, int base) {
  text = trimmed(text);
  std::uint64_t value = 0;
  const char* begin = text.data();
  const char* end = begin + text.size();
  const auto parsed = std::from_chars(begin, end, value, base);
  if (text.empty() || parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
  return value;
}

std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

std::optional<std::uint64_t> bytes_of_key(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (!line.starts_with(key) || line.substr(key.size(), 1) != ":") continue;
    std::string_view value = trimmed(line.substr(key.size() + 1));
    std::uint64_t unit = 1;
    if (const std::size_t blank = value.find_first_of(" \t"); blank != std::string_view::npos) {
      const std::string_view word = trimmed(value.substr(blank));
      if (word == "kB" || word == "KiB") unit = 1024;
      if (word == "MiB") unit = 1024ULL * 1024ULL;
      value = value.substr(0, blank);
    }
    const auto number = number_in(value);
    if (!number || *number > std::numeric_limits<std::uint64_t>::max() / unit) return std::nullopt;
    return *number * unit;
  }
  return std::nullopt;
}

}  // namespace stoker::gpu
