#include "storage/result_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <map>
#include <mutex>
#include <utility>

#include "storage/file_sync.h"
#include "storage/folder_tree.h"
#include "storage/system_error.h"

namespace stoker {
namespace {

constexpr std::string_view kPartPrefix = ".part-";

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool valid_extension(std::string_view extension) {
  return !extension.empty() && extension.size() <= kExtensionLengthMax &&
         std::ranges::all_of(extension, is_letter_or_digit);
}

std::string folder_name(WorkshopId workshop) {
  return std::to_string(workshop.value);
}
std::string folder_name(JobId job) {
  return std::to_string(job.value);
}
std::string file_name(const ResultName& name) {
  return std::to_string(name.n) + "." + name.extension;
}
std::string inner_path(const ResultName& name) {
  return folder_name(name.workshop) + "/" + folder_name(name.job) + "/" + file_name(name);
}

std::unexpected<Error> bad_extension() {
  return fail(ErrorCode::bad_request, "an extension has 1 to 8 letters and digits", "extension");
}

// The bytes of the results in one workshop's folder; removes what an earlier life did not finish.
Result<std::uint64_t> count_and_tidy(int workshop) {
  const auto jobs = names_in(workshop);
  if (!jobs) return fail(jobs.error());
  std::uint64_t bytes = 0;
  for (const std::string& job : *jobs) {
    const auto folder = open_folder(workshop, job);
    if (!folder) continue;  // no folder of ours
    const auto files = names_in(folder->get());
    if (!files) return fail(files.error());
    for (const std::string& file : *files) {
      if (file.starts_with(kPartPrefix)) {
        unlinkat(folder->get(), file.c_str(), 0);
        continue;
      }
      struct stat found{};
      const bool there = fstatat(folder->get(), file.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0;
      if (there && S_ISREG(found.st_mode)) bytes += static_cast<std::uint64_t>(found.st_size);
    }
  }
  return bytes;
}

Result<std::uint64_t> size_of(const FileHandle& file) {
  struct stat found{};
  if (fstat(file.get(), &found) != 0) return fail(system_error("look at a result", errno));
  if (!S_ISREG(found.st_mode)) return fail(ErrorCode::not_found, "a result is no file");
  return static_cast<std::uint64_t>(found.st_size);
}

}  // namespace

std::uint64_t result_bytes_max(Medium medium) {
  return medium == Medium::video ? kVideoBytesMax : kImageBytesMax;
}

// What each workshop holds. A write takes its room before it begins, so that several cannot overrun
// the limit together.
class ResultFiles::Quota {
 public:
  bool take(WorkshopId workshop, std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    std::uint64_t& held = held_[workshop];
    if (bytes > kWorkshopBytesMax || held > kWorkshopBytesMax - bytes) return false;
    held += bytes;
    return true;
  }
  void give_back(WorkshopId workshop, std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    std::uint64_t& held = held_[workshop];
    held -= std::min(held, bytes);
  }
  // Counts what was found at the start, which may be over the limit.
  void add(WorkshopId workshop, std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    held_[workshop] += bytes;
  }
  std::uint64_t held(WorkshopId workshop) const {
    const std::lock_guard lock(mutex_);
    const auto found = held_.find(workshop);
    return found == held_.end() ? 0 : found->second;
  }

  // Held while a name changes hands, so that a replaced file is given back once.
  std::mutex renames;
  std::atomic<std::uint64_t> parts = 0;

 private:
  mutable std::mutex mutex_;
  std::map<WorkshopId, std::uint64_t> held_;
};

ResultFiles::ResultFiles(std::string directory, FileHandle folder, ResultFilesFaults faults)
    : directory_(std::move(directory)),
      folder_(std::move(folder)),
      faults_(std::move(faults)),
      quota_(std::make_unique<Quota>()) {}
ResultFiles::~ResultFiles() = default;
ResultFiles::ResultFiles(ResultFiles&& other) noexcept = default;
ResultFiles& ResultFiles::operator=(ResultFiles&& other) noexcept = default;

Result<ResultFiles> ResultFiles::open(std::string directory, ResultFilesFaults faults) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(directory).parent_path(), error);
  if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail(system_error("make " + directory, errno));
  }
  FileHandle folder(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return fail(system_error("open " + directory, errno));

  ResultFiles files(std::move(directory), std::move(folder), std::move(faults));
  const auto names = names_in(files.folder_.get());
  if (!names) return fail(names.error());
  for (const std::string& name : *names) {
    WorkshopId workshop;
    const char* const end = name.data() + name.size();
    const auto number = std::from_chars(name.data(), end, workshop.value);
    if (number.ec != std::errc{} || number.ptr != end) continue;
    const auto inner = open_folder(files.folder_.get(), name);
    if (!inner) continue;
    const auto bytes = count_and_tidy(inner->get());
    if (!bytes) return fail(bytes.error());
    files.quota_->add(workshop, *bytes);
  }
  return files;
}

Result<void> ResultFiles::step(FileStep step, const ResultName& name) const {
  const int error = faults_.before ? faults_.before(step) : 0;
  if (error == 0) return {};
  return fail(system_error("write result " + inner_path(name), error));
}

