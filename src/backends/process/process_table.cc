#include "backends/process/process_table.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>

namespace stoker {
namespace {

constexpr std::size_t kStatBytesMax = 4096;

std::optional<std::string> read_file(const std::string& path, std::size_t bytes_max) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  std::string text;
  std::array<char, 8192> piece;
  ssize_t got = 0;
  while (text.size() < bytes_max && (got = ::read(fd, piece.data(), piece.size())) > 0) {
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
  ::close(fd);
  if (got < 0) return std::nullopt;
  return text;
}

template <class T>
bool parse_number(std::string_view text, T& number) {
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && rest == text.data() + text.size() && !text.empty();
}

std::string_view next_word(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \n"), text.size()));
  const std::string_view word = text.substr(0, text.find_first_of(" \n"));
  text.remove_prefix(word.size());
  return word;
}

std::string folder_of(int pid) {
  return "/proc/" + std::to_string(pid);
}

}  // namespace

// "PID (name) state parent group ... threads(20) ... start(22)"; the name may hold any byte.
std::optional<ProcessEntry> parse_process(std::string_view text) {
  const std::size_t open = text.find('(');
  const std::size_t close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) {
    return std::nullopt;
  }
  ProcessEntry entry;
  entry.program = text.substr(open + 1, close - open - 1);
  std::string_view number = text.substr(0, open);
  if (!parse_number(next_word(number), entry.pid)) return std::nullopt;
  std::string_view rest = text.substr(close + 1);
  const std::string_view state = next_word(rest);
  next_word(rest);  // its parent
  if (!parse_number(next_word(rest), entry.group)) return std::nullopt;
  for (int field = 6; field < 20; ++field) next_word(rest);
  int threads = 0;
  if (!parse_number(next_word(rest), threads)) return std::nullopt;
  next_word(rest);
  if (!parse_number(next_word(rest), entry.started)) return std::nullopt;
  // A zombie with threads is a process whose first thread has ended while others work.
  entry.lives = (state != "Z" && state != "X") || threads > 1;
  return entry;
}

std::optional<ProcessEntry> find_process(int pid) {
  const auto text = read_file(folder_of(pid) + "/stat", kStatBytesMax);
  return text ? parse_process(*text) : std::nullopt;
}

ProcessEntry this_process() {
  return find_process(::getpid()).value_or(ProcessEntry{.pid = ::getpid(), .program = {}});
}

std::vector<ProcessEntry> all_processes() {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc"), ::closedir);
  std::vector<ProcessEntry> entries;
  if (!folder) return entries;
  for (const dirent* file = ::readdir(folder.get());
       file != nullptr && entries.size() < kProcessesMax; file = ::readdir(folder.get())) {
    int pid = 0;
    if (!parse_number(std::string_view(file->d_name), pid)) continue;
    if (auto entry = find_process(pid)) entries.push_back(*std::move(entry));
  }
  return entries;
}

bool environment_has(int pid, std::string_view variable) {
  const auto text = read_file(folder_of(pid) + "/environ", kEnvironmentBytesMax);
  if (!text) return false;
  std::string_view rest = *text;
  while (!rest.empty()) {
    const std::string_view entry = rest.substr(0, rest.find('\0'));
    if (entry == variable) return true;
    rest.remove_prefix(std::min(entry.size() + 1, rest.size()));
  }
  return false;
}

}  // namespace stoker
