// Engines that an earlier life of the server left behind.
//
// Purpose: a killed server must not leave a model in VRAM. Each running engine has a small file that names its process
//   by pid and start time, and a mark in its environment; whatever of that is still there is stopped before the engine
//   starts again, and at the server's start.
// Threading: PidFile functions and `find_leftovers` block (slow work); LeftoverSweep lives on the loop.
// Ownership: a sweep keeps itself until it is done and answers on the loop; it borrows the loop alone.
// Limits: kPidFilesMax files in a folder, kPidFileBytesMax each; kLeftoverWaitMax after SIGKILL.
// Errors: internal, with the numbers of processes that stay. A file that cannot be read names nobody.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backends/process/process_table.h"
#include "base/error.h"
#include "base/loop.h"

namespace stoker {

inline constexpr std::size_t kPidFilesMax = 2000;
inline constexpr std::size_t kPidFileBytesMax = 4096;
inline constexpr Duration kLeftoverWaitMax = seconds(10);
inline constexpr Duration kLeftoverLook = milliseconds(50);
inline constexpr const char* kEngineMarkVariable = "STOKER_ENGINE";
inline constexpr const char* kPidFileEnding = ".pid";

struct PidRecord {
  int pid = 0;
  std::uint64_t started = 0;
  std::string program = {};
  std::string mark = {};  // of the environment; unique for engine and life of the server

  friend bool operator==(const PidRecord&, const PidRecord&) = default;
};
std::string pid_record_text(const PidRecord& record);
std::optional<PidRecord> parse_pid_record(std::string_view text);

// A file name for an engine: other characters than letters, digits, '.', '_' and '-' replaced, different for every name.
std::string engine_file_name(std::string_view engine);

// Notes the process with this pid, if it is there. False: the file could not be written.
bool write_pid_file(const std::string& path, int pid, const std::string& mark);
void remove_pid_file(const std::string& path);
// The pid files of a folder, sorted.
std::vector<std::string> pid_files_in(const std::string& folder);

// Who of `processes` belongs to the record: the noted process with its group, as long as it is there, and whoever has
// the mark. `has_mark` is asked only when needed.
std::vector<ProcessEntry> leftovers_of(const PidRecord& record,
                                       const std::vector<ProcessEntry>& processes,
                                       const std::function<bool(int pid)>& has_mark);

// Ends what these files name and removes the files: SIGTERM, SIGKILL after `grace`. The answer says how many processes
// there were.
void sweep_leftovers(Loop& loop, std::vector<std::string> pid_files, Duration grace,
                     std::move_only_function<void(Result<int>)> done);

}  // namespace stoker
