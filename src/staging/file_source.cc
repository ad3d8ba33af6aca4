#include "staging/file_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace stoker::staging {
namespace {

std::unexpected<Error> system_failure(std::string_view what, int number) {
  const bool absent = number == ENOENT || number == ENOTDIR;
  return fail(absent ? ErrorCode::not_found : ErrorCode::internal,
              std::string(what) + ": " + std::generic_category().message(number));
}

}  // namespace

Result<std::unique_ptr<FileSource>> FileSource::open(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (descriptor < 0) return system_failure("cannot be opened", errno);
  std::unique_ptr<FileSource> source(new FileSource(descriptor, 0));
  struct stat status{};
  if (::fstat(descriptor, &status) != 0) return system_failure("cannot be looked at", errno);
  if (!S_ISREG(status.st_mode)) return fail(ErrorCode::bad_request, "is no regular file");
  source->size_ = static_cast<std::uint64_t>(status.st_size);
  return source;
}

FileSource::~FileSource() {
  ::close(descriptor_);
}

Result<void> FileSource::read(std::uint64_t offset, std::span<char> into) {
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t got = ::pread(descriptor_, into.data() + done, into.size() - done,
                                static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_failure("cannot be read", errno);
    if (got == 0) return fail(ErrorCode::bad_request, "became shorter while it was read");
    done += static_cast<std::size_t>(got);
  }
  return {};
}

}  // namespace stoker::staging
