// Result files on disk: DIR/WORKSHOP/JOB/N.ext.
//
// Purpose: a result is either complete under its name or not there: temporary name → fsync → rename → fsync of the folder.
// Threading: all members may block; call them through Loop::offload. Safe to call from several threads for different jobs.
// Limits: kImageBytesMax and kVideoBytesMax per file, kWorkshopBytesMax per workshop.
// Errors: disk_full, too_large, limit_reached (workshop quota), not_found, internal.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "domain/ids.h"
#include "domain/medium.h"

namespace stoker {

inline constexpr std::uint64_t kImageBytesMax = 64 * kBytesPerMiB;
inline constexpr std::uint64_t kVideoBytesMax = 512 * kBytesPerMiB;
inline constexpr std::uint64_t kWorkshopBytesMax = 20 * 1024 * kBytesPerMiB;

std::uint64_t result_bytes_max(Medium medium);

struct ResultName {
  WorkshopId workshop;
  JobId job;
  std::uint32_t n = 0;
  std::string extension;  // letters and digits only
};

class ResultFiles {
 public:
  // Creates the folder, removes temporary files of an earlier life, counts what each workshop holds.
  static Result<ResultFiles> open(std::string directory);

  Result<void> write(const ResultName& name, Medium medium, std::string_view bytes);
  Result<std::uint64_t> size(const ResultName& name) const;
  // `length` bytes from `offset`, fewer at the end of the file.
  Result<std::string> read(const ResultName& name, std::uint64_t offset, std::size_t length) const;
  std::string path(const ResultName& name) const;
  Result<void> remove_job(WorkshopId workshop, JobId job);
  Result<void> remove_workshop(WorkshopId workshop);
  // Bytes free on the file system; new jobs are refused below kFreeBytesMin.
  Result<std::uint64_t> free_bytes() const;

  static constexpr std::uint64_t kFreeBytesMin = 512 * kBytesPerMiB;

 private:
  explicit ResultFiles(std::string directory) : directory_(std::move(directory)) {}
  std::string directory_;
};

}  // namespace stoker
