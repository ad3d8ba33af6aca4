// A file as a source of bytes.
//
// Threading: one caller. Ownership: holds the descriptor until it ends. Errors: not_found,
// bad_request for what is no regular file, internal with the system's words. A pipe or device is
// never waited for.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/error.h"
#include "staging/byte_source.h"

namespace stoker::staging {

class FileSource final : public ByteSource {
 public:
  static Result<std::unique_ptr<FileSource>> open(const std::string& path);
  ~FileSource() override;

  std::uint64_t size() const override { return size_; }
  Result<void> read(std::uint64_t offset, std::span<char> into) override;

 private:
  FileSource(int descriptor, std::uint64_t size) : descriptor_(descriptor), size_(size) {}

  int descriptor_;
  std::uint64_t size_;
};

}  // namespace stoker::staging
