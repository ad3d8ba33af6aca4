// Result files on disk: DIR/WORKSHOP/JOB/N.ext.
//
// Purpose: a result is either complete under its name or not there: temporary name → fsync → rename
//   → fsync of the folder. A file of the same name is replaced.
// Threading: all members may block; call them through Loop::offload. Safe to call from several
//   threads; two writers of one name leave one of the two files, whole; writing to a job while it
//   is removed may fail.
// Safety: numbers and a checked extension are the whole path, and no symbolic link below DIR is
//   followed.
// Limits: result_bytes_max per file, kWorkshopBytesMax per workshop.
// Errors: disk_full, too_large, limit_reached (workshop quota), bad_request (extension), not_found,
//   internal.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "domain/ids.h"
#include "domain/medium.h"
#include "storage/file_handle.h"

namespace stoker {

inline constexpr std::uint64_t kImageBytesMax = 64 * kBytesPerMiB;
inline constexpr std::uint64_t kVideoBytesMax = 512 * kBytesPerMiB;
inline constexpr std::uint64_t kWorkshopBytesMax = 20 * 1024 * kBytesPerMiB;
inline constexpr std::size_t kExtensionLengthMax = 8;

// Videos kVideoBytesMax, everything else kImageBytesMax.
std::uint64_t result_bytes_max(Medium medium);

struct ResultName {
  WorkshopId workshop;
  JobId job;
  std::uint32_t n = 0;
  std::string extension;  // 1 to kExtensionLengthMax ASCII letters and digits
};

// What can go wrong on a disk, step by step.
enum class FileStep : std::uint8_t { make_folder, create, write, sync, rename, sync_folder };
inline constexpr int kFileStepCount = 6;

// The disk as tests want it. Both are called on the thread that works and must be safe there.
struct ResultFilesFaults {
  // Called before each step of a write: an errno makes the step fail with it, 0 lets it happen.
  std::function<int(FileStep)> before = {};
  // Replaces the answer of free_bytes.
  std::function<std::uint64_t()> free_bytes = {};
};

class ResultFiles {
 public:
  // Creates the folder (0700), removes temporary files of an earlier life, counts what each
  // workshop holds.
  static Result<ResultFiles> open(std::string directory, ResultFilesFaults faults = {});
  ~ResultFiles();
  ResultFiles(ResultFiles&& other) noexcept;
  ResultFiles& operator=(ResultFiles&& other) noexcept;

  Result<void> write(const ResultName& name, Medium medium, std::string_view bytes);
  Result<std::uint64_t> size(const ResultName& name) const;
  // `length` bytes from `offset`, fewer at the end of the file.
  Result<std::string> read(const ResultName& name, std::uint64_t offset, std::size_t length) const;
  // Empty for a name with a bad extension.
  std::string path(const ResultName& name) const;
  // What is not there is removed already.
  Result<void> remove_job(WorkshopId workshop, JobId job);
  Result<void> remove_workshop(WorkshopId workshop);
  std::uint64_t workshop_bytes(WorkshopId workshop) const;
  // Bytes free on the file system; new jobs are refused below kFreeBytesMin.
  Result<std::uint64_t> free_bytes() const;

  static constexpr std::uint64_t kFreeBytesMin = 512 * kBytesPerMiB;

 private:
  class Quota;

  ResultFiles(std::string directory, FileHandle folder, ResultFilesFaults faults);

  Result<void> put(int folder, const ResultName& name, std::string_view bytes);
  Result<FileHandle> make_job_folder(const ResultName& name) const;
  Result<void> write_part(int folder, const std::string& part, const ResultName& name,
                          std::string_view bytes) const;
  Result<void> rename_part(int folder, const std::string& part, const ResultName& name);
  Result<FileHandle> open_result(const ResultName& name) const;
  Result<void> step(FileStep step, const ResultName& name) const;

  std::string directory_;
  FileHandle folder_;
  ResultFilesFaults faults_;
  std::unique_ptr<Quota> quota_;
};

}  // namespace stoker
