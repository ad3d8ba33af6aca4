// Where a parser gets bytes of a file from: the file itself, or memory in tests.
//
// Threading: one caller at a time. Ownership: lent to a parser for the length of a call.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/error.h"

namespace stoker::staging {

class ByteSource {
 public:
  ByteSource() = default;
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;
  virtual ~ByteSource() = default;

  virtual std::uint64_t size() const = 0;

  // Fills `into` from `offset` on. The caller asks for nothing beyond size(); a file that became
  // shorter, or a disk that does not answer, is an error.
  virtual Result<void> read(std::uint64_t offset, std::span<char> into) = 0;
};

class MemorySource final : public ByteSource {
 public:
  // `bytes` outlives the source.
  explicit MemorySource(std::string_view bytes) : bytes_(bytes) {}

  std::uint64_t size() const override { return bytes_.size(); }

  Result<void> read(std::uint64_t offset, std::span<char> into) override {
    if (offset > bytes_.size() || into.size() > bytes_.size() - offset)
      return fail(ErrorCode::bad_request, "a read beyond the end");
    std::ranges::copy(bytes_.substr(offset, into.size()), into.begin());
    return {};
  }

 private:
  std::string_view bytes_;
};

}  // namespace stoker::staging