Result<void> ResultFiles::write(const ResultName& name, Medium medium, std::string_view bytes) {
  if (!valid_extension(name.extension)) return bad_extension();
  if (bytes.size() > result_bytes_max(medium)) {
    return fail(ErrorCode::too_large, "a result is over its limit",
                std::to_string(result_bytes_max(medium)));
  }
  if (!quota_->take(name.workshop, bytes.size())) {
    return fail(ErrorCode::limit_reached, "the workshop's results are over their limit",
                std::to_string(kWorkshopBytesMax));
  }
  const auto folder = make_job_folder(name);
  const Result<void> written = folder ? put(folder->get(), name, bytes) : fail(folder.error());
  if (!written) {
    quota_->give_back(name.workshop, bytes.size());
    return written;
  }
  // From here on the file is whole under its name, and counted, also where its name turns out not
  // to be durable.
  if (auto ok = step(FileStep::sync_folder, name); !ok) return ok;
  if (fsync(folder->get()) != 0)
    return fail(system_error("write result " + inner_path(name), errno));
  return {};
}

Result<void> ResultFiles::put(int folder, const ResultName& name, std::string_view bytes) {
  const std::string part = std::string(kPartPrefix) + std::to_string(++quota_->parts);
  auto written = write_part(folder, part, name, bytes);
  if (written) written = rename_part(folder, part, name);
  if (!written) unlinkat(folder, part.c_str(), 0);
  return written;
}

Result<FileHandle> ResultFiles::make_job_folder(const ResultName& name) const {
  if (auto ok = step(FileStep::make_folder, name); !ok) return fail(ok.error());
  const auto workshop = make_folder(folder_.get(), folder_name(name.workshop));
  if (!workshop) return fail(workshop.error());
  return make_folder(workshop->get(), folder_name(name.job));
}

Result<void> ResultFiles::write_part(int folder, const std::string& part, const ResultName& name,
                                     std::string_view bytes) const {
  const auto failed = [&name](int error) {
    return fail(system_error("write result " + inner_path(name), error));
  };
  if (auto ok = step(FileStep::create, name); !ok) return ok;
  const FileHandle file(
      openat(folder, part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return failed(errno);
  if (auto ok = step(FileStep::write, name); !ok) return ok;
  while (!bytes.empty()) {
    const ssize_t count = ::write(file.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed(errno);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  if (auto ok = step(FileStep::sync, name); !ok) return ok;
  if (fsync(file.get()) != 0) return failed(errno);
  return {};
}

Result<void> ResultFiles::rename_part(int folder, const std::string& part, const ResultName& name) {
  if (auto ok = step(FileStep::rename, name); !ok) return ok;
  const std::string target = file_name(name);
  const std::lock_guard lock(quota_->renames);
  struct stat replaced{};
  const bool replaces = fstatat(folder, target.c_str(), &replaced, AT_SYMLINK_NOFOLLOW) == 0;
  if (renameat(folder, part.c_str(), folder, target.c_str()) != 0) {
    return fail(system_error("write result " + inner_path(name), errno));
  }
  if (replaces) quota_->give_back(name.workshop, static_cast<std::uint64_t>(replaced.st_size));
  return {};
}

Result<FileHandle> ResultFiles::open_result(const ResultName& name) const {
  if (!valid_extension(name.extension)) return bad_extension();
  const auto workshop = open_folder(folder_.get(), folder_name(name.workshop));
  if (!workshop) return fail(workshop.error());
  const auto job = open_folder(workshop->get(), folder_name(name.job));
  if (!job) return fail(job.error());
  FileHandle file(
      openat(job->get(), file_name(name).c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file) return fail(system_error("open result " + inner_path(name), errno));
  return file;
}

Result<std::uint64_t> ResultFiles::size(const ResultName& name) const {
  const auto file = open_result(name);
  if (!file) return fail(file.error());
  return size_of(*file);
}

Result<std::string> ResultFiles::read(const ResultName& name, std::uint64_t offset,
                                      std::size_t length) const {
  const auto file = open_result(name);
  if (!file) return fail(file.error());
  const auto bytes = size_of(*file);
  if (!bytes) return fail(bytes.error());
  if (offset >= *bytes) return std::string();

  std::string read(std::min<std::uint64_t>(length, *bytes - offset), '\0');
  std::size_t filled = 0;
  while (filled < read.size()) {
    const ssize_t count = pread(file->get(), read.data() + filled, read.size() - filled,
                                static_cast<off_t>(offset + filled));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(system_error("read result " + inner_path(name), errno));
    if (count == 0) break;
    filled += static_cast<std::size_t>(count);
  }
  read.resize(filled);
  return read;
}

std::string ResultFiles::path(const ResultName& name) const {
  return valid_extension(name.extension) ? directory_ + "/" + inner_path(name) : std::string();
}

Result<void> ResultFiles::remove_job(WorkshopId workshop, JobId job) {
  const auto folder = open_folder(folder_.get(), folder_name(workshop));
  if (!folder && folder.error().code == ErrorCode::not_found) return {};
  if (!folder) return fail(folder.error());
  const auto removed = remove_tree(folder->get(), folder_name(job));
  if (!removed) return fail(removed.error());
  quota_->give_back(workshop, *removed);
  if (fsync(folder->get()) != 0) return fail(system_error("remove results", errno));
  return {};
}

Result<void> ResultFiles::remove_workshop(WorkshopId workshop) {
  const auto removed = remove_tree(folder_.get(), folder_name(workshop));
  if (!removed) return fail(removed.error());
  quota_->give_back(workshop, *removed);
  if (fsync(folder_.get()) != 0) return fail(system_error("remove results", errno));
  return {};
}

std::uint64_t ResultFiles::workshop_bytes(WorkshopId workshop) const {
  return quota_->held(workshop);
}

Result<std::uint64_t> ResultFiles::free_bytes() const {
  if (faults_.free_bytes) return faults_.free_bytes();
  struct statvfs found{};
  if (fstatvfs(folder_.get(), &found) != 0)
    return fail(system_error("look at " + directory_, errno));
  return static_cast<std::uint64_t>(found.f_bavail) * found.f_frsize;
}

}  // namespace stoker
