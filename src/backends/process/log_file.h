// The lines of one engine in a file.
//
// Purpose: what an engine said, for the operator; the file before is kept as PATH.1.
// Threading: loop; writing is slow work.
// Limits: `bytes_max` per file, two files; kLogWaitingBytesMax not yet written: beyond that lines are dropped.
// Errors: none; a file that cannot be written has no lines. The file is readable for its owner alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "backends/process/ordered_work.h"
#include "base/bytes.h"
#include "base/loop.h"

namespace stoker {

inline constexpr std::uint64_t kLogFileBytesMax = 8 * kBytesPerMiB;
inline constexpr std::size_t kLogWaitingBytesMax = 1024 * 1024;

class LogFile {
 public:
  // An empty path: nothing is written.
  LogFile(Loop& loop, std::string path, std::uint64_t bytes_max = kLogFileBytesMax);

  void add(const std::vector<std::string>& lines);

 private:
  void write();

  const std::string path_;
  const std::uint64_t bytes_max_;
  std::string waiting_;
  bool writing_ = false;
  OrderedWork work_;
};

}  // namespace stoker
