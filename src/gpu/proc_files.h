// Small files of the kernel: bounded reads below /proc and /sys, and what a process is called.
//
// Purpose: every probe reads these trees in the same careful way.
// Threading: no state; any thread.
// Limits: every read and every listing has a stated maximum; what is longer is cut.
// Errors: a file or a process that is gone or not readable is `nullopt` or an empty list; that is no failure.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stoker::gpu {

inline constexpr std::size_t kSmallFileMax = 16 * 1024;
inline constexpr std::size_t kPidsMax = 65536;
inline constexpr std::size_t kProgramNameMax = 64;

std::optional<std::string> read_small_file(const std::string& path,
                                           std::size_t bytes_max = kSmallFileMax);

// Whether one of the entries (or the named member of one) equals `value`.
template <class Range, class Value, class Member = std::identity>
bool has(const Range& range, const Value& value, Member member = {}) {
  return std::ranges::find(range, value, member) != std::ranges::end(range);
}

// "folder/name".
std::string in_folder(std::string folder, std::string_view name);

// The folder of a process below a /proc root.
std::string folder_of(const std::string& proc_root, std::int32_t pid);

// Where a symbolic link points to.
std::optional<std::string> read_link(const std::string& path);

// Names in a folder without "." and "..", sorted; `names_max` at most.
std::vector<std::string> names_in(const std::string& folder, std::size_t names_max);

// The processes of a /proc tree, ascending.
std::vector<std::int32_t> process_ids(const std::string& proc_root);

// The file name of the program, from `exe`, else from `comm` (which the kernel cuts to 15 bytes). Never
// arguments.
std::optional<std::string> program_name(const std::string& proc_root, std::int32_t pid);

// Control characters replaced, cut to `bytes_max`.
std::string printable(std::string_view text, std::size_t bytes_max);

// The whole text as a number, blanks around it allowed.
std::optional<std::uint64_t> number_in(std::string_view text, int base = 10);

// The text without blanks and line ends around it; always a part of `text`, also when nothing is left.
std::string_view trimmed(std::string_view text);

// The next line of `text`, without its end; `text` becomes what follows.
std::string_view take_line(std::string_view& text);

// "Key:   123 kB" in the manner of /proc/meminfo and /proc/PID/status, as bytes. A missing unit counts as
// bytes.
std::optional<std::uint64_t> bytes_of_key(std::string_view text, std::string_view key);

}  // namespace stoker::gpu
