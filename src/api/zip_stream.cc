#include "api/zip_stream.h"

#include <archive.h>
#include <archive_entry.h>

#include <utility>

namespace stoker::api {
namespace {

constexpr int kFileMode = 0644;

la_ssize_t keep(archive*, void* ready, const void* bytes, std::size_t length) {
  static_cast<std::string*>(ready)->append(static_cast<const char*>(bytes), length);
  return static_cast<la_ssize_t>(length);
}

}  // namespace

Result<std::unique_ptr<ZipStream>> ZipStream::create() {
  archive* handle = archive_write_new();
  if (handle == nullptr) return fail(ErrorCode::internal, "no memory for an archive");
  std::unique_ptr<ZipStream> zip(new ZipStream(handle));
  if (archive_write_set_format_zip(handle) != ARCHIVE_OK) return zip->failure();
  // Hands every block on at once, and does not fill up the last one.
  archive_write_set_bytes_per_block(handle, 0);
  if (archive_write_open(handle, &zip->ready_, nullptr, keep, nullptr) != ARCHIVE_OK)
    return zip->failure();
  return zip;
}

ZipStream::~ZipStream() {
  archive_write_free(archive_);
}

std::unexpected<Error> ZipStream::failure() const {
  const char* words = archive_error_string(archive_);
  return fail(ErrorCode::internal, words == nullptr ? "archive" : words);
}

Result<void> ZipStream::begin_file(const std::string& name, std::uint64_t size, WallTime modified,
                                   Packing packing) {
  const int set = packing == Packing::stored ? archive_write_zip_set_compression_store(archive_)
                                             : archive_write_zip_set_compression_deflate(archive_);
  if (set != ARCHIVE_OK) return failure();
  struct Free {
    void operator()(archive_entry* entry) const { archive_entry_free(entry); }
  };
  const std::unique_ptr<archive_entry, Free> entry(archive_entry_new());
  archive_entry_set_pathname(entry.get(), name.c_str());
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(size));
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), kFileMode);
  archive_entry_set_mtime(entry.get(), modified.ms / 1000, 0);
  if (archive_write_header(archive_, entry.get()) != ARCHIVE_OK) return failure();
  return {};
}

Result<void> ZipStream::append(std::string_view bytes) {
  if (archive_write_data(archive_, bytes.data(), bytes.size()) < 0) return failure();
  return {};
}

Result<void> ZipStream::finish() {
  if (archive_write_close(archive_) != ARCHIVE_OK) return failure();
  return {};
}

}  // namespace stoker::api
