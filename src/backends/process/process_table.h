// The processes of this machine, as far as leftovers need to know them.
//
// Threading: no state. Everything here reads /proc and takes some milliseconds: for slow work, not for the loop.
// Limits: kProcessesMax processes, kEnvironmentBytesMax of an environment.
// Errors: none; a process that is gone or may not be read is left out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stoker {

inline constexpr std::size_t kProcessesMax = 65536;
inline constexpr std::size_t kEnvironmentBytesMax = 256 * 1024;

struct ProcessEntry {
  int pid = 0;
  int group = 0;
  std::uint64_t started = 0;  // clock ticks since boot; with the pid it names a process
  bool lives = true;          // false: a zombie
  std::string program;        // as the kernel cuts it, 15 bytes

  friend bool operator==(const ProcessEntry&, const ProcessEntry&) = default;
};

// The text of /proc/PID/stat.
std::optional<ProcessEntry> parse_process(std::string_view text);

std::optional<ProcessEntry> find_process(int pid);
ProcessEntry this_process();
std::vector<ProcessEntry> all_processes();

// Whether its environment, as it was given at its start, has this "NAME=value".
bool environment_has(int pid, std::string_view variable);

}  // namespace stoker
