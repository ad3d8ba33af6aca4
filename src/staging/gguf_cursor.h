// Walks through the header of a GGUF file, never beyond its end.
//
// Ownership: lends the source. Threading: one caller. Limits: a buffer of kWindowBytes; what is
// passed over is not read.
// Errors: bad_request for an end that comes too soon, or what the source says. After an error the
// cursor is of no use.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "base/error.h"
#include "staging/byte_source.h"

namespace stoker::staging {

class GgufCursor {
 public:
  static constexpr std::size_t kWindowBytes = 64 * 1024;

  explicit GgufCursor(ByteSource& source);

  std::uint64_t position() const { return position_; }

  // A little-endian number as the machine has it.
  template <class Number>
  Result<Number> number() {
    static_assert(std::is_arithmetic_v<Number> && std::endian::native == std::endian::little);
    if (auto ready = fill(sizeof(Number)); !ready) return std::unexpected(std::move(ready.error()));
    Number value;
    std::memcpy(&value, window_.data() + (position_ - window_begin_), sizeof(Number));
    position_ += sizeof(Number);
    return value;
  }

  // A text with its length before it; a longer one than `bytes_max` is refused.
  Result<std::string> text(std::uint64_t bytes_max);

  // Passes over a text of any length, or over bytes.
  Result<void> skip_text();
  Result<void> skip(std::uint64_t bytes);

 private:
  // Makes `bytes` (at most kWindowBytes) from the position on stand in the window.
  Result<void> fill(std::size_t bytes);
  Result<void> check_left(std::uint64_t bytes) const;

  ByteSource& source_;
  std::uint64_t end_;
  std::uint64_t position_ = 0;
  std::uint64_t window_begin_ = 0;
  std::vector<char> window_;
};

}  // namespace stoker::staging
